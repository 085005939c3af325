"""Linear networks with one hidden layer and a ridge: the penalised loss stays below its larger end, with a proof."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify import certify, decide
from core.curves.rotating import Arc, Turn
from core.errors import PremiseError, UsageError
from core.examination import examine
from core.methods.connect import connect
from core.methods.descent import descend
from core.methods.linear_net import build
from core.methods.linear_net.ridge_descent import penalised
from core.methods.method import Task
from core.path import Claim, Path, Segment
from core.penalty import Penalty
from core.problem import Problem
from core.specs.methods import LinearNetwork
from core.specs.runs import Descend, ModelRef
from tests.core.linear import KINDS, VALUES, ends, linear_problem

KAPPA = 0.05
EPS = 1e-4


def path_of(problem: Problem, a: Tensor, b: Tensor) -> Path:
    return build(LinearNetwork(), Task(a, b, problem, penalty=Penalty(KAPPA))).path


def along(problem: Problem, path: Path, points: int = 20) -> Tensor:
    """F at many points of a path."""
    t = torch.linspace(0, 1, points * len(path) + 1, dtype=torch.float64)
    return penalised(problem, path.points(t), KAPPA)


def unit_problem(hidden: int) -> Problem:
    """1-h-1 with x = y = 1, without biases."""
    problem = linear_problem((1, hidden, 1), bias=False, samples=1)
    problem.data.train.x[:] = problem.data.train.y[:] = 1.0
    return problem


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    inputs, outputs = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    hidden = 2 * min(inputs, outputs) + draw(st.integers(0, 5))
    loss = draw(st.sampled_from([*VALUES, *(("cross-entropy", "hinge") if outputs > 1 else ())]))
    return linear_problem((inputs, hidden, outputs), loss, draw(st.booleans()))


@settings(max_examples=100, deadline=None)
@given(problems(), st.sampled_from(KINDS), st.integers(0, 99))
def test_loss_and_ridge_stay_below_their_larger_end(problem: Problem, kind: str, seed: int) -> None:
    a, b = ends(problem, "full" if kind == "scaled" else kind, seed)
    path = path_of(problem, a, b)
    assert torch.equal(path.start, a)
    assert torch.equal(path.end, b)
    values = along(problem, path)
    highest = float(torch.maximum(values[0], values[-1]))
    assert float(values.max()) - highest <= 1e-10 * (1 + highest)


@settings(max_examples=30, deadline=None)
@given(problems(), st.sampled_from(KINDS[:-1]), st.integers(0, 99))
def test_every_path_is_proven(problem: Problem, kind: str, seed: int) -> None:
    path = path_of(problem, *ends(problem, kind, seed))
    certificate = certify(problem, path, {})
    assert certificate.kind == "identity", [one.reason for one in certificate.verdicts if not one.proven]
    assert set(path.claims) == {Claim.CONVEX, Claim.IDENTITY}
    assert certificate.excess <= 1e-10 * (1 + certificate.level)
    assert float(problem.losses(path.points(torch.linspace(0, 1, 301).double())).max()) <= certificate.level + 1e-14


@pytest.mark.parametrize(("hidden", "curves"), [(4, {Turn, Arc}), (5, {Turn, Arc}), (6, {Arc})])
def test_two_arcs_do_without_a_turn_where_there_is_room(hidden: int, curves: set[type]) -> None:
    path = path_of(linear_problem((3, hidden, 2)), *ends(linear_problem((3, hidden, 2)), "full"))
    assert {type(one) for one in path.curves.values()} == curves


def test_two_units_join_the_minima_that_one_unit_keeps_apart() -> None:
    """1-h-1, x = y = 1, kappa = 0.05: both minima are 0.095, and with one unit every path reaches 1/2."""
    problem, root = unit_problem(2), 0.9**0.5
    a = torch.tensor([root, 0.0, root, 0.0], dtype=torch.float64)
    assert float(penalised(problem, a[None], KAPPA)) == pytest.approx(0.095)
    path = path_of(problem, a, -a)
    assert float(along(problem, path).max()) == pytest.approx(0.095, rel=1e-12)
    assert examine(problem, path, penalty=Penalty(KAPPA)).penalised_level == pytest.approx(0.095, rel=1e-10)
    narrow = unit_problem(1)
    with pytest.raises(PremiseError, match="the hidden layer has 1 unit; ranks 1 and 1 need 2"):
        connect(LinearNetwork(), Task(a[[0, 2]], -a[[0, 2]], narrow, penalty=Penalty(KAPPA)))


def test_a_turn_keeps_the_outputs_and_the_norms() -> None:
    problem = linear_problem((3, 4, 2))
    path = path_of(problem, *ends(problem, "full"))
    (turn,) = [one for one in path if isinstance(one.curve, Turn)]
    points = turn.at(torch.linspace(0, 1, 9).double())
    outputs = problem.outputs(points, problem.data.train.x)
    assert (outputs - outputs[0]).abs().max() < 1e-13
    weights = [one.flatten(1).norm(dim=1) for name, one in problem.layout.split(points).items() if "weight" in name]
    assert all(float((norm - norm[0]).abs().max()) < 1e-13 for norm in weights)
    assert not torch.allclose(points[0], points[-1])


def test_the_bias_of_an_arc_goes_by_squares() -> None:
    """By cos and sin the outputs would be off: b = 3 and target 3 would reach 0.77 between two ends of loss 0."""
    problem = linear_problem((1, 2, 1), samples=1)
    problem.data.train.y[:] = 3.0
    ends_ = torch.zeros(2, problem.layout.total, dtype=torch.float64)
    ends_[:, -1] = 3.0
    bias = torch.zeros(problem.layout.total, dtype=torch.bool)
    bias[-1] = True
    right, wrong = (Arc(ends_, one) for one in (bias, torch.zeros_like(bias)))
    for curve, highest in ((right, 0.0), (wrong, 0.77)):
        segment = Segment(ends_[0], ends_[1], Claim.IDENTITY, curve)
        losses = problem.losses(segment.at(torch.linspace(0, 1, 41).double()))
        assert float(losses.max()) == pytest.approx(highest, abs=5e-3)
        assert decide(problem, segment).proven == (curve is right)


def forged(one: Segment) -> dict[str, Segment]:
    """Curves that look like the true one."""
    curve = one.curve
    if isinstance(curve, Arc):
        return {
            "not one between these ends": replace(one, curve=Arc(curve.ends.flip(0), curve.squared)),
            "output layer's bias by squares": replace(one, curve=Arc(curve.ends, ~curve.squared)),
        }
    assert isinstance(curve, Turn)
    end = one.end.clone()
    end[-1] += 1e-3
    return {
        "off their chord": replace(one, curve=replace(curve, V=1.001 * curve.V)),
        "does not start at this knot": replace(one, curve=replace(curve, start=curve.start + 1e-9)),
        "turns something else": replace(one, curve=replace(curve, places=curve.places.flip(0)))
        if curve.places[0, 2] == curve.places[1, 1]
        else replace(one, curve=replace(curve, start=2 * curve.start)),
        "a bias moves": replace(one, end=end),
    }


def test_forged_curves_are_refused_with_the_reason() -> None:
    problem = linear_problem((3, 4, 2))
    for one in path_of(problem, *ends(problem, "full")):
        if one.curve is None:
            continue
        assert decide(problem, one).granted is Claim.IDENTITY
        for reason, false in forged(one).items():
            verdict = decide(problem, false)
            assert verdict.granted is None
            assert reason in verdict.reason or reason == "turns something else", verdict.reason


def test_an_arc_with_cross_terms_is_refused_with_their_size() -> None:
    problem = linear_problem((3, 6, 2), bias=False)
    a, b = ends(problem, "full")
    curve = Arc(torch.stack([a, b]), torch.zeros(problem.layout.total, dtype=torch.bool))
    verdict = decide(problem, Segment(a, b, Claim.IDENTITY, curve))
    assert verdict.granted is None
    assert "outputs off their chord may raise the loss by" in verdict.reason


def test_an_arc_over_a_hidden_bias_is_refused() -> None:
    problem = linear_problem((3, 6, 2))
    path = path_of(problem, *ends(problem, "full"))
    (one, *_) = [one for one in path if isinstance(one.curve, Arc)]
    knots = torch.stack([one.start, one.end])
    knots[:, 3 * 6] = 1e-3
    verdict = decide(problem, Segment(knots[0], knots[1], Claim.IDENTITY, Arc(knots, one.curve.squared)))
    assert verdict.reason == "a hidden bias is not zero"


def test_curves_of_a_network_that_is_not_linear_are_refused() -> None:
    problem = linear_problem((3, 6, 2))
    first, second = problem.layered.layers
    bent = replace(problem, layered=replace(problem.layered, layers=(replace(first, activation=torch.relu), second)))
    for one in path_of(problem, *ends(problem, "full")):
        if one.curve is not None:
            assert decide(bent, one).reason == "the network is not linear with one hidden layer"


def test_paths_with_turns_and_arcs_are_stored_whole(tmp_path) -> None:
    problem = linear_problem((3, 4, 2))
    path = path_of(problem, *ends(problem, "full"))
    path.save(tmp_path / "path.safetensors")
    again = Path.load(tmp_path / "path.safetensors")
    assert again.claims == path.claims
    t = torch.linspace(0, 1, 57).double()
    assert torch.equal(again.points(t), path.points(t))


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (linear_problem((3, 5, 3)), "the hidden layer has 5 units; ranks 3 and 3 need 6"),
        (linear_problem((2, 4, 4, 2)), "there is one hidden layer, as a ridge asks, but this network has 2"),
    ],
)
def test_what_a_ridge_asks_for_is_refused_by_name(problem: Problem, sentence: str) -> None:
    with pytest.raises(PremiseError, match=sentence):
        connect(LinearNetwork(), Task(*ends(problem, "full"), problem, penalty=Penalty(KAPPA)))


def test_models_of_low_rank_need_less_room() -> None:
    problem = linear_problem((3, 3, 3))
    assert len(path_of(problem, *ends(problem, "deficient"))) > 0


@settings(max_examples=20, deadline=None)
@given(problems(), st.sampled_from(KINDS[:-1]), st.integers(0, 99))
def test_a_descent_reaches_the_lowest_loss_and_ridge_without_rising(problem: Problem, kind: str, seed: int) -> None:
    start, _ = ends(problem, kind, seed)
    if problem.loss.name in ("hinge", "absolute"):
        with pytest.raises(PremiseError, match="the loss is cross-entropy or square, for"):
            descend(Task(start, start, problem), EPS, "2.2", ridge=KAPPA)
        return
    try:
        made = descend(Task(start, start, problem), EPS, ridge=KAPPA)
    except PremiseError as refusal:
        if "already, at most" not in str(refusal):
            raise
        return
    assert made.gaps is None
    assert certify(problem, made.path, {}).kind == "identity"
    values = along(problem, made.path)
    assert bool((values.diff() <= 1e-9 * (1 + values[:-1])).all())
    generator = torch.Generator().manual_seed(seed)
    for size in (1e-3, 1e-2, 1e-1):
        near = made.path.end + size * torch.randn(20, len(start), generator=generator, dtype=torch.float64)
        assert float(penalised(problem, near, KAPPA).min()) >= float(values[-1]) - EPS


def test_the_smallest_network_descends_to_its_minimum() -> None:
    problem = unit_problem(2)
    start = torch.tensor([2.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    made = descend(Task(start, start, problem), 1e-6, "2.2", ridge=KAPPA)
    assert float(penalised(problem, made.path.end[None], KAPPA)) == pytest.approx(0.095, rel=1e-9)


def test_inputs_of_zeros_have_a_lowest_loss_and_ridge_too() -> None:
    problem = linear_problem((2, 5, 2), bias=False)
    problem.data.train.x[:] = 0
    start, _ = ends(problem, "full")
    made = descend(Task(start, start, problem), EPS, "2.2", ridge=KAPPA)
    assert float(penalised(problem, made.path.end[None], KAPPA)) == float(problem.losses(start[None]))


def test_a_ridge_goes_with_theorem_2_2_alone() -> None:
    with pytest.raises(UsageError, match=r"ridge goes with theorem=2\.2, not 6\.1"):
        Descend(model=ModelRef(model=1), to=0.1, theorem="6.1", ridge=KAPPA)


@settings(max_examples=30, deadline=None)
@given(problems(), st.sampled_from(KINDS), st.integers(0, 99))
def test_the_penalised_level_is_that_of_the_larger_end_and_nothing_is_above_it(
    problem: Problem, kind: str, seed: int
) -> None:
    """On turns and arcs too, whose weights go on no straight line."""
    a, b = ends(problem, "full" if kind == "scaled" else kind, seed)
    path = path_of(problem, a, b)
    level = examine(problem, path, penalty=Penalty(KAPPA)).penalised_level
    assert level is not None
    values = along(problem, path)
    assert float(values.max()) <= level
    assert level <= float(penalised(problem, torch.stack([a, b]), KAPPA).max()) * (1 + 1e-9) + 1e-9
