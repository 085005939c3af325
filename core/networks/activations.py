"""Elementwise activations by name."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from core.networks.layered import Activation
from core.specs.networks import Cnn, Fcn


def activation_of(spec: Fcn | Cnn) -> Activation | None:
    """The activation that a spec names, None for linear."""
    named: dict[str, Activation | None] = {
        "relu": torch.relu,
        "leaky_relu": partial(functional.leaky_relu, negative_slope=spec.slope),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softplus": partial(_softplus, gamma=spec.gamma),
        "elu": functional.elu,
        "linear": None,
    }
    return named[spec.activation]


def gain_of(spec: Fcn | Cnn) -> float:
    """Scale of the initial weights that keeps variances over the layers (He et al. 2015 for relu)."""
    match spec.activation:
        case "softplus" | "elu":  # near relu in effect; torch knows no gain for them
            return 2**0.5
        case known:
            return torch.nn.init.calculate_gain(known, spec.slope)


def _softplus(z: Tensor, gamma: float) -> Tensor:
    return functional.softplus(z, beta=gamma)
