"""Forged segments: every one is refused, and the reason names the place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import pytest
import torch
from torch import Tensor, nn

from core.certify import decide
from core.certify.constancy import exact_sum
from core.certify.decide import Verdict
from core.errors import UsageError
from core.losses import LOSSES
from core.networks.layered import Layer, LayeredNetwork
from core.path import Claim, Segment
from core.problem import Problem

from .segments import (
    CNN,
    Net,
    averaging,
    moved_dead,
    moved_kernel,
    moved_linear_layer,
    moved_output,
    moved_twins,
    normal,
    outputs_along,
    problem_of,
    segment,
)

DECIDABLE = [Claim.INVARIANT, Claim.CONVEX, Claim.DATA_INVARIANT]
TEXTS = ["fcn:6-5", "fcn:6-5-4,activation=tanh", CNN]


def refused(problem: Problem, start: Net, end: Net, claim: Claim) -> Verdict:
    verdict = decide(problem, segment(start, end, claim))
    assert verdict.granted is None
    assert verdict.bound is None
    assert not verdict.proven
    return verdict


# ---- invariant


@pytest.mark.parametrize("text", TEXTS)
def test_a_changed_output_bias_is_refused(text: str) -> None:
    problem = problem_of(text)
    start, end = moved_dead(problem)
    end.bias(end.depth)[1] += 0.25
    reason = refused(problem, start, end, Claim.INVARIANT).reason
    assert reason.startswith(f"layer {end.depth}, unit 1: its bias changes by")


@pytest.mark.parametrize("text", TEXTS)
def test_twins_whose_common_incoming_weights_change_are_refused(text: str) -> None:
    problem = problem_of(text)
    start, end = moved_twins(problem)
    end.weight(1)[[0, 2, 3]] += 0.5
    assert "layer 1, unit 0: its weight from input 0 changes by 0.5" in (
        refused(problem, start, end, Claim.INVARIANT).reason
    )


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("at", ["both ends", "start", "end"])
def test_twins_with_unequal_biases_are_refused(text: str, at: str) -> None:
    problem = problem_of(text)
    start, end = moved_twins(problem)
    for net, name in ((start, "start"), (end, "end")):
        net.bias(1)[3] += 0.5 * (at in (name, "both ends"))
    refused(problem, start, end, Claim.INVARIANT)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("at", [0, 1])
def test_twins_at_one_end_only_are_refused(text: str, at: int) -> None:
    problem = problem_of(text)
    nets = moved_twins(problem)
    nets[at].weight(1)[2] += 1e-9
    refused(problem, *nets, Claim.INVARIANT)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("at", [0, 1])
def test_an_outgoing_weight_at_one_end_makes_a_unit_live(text: str, at: int) -> None:
    problem = problem_of(text)
    for k in range(1, problem.layered.depth):
        nets = moved_dead(problem)
        nets[at].weight(k + 1)[1, 2, -1] = 1e-300
        refused(problem, *nets, Claim.INVARIANT)


@pytest.mark.parametrize("k", [1, 2])
def test_one_nonzero_entry_of_a_block_makes_a_channel_live(k: int) -> None:
    problem = problem_of(CNN)
    start, end = moved_dead(problem)
    for net in (start, end):
        net.weight(k + 1)[1, 2, 4] = 1.0  # at both ends, and all other entries are zero
    assert refused(problem, start, end, Claim.INVARIANT).reason.startswith("layer ")


def test_a_unit_below_a_unit_that_wakes_up_is_live() -> None:
    problem = problem_of("fcn:5-5-5")
    start, end = moved_dead(problem)
    end.weight(4)[0, 0] = 1.0  # unit 0 of layer 3 wakes up, and what moves below it with it
    assert refused(problem, start, end, Claim.INVARIANT).reason.startswith("layer 1, unit 0")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("up", [False, True])
def test_a_sum_over_twins_off_by_one_ulp_is_refused(text: str, up: bool) -> None:
    problem = problem_of(text)
    start, end = moved_twins(problem)
    entry = end.weight(2)[1, 3]
    entry[-1] = torch.nextafter(entry[-1], torch.tensor(float("inf") if up else -float("inf")).double())
    reason = refused(problem, start, end, Claim.INVARIANT).reason
    assert "layer 2, unit 1: its weights from the twins 0, 2, 3 of layer 1" in reason


@pytest.mark.parametrize("big", [1e20, 1e30])
def test_a_sum_that_float64_would_round_to_zero_is_refused(big: float) -> None:
    problem = problem_of("fcn:6-5")
    problem.data.train.x.mul_(1e-30)
    problem.data.test.x.mul_(1e-30)
    start, end = moved_twins(problem)
    for net in (start, end):
        net.bias(1)[:] = 0
        net.weight(3)[:, 0] = 1e-290
    start.weight(2)[0, [0, 2, 3], 0] = torch.tensor([big, 0.0, 0.0], dtype=torch.float64)
    end.weight(2)[0, [0, 2, 3], 0] = torch.tensor([0.0, big, 1e-10], dtype=torch.float64)
    assert "by 1e-10 in sum" in refused(problem, start, end, Claim.INVARIANT).reason
    end.weight(2)[0, 3, 0] = 0.0
    assert decide(problem, segment(start, end, Claim.INVARIANT)).granted is Claim.INVARIANT


@pytest.mark.parametrize(
    ("numbers", "total"),
    [
        ([1.7e308, 1.7e308, -1.7e308, -1.7e308], 0.0),
        ([1.7e308, 1.7e308, 1e-300, -1.7e308, -1.7e308], 1e-300),
        ([1.7e308, 1.7e308, -1.0], float("inf")),
        ([-1.7e308, -1.7e308], -float("inf")),
        ([5e-324, 1e30, -1e30], 5e-324),
    ],
)
def test_sums_are_zero_only_where_they_are(numbers: list[float], total: float) -> None:
    assert exact_sum(numbers) == total


def test_kernels_of_twin_channels_may_not_be_balanced_across_their_entries() -> None:
    problem = problem_of(CNN)
    start, _ = moved_twins(problem)
    start.weight(2)[0, [0, 2, 3]] = 1.0
    end = start.copy()
    end.weight(2)[0, 0, 0], end.weight(2)[0, 2, 1] = 1.5, 0.5
    refused(problem, start, end, Claim.INVARIANT)
    end.weight(2)[0, 2, 0], end.weight(2)[0, 2, 1] = 0.5, 1.0
    assert decide(problem, segment(start, end, Claim.INVARIANT)).granted is Claim.INVARIANT


def test_equal_input_columns_are_no_twins() -> None:
    problem = problem_of("fcn:6-5")
    for split in (problem.data.train, problem.data.test):
        split.x[:, 1] = split.x[:, 0]
    start = Net.random(problem, torch.Generator().manual_seed(0))
    end = start.copy()
    end.weight(1)[:, 0], end.weight(1)[:, 1] = start.weight(1)[:, 1], start.weight(1)[:, 0]
    refused(problem, start, end, Claim.INVARIANT)
    assert decide(problem, segment(start, end, Claim.DATA_INVARIANT)).granted is Claim.DATA_INVARIANT


def test_a_layer_that_shares_its_weights_moves_where_they_do() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(4, 4))

    view = LayeredNetwork((Layer("w", None, 4, 4, activation=torch.tanh), Layer("w", None, 4, 4)))
    problem = Problem(Tied(), problem_of("fcn:6").data, LOSSES["square"], view)
    start, end = moved_dead(problem_of("fcn:6"))  # only for two generators' worth of numbers
    start, end = (Net(problem, {"w": net.weight(1)[:4, :, 0].clone()}) for net in (start, end))
    data = problem.data.train
    object.__setattr__(data, "y", torch.nn.functional.one_hot(data.y, 4).double())
    for claim in DECIDABLE:
        refused(problem, start, end, claim)


# ---- finite


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("claim", DECIDABLE)
@pytest.mark.parametrize("both", [False, True])
def test_points_that_are_not_finite_are_refused(value: float, claim: Claim, both: bool) -> None:
    problem = problem_of("fcn:6-5")
    start, end = moved_dead(problem)
    end.weight(1)[0, 1, 0] = value
    if both:
        start.weight(1)[0, 1, 0] = value
    assert "layers.0.weight, entry 1: it is" in refused(problem, start, end, claim).reason


@pytest.mark.parametrize("claim", DECIDABLE)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "softplus", "elu", "linear"])
def test_a_dead_unit_that_overflows_is_refused(claim: Claim, activation: str) -> None:
    problem = problem_of(f"fcn:6-5,activation={activation}")
    start, end = moved_dead(problem)
    end.weight(1)[0] = 1e308
    assert "layer 1, unit 0: its pre-activation may reach" in refused(problem, start, end, claim).reason


@pytest.mark.parametrize("claim", DECIDABLE)
def test_a_product_that_overflows_only_between_the_ends_is_refused(claim: Claim) -> None:
    problem = problem_of("fcn:6-5")
    start, end = moved_dead(problem)
    start.weight(1)[0], end.weight(1)[0] = 1e200, 0
    start.weight(2)[0, 0], end.weight(2)[0, 0] = 0, 1e200
    _, outputs = outputs_along(segment(start, end, claim), problem, 3)
    assert outputs[[0, -1]].isfinite().all()
    assert outputs[1].isnan().any()
    assert "layer 2, unit 0" in refused(problem, start, end, claim).reason


def test_large_negative_inputs_are_large() -> None:
    problem = problem_of("fcn:6-5")
    start, end = moved_dead(problem)
    for net in (start, end):
        net.weight(1)[[1, 3, 4, 5], 2] = 0.0
        net.weight(1)[[0, 2], 2] = 1e10
    problem.data.train.x[:, 2] = problem.data.test.x[:, 2] = -1e295
    assert "layer 1, unit 0: its pre-activation may reach 1e+305" in (
        refused(problem, start, end, Claim.INVARIANT).reason
    )


def test_an_activation_that_grows_faster_is_bounded_as_it_is() -> None:
    known = problem_of("fcn:6-5")
    layers = tuple(
        layer if layer.activation is None else replace(layer, activation=lambda z: z**3)
        for layer in known.layered.layers
    )
    problem = Problem(known.network, known.data, known.loss, LayeredNetwork(layers))
    start, end = moved_dead(problem)
    assert decide(problem, segment(start, end, Claim.INVARIANT)).granted is Claim.INVARIANT
    end.weight(2)[0, 1] = 1e105
    assert "layer 2, unit 0: its activation may reach" in (refused(problem, start, end, Claim.INVARIANT).reason)


def test_a_change_that_overflows_is_refused() -> None:
    problem = problem_of("fcn:6-5,activation=sigmoid")
    start, end = moved_dead(problem)
    start.bias(1)[0], end.bias(1)[0] = 1e308, -1e308
    assert "it is -inf as a change" in refused(problem, start, end, Claim.INVARIANT).reason


def test_end_losses_that_are_not_finite_are_refused() -> None:
    problem = problem_of("fcn:6-5", loss="square")
    start, end = moved_dead(problem)
    for net in (start, end):
        net.bias(3)[:] = 1e200
    assert "the losses at its ends are inf and inf" in refused(problem, start, end, Claim.INVARIANT).reason


def test_a_function_that_float64_cannot_evaluate_is_refused() -> None:
    problem = problem_of("fcn:6-5,activation=linear")
    start, end = moved_twins(problem)
    start.weight(2)[:, [0, 2, 3], 0] = torch.tensor([1e20, -1e20, 1.0], dtype=torch.float64)
    end.weight(2)[:, [0, 2, 3], 0] = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    assert "float64 may be off by" in refused(problem, start, end, Claim.INVARIANT).reason


def test_data_that_is_not_finite_is_refused() -> None:
    problem = problem_of("fcn:6-5")
    problem.data.test.x[0, 2] = float("nan")
    assert "input 2 reaches nan" in refused(problem, *moved_dead(problem), Claim.INVARIANT).reason


# ---- convex


@pytest.mark.parametrize("text", TEXTS)
def test_convex_with_a_live_hidden_weight_moving_is_refused(text: str) -> None:
    problem = problem_of(text)
    start, end = moved_output(problem)
    end.weight(1)[1, 0, 0] += 1e-6
    assert refused(problem, start, end, Claim.CONVEX).reason.startswith("layer 1, unit 1")
    start, end = moved_output(problem)
    last = problem.layered.depth - 1
    end.bias(last)[3] += 1e-6
    assert refused(problem, start, end, Claim.CONVEX).reason.startswith(f"layer {last}, unit 3")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("at", [0, 1])
def test_convex_with_a_moving_unit_alive_at_one_end_is_refused(text: str, at: int) -> None:
    problem = problem_of(text)
    nets = moved_output(problem, hidden=True)
    nets[at].weight(nets[0].depth)[0, 2, 0] = 1e-6
    refused(problem, *nets, Claim.CONVEX)


@pytest.mark.parametrize("text", TEXTS)
def test_convex_segments_are_not_invariant(text: str) -> None:
    problem = problem_of(text)
    refused(problem, *moved_output(problem), Claim.INVARIANT)


LINEAR = "fcn:6-5-4,activation=linear"


@pytest.mark.parametrize(("k", "j"), [(1, 2), (1, 4), (2, 3), (3, 4)])
def test_convex_with_two_weights_of_a_linear_network_moving_is_refused(k: int, j: int) -> None:
    """A product of two that move is quadratic in t."""
    problem = problem_of(LINEAR)
    start, end = moved_linear_layer(problem, k)
    end.weight(j)[1, 2] += 1e-6
    reason = refused(problem, start, end, Claim.CONVEX).reason
    assert reason.startswith(f"layer {k}, unit 0: its ")
    assert f"layer {j}, unit 1: its weight from unit 2 of layer {j - 1} moves with it" in reason


@pytest.mark.parametrize(("k", "j"), [(1, 2), (2, 4)])
def test_convex_with_a_bias_below_the_weight_that_moves_is_refused(k: int, j: int) -> None:
    problem = problem_of(LINEAR)
    start, end = moved_linear_layer(problem, j)
    end.bias(k)[0] += 1e-6
    assert refused(problem, start, end, Claim.CONVEX).reason.startswith(f"layer {k}, unit 0: its bias changes")


def test_convex_below_an_activation_or_a_maximum_is_refused() -> None:
    problem = problem_of("fcn:6-5-4,activation=linear")
    for j in (1, 2, 3):
        layers = list(problem.layered.layers)
        layers[j - 1] = replace(layers[j - 1], activation=torch.relu)
        bent = replace(problem, layered=replace(problem.layered, layers=tuple(layers)))
        assert f"layer {j} is not linear" in refused(bent, *moved_linear_layer(bent, 1), Claim.CONVEX).reason
    linear, maxima = averaging(problem_of(CNN)), problem_of(CNN)
    layers = list(linear.layered.layers)
    layers[1] = replace(layers[1], pools=maxima.layered.layers[1].pools)
    bent = replace(linear, layered=replace(linear.layered, layers=tuple(layers)))
    assert "layer 2 has a pooling that is not an average" in (
        refused(bent, *moved_linear_layer(bent, 1), Claim.CONVEX).reason
    )


def test_convex_with_a_weight_that_two_linear_layers_share_is_refused() -> None:
    data = problem_of("fcn:4").data
    view = LayeredNetwork((Layer("w", None, 4, 4), Layer("w", None, 4, 4), Layer("v", None, 4, 3)))
    module = nn.ParameterDict({"w": nn.Parameter(torch.zeros(4, 4)), "v": nn.Parameter(torch.zeros(3, 4))})
    problem = Problem(module, data, LOSSES["square"], view)
    generator = torch.Generator().manual_seed(0)
    start = Net.random(problem, generator)
    end = start.copy()
    end.weight(1)[0, 0] += 1.0
    assert "layer 2, unit 0: its weight from unit 0" in refused(problem, start, end, Claim.CONVEX).reason


# ---- data-invariant


def test_two_layers_in_their_kernels_are_refused() -> None:
    problem = problem_of("fcn:8-9", samples=3)
    start, first = moved_kernel(problem, 1)
    _, second = moved_kernel(problem, 3)
    end = first.copy()
    end.weight(3)[:] = second.weight(3)
    assert "layers 1, 3 move" in refused(problem, start, end, Claim.DATA_INVARIANT).reason


@pytest.mark.parametrize("size", [1e-6, -1e-6, 1e-8])
def test_a_residual_over_the_limit_is_refused_with_its_size(size: float) -> None:
    problem = problem_of("fcn:6-9", samples=3)
    start, end = moved_kernel(problem, 3)
    end.bias(3)[0] += size
    verdict = refused(problem, start, end, Claim.DATA_INVARIANT)
    assert verdict.residual == pytest.approx(abs(size), rel=1e-3)


def test_a_residual_that_the_layers_above_blow_up_is_refused() -> None:
    problem = problem_of("fcn:6-9", samples=3)
    start, end = moved_kernel(problem, 1)
    for own, shared in ((start.weight(1), end.weight(1)), (start.bias(1), end.bias(1))):
        shared[0] += own[1] - own[0]
        own[0] = own[1]  # equal features at the start, which huge weights cancel
    for net in (start, end):
        net.weight(2)[0, 0], net.weight(2)[0, 1] = 1e11, -1e11
    assert "may raise the loss by" in refused(problem, start, end, Claim.DATA_INVARIANT).reason


def test_a_residual_that_float64_rounds_away_is_refused() -> None:
    problem = problem_of("fcn:3", samples=3)
    problem.data.train.x[:] = torch.tensor([1e16, 1.0, -1e16, 0.0]).double()
    start = Net.random(problem, torch.Generator().manual_seed(0))
    start.weight(1)[:], start.bias(1)[:] = 0, 0
    end = start.copy()
    end.weight(1)[:] = 1.0
    refused(problem, start, end, Claim.DATA_INVARIANT)


def test_a_change_that_float64_rounds_away_is_refused() -> None:
    problem = problem_of("fcn:3", samples=3)
    problem.data.train.x[:] = 1.0
    start = Net.random(problem, torch.Generator().manual_seed(0))
    start.weight(1)[:], start.bias(1)[:] = 0, 0
    end = start.copy()
    start.weight(1)[:, 0], end.weight(1)[:, 0] = 1e17, -3.0  # the change rounds to -1e17
    start.weight(1)[:, 1], end.weight(1)[:, 1] = -1e17, 0.0
    refused(problem, start, end, Claim.DATA_INVARIANT)


# ---- what can't be decided


class Arc:
    """A curve off the straight line, of a family that no rule knows."""

    family: ClassVar[str] = "arc"

    def points(self, t: Tensor) -> Tensor:
        return t[:, None] * (1 - t)[:, None]

    def tensors(self) -> dict[str, Tensor]:
        return {}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        return cls()


@pytest.mark.parametrize("claim", DECIDABLE)
def test_a_curve_is_no_straight_line(claim: Claim) -> None:
    problem = problem_of("fcn:6-5")
    start, end = moved_dead(problem)
    verdict = decide(problem, Segment(start.theta, end.theta, claim, Arc()))
    assert verdict.granted is None
    assert "analytic curve (arc)" in verdict.reason


@pytest.mark.parametrize(("curve", "sentence"), [(None, "a straight line"), (Arc(), "of the unknown family 'arc'")])
def test_identity_is_a_claim_of_curves_that_are_known(curve: Arc | None, sentence: str) -> None:
    problem = problem_of("fcn:6-5")
    start, end = moved_dead(problem)
    verdict = decide(problem, Segment(start.theta, end.theta, Claim.IDENTITY, curve))
    assert (verdict.granted, verdict.bound) == (None, None)
    assert sentence in verdict.reason


@pytest.mark.parametrize("claim", [Claim.INVARIANT, Claim.CONVEX, Claim.DATA_INVARIANT, Claim.ENCLOSED])
def test_without_a_view_by_layers_nothing_is_known(claim: Claim) -> None:
    known = problem_of("fcn:6-5")
    problem = Problem(known.network, known.data, known.loss)
    start, end = moved_dead(known)
    for one in (start, end):  # of a segment that stands still not even the rounding of its loss
        assert "the network has no view by layers" in refused(problem, start, one, claim).reason


def test_points_of_another_network_are_a_usage_error() -> None:
    problem = problem_of("fcn:6-5")
    theta = normal(torch.Generator(), problem.layout.total + 1)
    with pytest.raises(UsageError, match="parameters and this network has"):
        decide(problem, Segment(theta, theta, Claim.INVARIANT))


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex128])
def test_points_that_are_no_floats_are_a_usage_error(dtype: torch.dtype) -> None:
    problem = problem_of("fcn:6-5")
    theta = torch.zeros(problem.layout.total, dtype=dtype)
    with pytest.raises(UsageError, match="floating-point"):
        decide(problem, Segment(theta, theta, Claim.INVARIANT))
