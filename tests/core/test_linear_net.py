"""Exact paths between any two linear networks: never above the larger end, whatever the ranks."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify import certify, decide
from core.errors import PremiseError
from core.methods.connect import connect
from core.methods.linear_net import build
from core.methods.method import Task
from core.path import Claim, Path
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.methods import LinearNetwork
from tests.core.linear import KINDS, SHAPES, VALUES, ends, linear_problem, random_net
from tests.core.plain import classes, points, problem_of

SMALL = [shape for shape in SHAPES if max(shape) < 12]


def path_of(problem: Problem, a: Tensor, b: Tensor) -> Path:
    return build(LinearNetwork(), Task(a, b, problem)).path


def excess(problem: Problem, path: Path) -> float:
    """How far the highest knot is above the larger end, relative to that."""
    losses = problem.losses(path.knots)
    highest_end = max(float(losses[0]), float(losses[-1]))
    return (float(losses.max()) - highest_end) / (highest_end or 1.0)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_path_has_as_many_segments_as_the_theorem_says(shape: tuple[int, ...], bias: bool) -> None:
    problem = linear_problem(shape, bias=bias)
    path = path_of(problem, *ends(problem, "full"))
    assert len(path) == SHAPES[shape] - 2 * (not bias)
    assert set(path.claims) == {Claim.CONVEX}


@pytest.mark.parametrize("loss", ["square", "cross-entropy"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_knot_is_above_the_larger_end_whatever_the_ranks(shape: tuple[int, ...], kind: str, loss: str) -> None:
    for bias in (True, False):
        problem = linear_problem(shape, loss, bias)
        a, b = ends(problem, kind)
        path = path_of(problem, a, b)
        assert torch.equal(path.start, a)
        assert torch.equal(path.end, b)
        assert excess(problem, path) <= 2e-14
        weights = [one for name, one in problem.layout.split(path.knots).items() if name.endswith("weight")]
        largest = max(float(one.abs().max()) for one in weights)
        assert largest <= 10 * float(torch.stack([a, b]).abs().max())


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(SMALL),
    st.sampled_from(KINDS),
    st.sampled_from(["square", "absolute", "cross-entropy", "hinge"]),
    st.booleans(),
    st.integers(0, 999),
)
def test_every_path_is_exact_and_its_level_is_the_larger_end(
    shape: tuple[int, ...], kind: str, loss: str, bias: bool, seed: int
) -> None:
    assume(loss in VALUES or shape[-1] > 1)
    problem = linear_problem(shape, loss, bias)
    path = path_of(problem, *ends(problem, kind, seed))
    certificate = certify(problem, path, {})
    assert certificate.kind == "exact", [verdict.reason for verdict in certificate.verdicts if not verdict.proven]
    assert certificate.level - certificate.drift <= max(certificate.loss_a, certificate.loss_b) * (1 + 2e-14)
    t = torch.linspace(0, 1, 7 * len(path) + 1, dtype=torch.float64)
    assert float(problem.losses(path.points(t)).max()) <= certificate.level * (1 + 1e-14)


def test_outputs_stand_still_on_all_lines_but_one() -> None:
    problem = linear_problem((3, 4, 5, 3))
    path = path_of(problem, *ends(problem, "deficient"))
    outputs = problem.outputs(path.knots, problem.data.train.x)
    moving = [i for i, (one, other) in enumerate(pairwise(outputs)) if (one - other).abs().max() > 1e-12]
    assert moving == [len(path) // 2]


def test_on_every_line_one_weight_moves_and_no_bias_below_it() -> None:
    problem = linear_problem((2, 4, 3, 6))
    for one in path_of(problem, *ends(problem, "full")):
        first, last = (problem.layout.split(end[None]) for end in (one.start, one.end))
        moved = [name for name in first if not torch.equal(first[name], last[name])]
        weights = [int(name.split(".")[1]) for name in moved if name.endswith("weight")]
        assert len(weights) <= 1
        assert all(int(name.split(".")[1]) >= weights[0] for name in moved if weights)


@pytest.mark.parametrize(
    ("shape", "loss"), [((6, 3, 3), "cross-entropy"), ((3, 3, 4, 3), "hinge"), ((5, 2, 2), "hinge")]
)
@pytest.mark.parametrize("bias", [True, False])
def test_losses_that_see_no_shift_need_a_unit_less(shape: tuple[int, ...], loss: str, bias: bool) -> None:
    problem = linear_problem(shape, loss, bias)
    for kind in KINDS:
        path = path_of(problem, *ends(problem, kind))
        assert excess(problem, path) <= 2e-14
        assert certify(problem, path, {}).kind == "exact"


@pytest.mark.parametrize("loss", ["cross-entropy", "hinge"])
def test_a_single_class_needs_a_single_unit(loss: str) -> None:
    problem = linear_problem((4, 1, 2, 1), loss)
    path = path_of(problem, *ends(problem, "full"))
    certificate = certify(problem, path, {})
    assert certificate.kind == "exact"
    assert certificate.loss_a == certificate.level - certificate.drift == 0


def test_a_centred_output_layer_keeps_the_loss_and_not_the_outputs() -> None:
    problem = linear_problem((6, 3, 3), "cross-entropy")
    path = path_of(problem, *ends(problem, "full"))
    first, second, third = path.knots[:3]
    assert problem.losses(second[None]) == pytest.approx(problem.losses(third[None]), rel=1e-14)
    outputs = problem.outputs(torch.stack([first, second, third]), problem.data.train.x)
    assert (outputs[0] - outputs[1]).abs().max() < 1e-14
    assert (outputs[1] - outputs[2]).abs().max() > 0.1
    assert outputs[2].mean(-1).abs().max() < 1e-14


REFUSED = [
    (problem_of("fcn:5", classes((2,))), "all layers are linear (activation=linear), but the activation is relu"),
    (problem_of("cnn,channels=2-2,hidden=4", classes((1, 28, 28), 3)), "all layers are dense"),
    (
        linear_problem((3, 4, 3, 3)),
        "hidden layer 2 has 3 units, 4 are needed (one more than the smaller of 3 inputs and 3 outputs); with 3 it can "
        "be false",
    ),
    (
        linear_problem((1, 1, 1)),
        "hidden layer 1 has 1 unit, 2 are needed (one more than the smaller of 1 input and 1 output)",
    ),
    (linear_problem((1, 2, 1, 1)), "hidden layer 2 has 1 unit, 2 are needed"),
    (
        linear_problem((7, 3, 4), "cross-entropy"),
        "hidden layer 1 has 3 units, 4 are needed (as many as outputs: the loss doesn't see a constant added to all)",
    ),
    (linear_problem((2, 2, 4), "hinge"), "hidden layer 1 has 2 units, 3 are needed (one more than the smaller of 2"),
]


@pytest.mark.parametrize(("problem", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_the_theorem_does_not_speak_of_is_refused_by_name(problem: Problem, sentence: str) -> None:
    a, b = points(problem, 2)
    with pytest.raises(PremiseError) as refusal:
        connect(LinearNetwork(), Task(a, b, problem))
    assert sentence in str(refusal.value)


def test_weights_whose_product_is_no_number_are_refused_with_their_layer() -> None:
    problem = linear_problem((3, 4, 4, 3))
    a, b = (1e120 * one for one in ends(problem, "full"))
    with pytest.raises(PremiseError, match=r"is a number of float64, but from layers\.2\.weight on it is not"):
        connect(LinearNetwork(), Task(a, b, problem))


def test_a_hidden_bias_without_one_of_the_output_layer_is_refused() -> None:
    problem = linear_problem((3, 4, 3))
    first, last = problem.layered.layers
    odd = replace(problem, layered=replace(problem.layered, layers=(first, replace(last, bias=None))))
    with pytest.raises(PremiseError, match="every parameter belongs to one layer"):
        connect(LinearNetwork(), Task(*ends(problem, "full"), odd))


class Saying(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def test_paths_of_float32_models_rise_by_rounding_alone() -> None:
    problem = linear_problem((5, 6, 6, 5), "cross-entropy")
    a, b = (one.float() for one in ends(problem, "full"))
    made = connect(LinearNetwork(), Task(a, b, problem.to("cpu", torch.float32)))
    certificate = made.examination.certificate
    assert made.construction.path.knots.dtype == torch.float32
    assert certificate.kind == "exact"
    assert 0 < certificate.excess < 1e-5


def test_units_of_very_unequal_sizes_lift_the_level_and_the_log_says_by_how_much() -> None:
    problem = linear_problem((3, 5, 3))
    nets = [random_net(problem, seed) for seed in (0, 1)]
    for net in nets:
        net["layers.0.weight"][0] *= 1e13
        net["layers.1.weight"][:, 0] *= 1e-13
    reporter = Saying()
    a, b = map(problem.layout.join, nets)
    path = build(LinearNetwork(), Task(a, b, problem, reporter=reporter)).path
    assert excess(problem, path) > 1e-5
    assert any("Rounding to float64 lifts the path by" in one for one in reporter.said)


def test_a_narrow_square_network_has_no_path_and_a_wider_one_does() -> None:
    """1-1-1, x = y = 1: from (1, 1) to (-1, -1) the product passes zero, where the loss is 1/2."""
    for hidden, holds in ((1, False), (2, True)):
        problem = linear_problem((1, hidden, 1), bias=False, samples=1)
        problem.data.train.x[:] = problem.data.train.y[:] = 1.0
        a = torch.zeros(problem.layout.total, dtype=torch.float64)
        a[0] = a[hidden] = 1.0
        if holds:
            made = connect(LinearNetwork(), Task(a, -a, problem))
            assert made.examination.certificate.level < 1e-12
        else:
            with pytest.raises(PremiseError, match="with 1 it can be false"):
                connect(LinearNetwork(), Task(a, -a, problem))


def test_a_knot_moved_off_is_refused_by_the_checker() -> None:
    problem = linear_problem((3, 4, 3))
    path = path_of(problem, *ends(problem, "full"))
    for i, one in enumerate(path):
        end = one.end.clone()
        end[: 4 * 3] += 1e-3  # of W_1
        first = {name: value[0] for name, value in problem.layout.split(one.start[None]).items()}
        if torch.equal(first["layers.1.weight"], problem.layout.split(one.end[None])["layers.1.weight"][0]):
            continue
        assert not decide(problem, replace(one, end=end)).proven, i
