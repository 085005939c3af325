"""True segments of every kind are granted, and plain evaluation along them agrees with what is granted."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from core.certify import decide
from core.losses import LOSSES
from core.networks.layered import Layer, LayeredNetwork
from core.path import Claim, Segment
from core.problem import Problem

from .segments import (
    CLASSES,
    CNN,
    FCNS,
    NETWORKS,
    Net,
    averaging,
    losses_along,
    moved_dead,
    moved_kernel,
    moved_linear_layer,
    moved_output,
    moved_twins,
    outputs_along,
    problem_of,
    segment,
    swap_steps,
)


def points(problem: Problem) -> int:
    return 6 if problem.data.train.x.dim() > 2 else 101


def assert_invariant(problem: Problem, one: Segment) -> None:
    verdict = decide(problem, one)
    assert verdict.granted is Claim.INVARIANT, verdict.reason
    _, outputs = outputs_along(one, problem, points(problem))
    assert (outputs - outputs[0]).abs().max() <= 1e-12 * (1 + outputs[0].abs().max())
    assert losses_along(outputs, problem).max() <= verdict.bound + 1e-12


@pytest.mark.parametrize("text", NETWORKS)
def test_anything_may_happen_in_dead_units(text: str) -> None:
    problem = problem_of(text)
    assert_invariant(problem, segment(*moved_dead(problem), Claim.INVARIANT))
    start, end = moved_dead(problem)
    assert not torch.equal(start.theta, end.theta)


@pytest.mark.parametrize("text", NETWORKS)
def test_swapping_a_unit_with_a_pure_zero_one_keeps_the_function(text: str) -> None:
    problem = problem_of(text)
    for k in range(1, problem.layered.depth):
        nets = swap_steps(problem, k)
        for start, end in pairwise(nets):
            assert_invariant(problem, segment(start, end, Claim.INVARIANT))


@pytest.mark.parametrize("text", NETWORKS)
def test_outgoing_weights_may_move_between_twins(text: str) -> None:
    problem = problem_of(text)
    for k in range(1, problem.layered.depth):
        assert_invariant(problem, segment(*moved_twins(problem, k), Claim.INVARIANT))


def test_a_class_of_twins_may_have_dead_members() -> None:
    problem = problem_of("fcn:6-5")
    start, end = moved_twins(problem)
    for net in (start, end):
        net.copy_incoming(1, 0, 4)
        net.weight(2)[:, 4] = 0
    assert_invariant(problem, segment(start, end, Claim.INVARIANT))


def test_a_saturating_activation_keeps_huge_dead_units_finite() -> None:
    problem = problem_of("fcn:6-5,activation=tanh")
    start, end = moved_dead(problem)
    end.weight(1)[0], end.weight(2)[0, 0] = 1e200, 1e200
    assert_invariant(problem, segment(start, end, Claim.INVARIANT))


def test_negative_zeros_are_zeros() -> None:
    problem = problem_of("fcn:6-5")
    start, end = moved_dead(problem)
    start.weight(2)[:, 0], end.weight(3)[:, 2] = -0.0, -0.0
    end.bias(1)[:], start.bias(1)[:] = -0.0, 0.0
    assert_invariant(problem, segment(start, end, Claim.INVARIANT))
    nets = swap_steps(problem)
    nets[1].weight(1)[0, 0], nets[1].weight(1)[1, 0] = -0.0, 0.0  # twins all the same
    nets[2].weight(1)[0, 0], nets[2].weight(1)[1, 0] = 0.0, -0.0
    assert_invariant(problem, segment(nets[1], nets[2], Claim.INVARIANT))


@pytest.mark.parametrize("loss", ["cross-entropy", "square", "absolute", "hinge"])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("text", NETWORKS)
def test_moving_the_output_layer_is_convex(text: str, hidden: bool, loss: str) -> None:
    problem = problem_of(text, loss=loss)
    assert_convex(problem, segment(*moved_output(problem, hidden=hidden), Claim.CONVEX))


def assert_convex(problem: Problem, one: Segment) -> None:
    verdict = decide(problem, one)
    assert verdict.granted is Claim.CONVEX, verdict.reason
    t, outputs = outputs_along(one, problem, points(problem))
    chord = torch.lerp(outputs[0], outputs[-1], t[:, None, None])
    assert (outputs - chord).abs().max() <= 1e-12 * (1 + outputs.abs().max())
    losses = losses_along(outputs, problem)
    assert losses.max() <= verdict.bound * (1 + 1e-12)
    assert verdict.bound == pytest.approx(float(max(losses[0], losses[-1])), rel=1e-12)


LINEAR = [
    "fcn:5-4,activation=linear",
    "fcn:6-5-4,activation=leaky_relu,slope=1",
    "fcn:5-4,activation=linear,bias=false",
]


@pytest.mark.parametrize("loss", ["cross-entropy", "square", "hinge"])
@pytest.mark.parametrize("text", LINEAR)
def test_one_weight_of_a_linear_network_and_the_biases_from_there_on_move_convexly(text: str, loss: str) -> None:
    problem = problem_of(text, loss=loss)
    for k in range(1, problem.layered.depth + 1):
        assert_convex(problem, segment(*moved_linear_layer(problem, k), Claim.CONVEX))


def test_a_linear_layer_above_nonlinear_ones_moves_convexly() -> None:
    problem = problem_of("fcn:6-5-4,activation=tanh")
    first, *others = problem.layered.layers
    linear = tuple(replace(layer, activation=None) for layer in others)
    problem = replace(problem, layered=replace(problem.layered, layers=(first, *linear)))
    for k in (2, 3, 4):
        assert_convex(problem, segment(*moved_linear_layer(problem, k), Claim.CONVEX))
    assert decide(problem, segment(*moved_linear_layer(problem, 1), Claim.CONVEX)).granted is None


def test_convolutions_with_averages_behind_them_move_convexly() -> None:
    problem = averaging(problem_of(CNN))
    for k in range(1, problem.layered.depth + 1):
        assert_convex(problem, segment(*moved_linear_layer(problem, k), Claim.CONVEX))


def test_dead_units_of_a_linear_network_may_move_with_one_of_its_layers() -> None:
    problem = problem_of("fcn:5-6-4,activation=linear")
    start, end = moved_dead(problem)
    end.weight(2)[1, 1] += 1.0
    end.weight(2)[3, 4] -= 1.0
    assert_convex(problem, segment(start, end, Claim.CONVEX))


def test_an_invariant_segment_may_be_claimed_convex() -> None:
    problem = problem_of("fcn:6-5")
    assert decide(problem, segment(*moved_dead(problem), Claim.CONVEX)).granted is Claim.CONVEX


def kernel_cases() -> list[tuple[str, int]]:
    cases = [(text, 1) for text in FCNS if "bias=false" not in text]
    return [*cases, ("fcn:6-9-4", 3), ("fcn:9-4,activation=tanh,bias=false", 2), (CNN, 3), ("fcn:9", 2)]


@pytest.mark.parametrize(("text", "k"), kernel_cases())
def test_moves_in_the_kernel_of_the_features_are_data_invariant(text: str, k: int) -> None:
    problem = problem_of(text, samples=3)
    one = segment(*moved_kernel(problem, k), Claim.DATA_INVARIANT)
    verdict = decide(problem, one)
    assert verdict.granted is Claim.DATA_INVARIANT, verdict.reason
    assert 0 < verdict.residual < 1e-10
    assert 0 < verdict.drift < 5e-8, (
        "torch's softplus is off by 2.1e-9 beyond its threshold, and the layers above add up"
    )
    _, outputs = outputs_along(one, problem, points(problem))
    losses = losses_along(outputs, problem)
    assert (outputs - outputs[0]).abs().max() < 1e-10
    assert losses.max() <= verdict.bound + verdict.drift + 1e-15
    assert decide(problem, Segment(one.start, one.end, Claim.INVARIANT)).granted is None


def test_a_convolution_may_move_where_the_data_is_zero() -> None:
    problem = problem_of(CNN)
    problem.data.train.x[:, 1] = 0  # of the train data alone
    start = Net.random(problem, torch.Generator().manual_seed(0))
    end = start.copy()
    end.weight(1)[:, 1] += 1.0
    verdict = decide(problem, segment(start, end, Claim.DATA_INVARIANT))
    assert verdict.granted is Claim.DATA_INVARIANT, verdict.reason
    assert verdict.residual < 1e-300, "what underflow may cost"
    assert decide(problem, segment(start, end, Claim.INVARIANT)).granted is None


@pytest.mark.parametrize("claim", [Claim.INVARIANT, Claim.CONVEX, Claim.DATA_INVARIANT])
def test_standing_still_is_every_claim(claim: Claim) -> None:
    problem = problem_of("fcn:6-5")
    theta = Net.random(problem, torch.Generator().manual_seed(0)).theta
    verdict = decide(problem, Segment(theta, theta.clone(), claim))
    assert verdict.granted is claim
    assert verdict.residual == 0
    assert 0 < verdict.drift < 1e-12, "what float64 may be off at the ends"


def test_a_claim_of_nothing_is_granted_without_a_bound() -> None:
    problem = problem_of("fcn:6-5")
    theta = Net.random(problem, torch.Generator().manual_seed(0)).theta
    verdict = decide(problem, Segment(theta, -theta))
    assert (verdict.granted, verdict.bound) == (Claim.SAMPLED, None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_segments_in_lower_precision_are_decided_as_they_are_stored(dtype: torch.dtype) -> None:
    problem = problem_of("fcn:6-5")
    nets = swap_steps(problem)
    for start, end in pairwise(nets):
        one = Segment(start.theta.to(dtype), end.theta.to(dtype), Claim.INVARIANT)
        assert_invariant(problem, one)


def test_a_network_without_hidden_layers_is_convex() -> None:
    data = problem_of("fcn:6").data
    view = LayeredNetwork((Layer("weight", "bias", 4, CLASSES),))
    problem = Problem(nn.Linear(4, CLASSES), data, LOSSES["square"], view)
    generator = torch.Generator().manual_seed(0)
    one = segment(Net.random(problem, generator), Net.random(problem, generator), Claim.CONVEX)
    ends = losses_along(outputs_along(one, problem, 2)[1], problem)
    assert decide(problem, one).bound == pytest.approx(float(ends.max()))
