"""What the proofs assume of every activation in the registry: nondecreasing, slope at most 1, elementwise."""

from typing import get_args

import pytest
import torch

from core.networks.activations import activation_of
from core.specs.networks import Activation, Fcn

SPECS = [Fcn(widths=(1,), activation=name) for name in get_args(Activation)] + [
    Fcn(widths=(1,), activation="leaky_relu", slope=0.0),
    Fcn(widths=(1,), activation="leaky_relu", slope=1.0),
    Fcn(widths=(1,), activation="softplus", gamma=20.0),
    Fcn(widths=(1,), activation="softplus", gamma=0.05),
]
POWERS = torch.logspace(-30, 300, 3001, dtype=torch.float64)
Z = torch.cat([-POWERS.flip(0), torch.zeros(1), POWERS, torch.linspace(-50, 50, 20001)]).double().sort().values
TORCH_SOFTPLUS_STEP = 2.1e-9  # torch replaces log(1 + exp(u)) by u above u = 20: a step of this size / gamma


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_activations_are_nondecreasing_with_slope_at_most_one(spec: Fcn) -> None:
    act = activation_of(spec) or (lambda z: z)
    values = act(Z)
    step = TORCH_SOFTPLUS_STEP / spec.gamma if spec.activation == "softplus" else 0.0
    assert (values.diff() >= -step).all()
    rounding = 1e-15 * (1 + Z.abs()[1:])
    assert (values.diff() <= Z.diff() * (1 + 1e-12) + step + rounding).all()
    assert values.isfinite().all()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_bound_on_an_interval_is_at_its_ends(spec: Fcn) -> None:
    act = activation_of(spec) or (lambda z: z)
    B = POWERS[::50, None]
    inside = act(B * torch.linspace(-1, 1, 41, dtype=torch.float64)).abs().amax(1)
    ends = torch.maximum(act(B).abs(), act(-B).abs())[:, 0]
    assert (inside <= ends * (1 + 1e-8)).all()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_activations_act_elementwise(spec: Fcn) -> None:
    act = activation_of(spec) or (lambda z: z)
    z = torch.linspace(-3, 3, 24, dtype=torch.float64)
    one_by_one = torch.stack([act(one) for one in z])
    assert torch.allclose(act(z.view(2, 3, 4)).flatten(), one_by_one, rtol=1e-14, atol=0)
