"""Elementwise activations, by name and as modules: nondecreasing, with slope at most 1."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.networks.layered import Activation
from core.specs.networks import Activated

Derivative = Callable[[Tensor, Tensor], Tensor]


def activation_of(spec: Activated) -> Activation | None:
    """The activation that a spec names, None for linear."""
    return _named(spec.slope, spec.gamma)[spec.activation]


def activation_in(module: nn.Module) -> Activation | None:
    """The activation that a torch module is; None where it is none of those known."""
    match module:
        case nn.ReLU() | nn.Sigmoid() | nn.Tanh():
            return _named(0.0, 1.0)[type(module).__name__.lower()]
        case nn.LeakyReLU(negative_slope=slope) if 0 <= slope <= 1:
            return _named(slope, 1.0)["leaky_relu"]
        case nn.Softplus(beta=gamma, threshold=20) if gamma > 0:
            return _named(0.0, gamma)["softplus"]
        case nn.ELU(alpha=1):
            return _named(0.0, 1.0)["elu"]
        case _:
            return None


def _named(slope: float, gamma: float) -> dict[str, Activation | None]:
    return {
        "relu": torch.relu,
        "leaky_relu": partial(functional.leaky_relu, negative_slope=slope),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softplus": partial(_softplus, gamma=gamma),
        "elu": functional.elu,
        "linear": None,
    }


def activation_name(activation: Activation | None) -> str:
    """The name that `activation_of` knows it by; "unknown" for what is none of those."""
    known: dict[Callable[..., Tensor] | None, str] = {
        None: "linear",
        torch.relu: "relu",
        torch.sigmoid: "sigmoid",
        torch.tanh: "tanh",
        functional.elu: "elu",
        functional.leaky_relu: "leaky_relu",
        _softplus: "softplus",
    }
    return known.get(activation.func if isinstance(activation, partial) else activation, "unknown")


def derivative_of(activation: Activation | None) -> Derivative | None:
    """(D, F) -> D * act'(Z) for features F = act(Z): of those activations whose value alone tells their slope."""
    aten = torch.ops.aten
    if activation is None:
        return lambda D, F: D  # noqa: ARG005
    if isinstance(activation, partial) and activation.func is functional.leaky_relu:
        slope = activation.keywords["negative_slope"]
        return (lambda D, F: aten.leaky_relu_backward(D, F, slope, True)) if slope >= 0 else None
    known: dict[Activation, Derivative] = {
        torch.relu: lambda D, F: aten.threshold_backward(D, F, 0),
        torch.sigmoid: aten.sigmoid_backward,
        torch.tanh: aten.tanh_backward,
    }
    return known.get(activation)


def gain_of(spec: Activated) -> float:
    """Scale of the initial weights that keeps variances over the layers (He et al. 2015 for relu)."""
    match spec.activation:
        case "softplus" | "elu":  # near relu in effect; torch knows no gain for them
            return 2**0.5
        case known:
            return torch.nn.init.calculate_gain(known, spec.slope)


def leaky_slope(activation: Activation | None) -> float | None:
    """The slope below zero of leaky ReLU, 1 for linear (None); None for what is neither."""
    if activation is None:
        return 1.0
    if isinstance(activation, partial) and activation.func is functional.leaky_relu and not activation.args:
        slope: float = activation.keywords["negative_slope"]
        return slope
    return None


def shifts_are_independent(activation: Activation | None) -> bool:
    """Whether no function is a weighted sum of its own shifts: Assumption 2.2 of Nguyen 2019, by its Lemma 2.3.

    So it is for piecewise linear functions with two pieces or more and for ELU; of others nothing is known here.
    """
    return activation in (torch.relu, functional.elu) or leaky_slope(activation) not in (None, 1.0)


def _softplus(z: Tensor, gamma: float) -> Tensor:
    return functional.softplus(z, beta=gamma)
