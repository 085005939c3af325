"""Many networks evaluated together are worth what each is worth alone, and what they share is done once."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify import certify
from core.certify.knots import knot_losses
from core.networks.shared_evaluation import Together
from core.path import Path
from core.problem import Problem
from core.profile import profile
from tests.core.plain import ACTIVATIONS, classes, points, problem_of, text_of
from tests.core.test_sparse import Case, case_of, cases

SPARSE = st.sampled_from([0.0, 0.4, 0.8, 1.0])


def together(problem: Problem, thetas: Tensor) -> Together:
    assert problem.layered is not None
    return Together(problem.layered, problem.layout, thetas)


def outputs(problem: Problem, thetas: Tensor) -> Tensor:
    """Outputs (K, N, C) of all points, found together."""
    found = together(problem, thetas)
    each = list(found.outputs(problem.data.train.x))
    return torch.stack([each[i] for i in found.which])


def thinned(problem: Problem, thetas: Tensor, share: float, seed: int) -> Tensor:
    """The same points with a share of all (unit, neuron below) blocks of weights set to zero."""
    generator = torch.Generator().manual_seed(seed)
    named = problem.layout.split(thetas.clone())
    for layer in problem.layered.layers:
        weight = named[layer.weight]
        gone = torch.rand(len(thetas), layer.outputs, layer.inputs, 1, generator=generator) < share
        blocks = weight.view(len(thetas), layer.outputs, layer.inputs, layer.block)
        weight.copy_(blocks.masked_fill(gone, 0.0).view(weight.shape))
    return torch.cat([one.flatten(1) for one in named.values()], 1)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=4),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.booleans(),
    SPARSE,
    st.integers(0, 2**32 - 1),
)
def test_dense_networks_with_dead_units_have_the_outputs_of_whole_ones(
    widths: list[int], activation: str, bias: bool, share: float, seed: int
) -> None:
    text = text_of("fcn:" + "-".join(map(str, widths)), activation, bias)
    problem = problem_of(text, classes((4,)))
    thetas = thinned(problem, points(problem, 3, seed % 999), share, seed)
    torch.testing.assert_close(outputs(problem, thetas), problem.outputs(thetas, problem.data.train.x))


@settings(max_examples=10)
@given(SPARSE, st.integers(0, 2**32 - 1))
def test_convolutional_ones_too(share: float, seed: int) -> None:
    problem = problem_of("cnn,channels=3-4,hidden=5", classes((2, 28, 28), samples=4))
    thetas = thinned(problem, points(problem, 3, seed % 999), share, seed)
    torch.testing.assert_close(outputs(problem, thetas), problem.outputs(thetas, problem.data.train.x))


@given(cases())
@settings(max_examples=25)
def test_a_path_of_the_theorem_costs_little_more_than_its_different_functions(case: Case) -> None:
    path, depth = case.path, case.problem.layered.depth
    found = together(case.problem, path.knots)
    assert len(found.networks) <= 2 * depth + 2  # xi_0 may stand in two orders
    costs = [size.multiplications for size in case.problem.sizes]
    assert found.passes(costs) <= len(found.networks)
    alone = torch.stack([case.problem.losses(knot[None])[0] for knot in path.knots])
    torch.testing.assert_close(knot_losses(case.problem, path).loss, alone, rtol=1e-12, atol=1e-12)


def test_layers_below_the_first_one_rewritten_are_worked_through_once() -> None:
    problem = problem_of("fcn:8x4", classes((4,)))
    one, other = points(problem, 2)
    end = problem.layout.split(one[None].clone())
    end["layers.4.weight"][0] = problem.layout.split(other[None])["layers.4.weight"][0]
    costs = [size.multiplications for size in problem.sizes]
    found = together(problem, torch.stack([one, problem.layout.join({k: v[0] for k, v in end.items()})]))
    assert found.passes(costs) == 1 + costs[-1] / sum(costs)
    assert together(problem, torch.stack([one, other])).passes(costs) == 2


def test_the_same_function_at_another_point_is_known_by_its_weights() -> None:
    problem = problem_of("fcn:6x2", classes((4,)))
    one = thinned(problem, points(problem, 1), 0.0, 0)
    named = problem.layout.split(one)
    named["layers.1.weight"][0, :, 2] = 0.0  # hidden neuron 2 of layer 1 is dead
    again = one.clone()
    problem.layout.split(again)["layers.0.weight"][0, 2] += 1.0
    assert together(problem, torch.cat([one, again])).which == [0, 0]


def test_what_is_no_number_in_a_dead_unit_is_not_left_out() -> None:
    problem = problem_of("fcn:5x2", classes((4,)))
    theta = points(problem, 1)
    named = problem.layout.split(theta)
    named["layers.1.weight"][0, :, 2] = 0.0
    named["layers.0.weight"][0, 2, 0] = torch.inf
    assert not torch.isfinite(problem.outputs(theta, problem.data.train.x)).all()
    assert not torch.isfinite(outputs(problem, theta)).all()


@given(cases())
@settings(max_examples=15)
def test_a_profile_of_a_proven_path_says_what_its_points_say(case: Case) -> None:
    problem, path = case.problem, case.path
    granted = [verdict.granted for verdict in certify(problem, path, {}).verdicts]
    seen = profile(problem, path, 5 * len(path), granted=granted)
    alone = problem.values(path.points(seen.t))
    torch.testing.assert_close(seen.train.loss, alone.loss, rtol=1e-10, atol=1e-10)
    assert seen.test is not None
    torch.testing.assert_close(seen.test.loss, problem.values(path.points(seen.t), "test").loss, rtol=1e-10, atol=1e-10)
    assert seen.forward_passes <= 2 * problem.layered.depth + 2


def test_proven_and_sampled_segments_join() -> None:
    case = case_of("fcn:6x2", (4,), 3)
    path = case.path
    granted = [verdict.granted for verdict in certify(case.problem, path, {}).verdicts]
    granted[4] = granted[7] = None
    loose = Path(path.knots, path.claims)
    seen = profile(case.problem, loose, 61, granted=granted)
    alone = case.problem.values(loose.points(seen.t))
    torch.testing.assert_close(seen.train.loss, alone.loss, rtol=1e-10, atol=1e-10)
    assert len(seen.t.unique()) == len(seen.t)
