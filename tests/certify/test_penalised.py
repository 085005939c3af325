"""Train loss plus a penalty on the weights: nowhere above `penalised_level`, whatever the path is proven by."""

from fractions import Fraction
from itertools import pairwise
from math import inf
from pathlib import Path as File

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify import certify
from core.certify.enclosed import Wanted
from core.certify.penalised import _penalties, penalised_level
from core.engine.worker.verifying import certificate_columns
from core.errors import PremiseError
from core.examination import Examination, examine
from core.methods.connect import examination_sentence
from core.path import Claim, Path
from core.penalty import Penalty
from core.problem import Problem
from tests.certify.enclosing import drawn_ends, losses_of, outputs_at, problem_with
from tests.certify.segments import Net, moved_dead, moved_kernel, moved_output, normal, problem_of
from tests.certify.test_bounded import moved
from tests.certify.test_enclosed_traps import point, problem_on
from tests.certify.test_identity import true_segments

DENSE = "fcn:9-8,activation=leaky_relu,slope=0.1"
factors = st.sampled_from([0.0, 1e-9, 1e-3, 0.3, 50.0])
seeds = st.integers(0, 2**32 - 1)
penalties = st.builds(Penalty, factors, factors).filter(bool)


def penalty_of(problem: Problem, at: list[Fraction], penalty: Penalty) -> Fraction:
    """In rational numbers, weight by weight, biases (vectors) left out."""
    total, start = Fraction(0), 0
    for size, shape in zip(problem.layout.sizes, problem.layout.shapes, strict=True):
        if len(shape) > 1:
            weights = at[start : start + size]
            total += Fraction(penalty.ridge) * sum(w * w for w in weights)
            total += Fraction(penalty.l1) * sum(map(abs, weights))
        start += size
    return total


def highest_of(problem: Problem, path: Path, penalty: Penalty, count: int = 9) -> Fraction:
    """The largest train loss with penalty at points of all segments, ends and points near them included.

    What float64 rounds is in the losses alone, of which bounds have a margin of their own.
    """
    t = torch.cat([torch.linspace(0, 1, count, dtype=torch.float64), torch.tensor([1e-9, 1 / 3, 1 - 1e-9])])
    highest = Fraction(0)
    for start, end in pairwise(path.knots.double()):
        losses = losses_of(problem, outputs_at(problem, torch.stack([start, end]), t)).mean(1).tolist()
        for one, loss in zip(map(Fraction, t.tolist()), losses, strict=True):
            highest = max(highest, Fraction(loss) + penalty_of(problem, between(start, end, one), penalty))
    return highest


def between(start: Tensor, end: Tensor, t: Fraction) -> list[Fraction]:
    ends = zip(map(Fraction, start.tolist()), map(Fraction, end.tolist()), strict=True)
    return [(1 - t) * a + t * b for a, b in ends]


def level_of(problem: Problem, path: Path, penalty: Penalty, wanted: Wanted | None = None) -> Examination:
    found = examine(problem, path, points=9, wanted=wanted, penalty=penalty)
    assert found.certificate.certified, found.certificate.verdicts
    assert found.penalised_level is not None
    return found


def claimed(kind: str, seed: int) -> tuple[Problem, Path]:
    problem = problem_of(DENSE, seed % 1000)
    match kind:
        case "invariant":
            start, end, claim = *moved_dead(problem, seed), Claim.INVARIANT
        case "convex":
            start, end, claim = *moved_output(problem, seed, hidden=True), Claim.CONVEX
        case "data-invariant":
            start, end, claim = *moved_kernel(problem, 2, seed), Claim.DATA_INVARIANT
        case _:
            start, end, claim = *moved(DENSE, 1, 0.03, seed), Claim.ENCLOSED
            problem = start.problem
    return problem, Path.line(start.theta, end.theta, claim)


@settings(max_examples=25)
@given(st.sampled_from(["invariant", "convex", "data-invariant", "enclosed"]), seeds, penalties, st.booleans())
def test_loss_and_penalty_are_nowhere_above_the_level_of_a_claimed_segment(
    kind: str, seed: int, penalty: Penalty, backwards: bool
) -> None:
    problem, path = claimed(kind, seed)
    if backwards and kind != "enclosed":
        path = Path(path.knots.flip(0), path.claims)
    level = level_of(problem, path, penalty).penalised_level
    assert highest_of(problem, path, penalty) <= level


@settings(max_examples=20)
@given(seeds, penalties, st.sampled_from(["relu", "tanh"]), st.sampled_from(["cross-entropy", "square"]))
def test_loss_and_penalty_are_nowhere_above_the_level_of_a_searched_segment(
    seed: int, penalty: Penalty, activation: str, loss: str
) -> None:
    problem = problem_with(loss, activation, widths=(5,), seed=seed % 1000)
    ends = drawn_ends(problem, seed, 0.0, 0.5)
    path = Path.chain([ends[0], ends[1], ends.mean(0) * 0.5])
    level = level_of(problem, path, penalty, Wanted(0.2)).penalised_level
    assert highest_of(problem, path, penalty) <= level


def test_it_is_no_more_than_the_larger_end_where_the_loss_is_convex() -> None:
    """The larger loss is at one end, the larger penalty at the other: their sum is reached nowhere."""
    start, end = moved_output(problem_of(DENSE), hidden=True)
    end.weight(3)[:] *= 10
    start.weight(1)[[0, 2]] = 50.0  # of dead units
    path, penalty = Path.line(start.theta, end.theta, Claim.CONVEX), Penalty(ridge=0.01, l1=0.02)
    found = level_of(start.problem, path, penalty)
    sums = start.problem.losses(path.knots) + penalty.at(start.problem, path.knots)
    assert found.penalised_level == pytest.approx(float(sums.max()), rel=1e-12)
    assert found.penalised_level >= float(sums.max())
    apart = found.certificate.level + float(penalty.at(start.problem, path.knots).max())
    assert found.penalised_level < apart - 0.1, "the two maxima are at different ends"


def test_pieces_are_taken_one_by_one() -> None:
    """Of a line along which the penalty falls as the loss rises the two maxima are far apart."""
    problem = problem_on([[1.0]], [0], (2,))
    high = point(([[1], [0]], [0, 0]), ([[10, 0], [0, 0]], [0, 0]))
    path, penalty = Path.line(torch.zeros_like(high), high), Penalty(ridge=0.02)
    found = level_of(problem, path, penalty, Wanted(0.05))
    highest = highest_of(problem, path, penalty, 65)
    assert highest <= found.penalised_level <= 1.1 * highest
    apart = found.certificate.level + float(penalty.at(problem, path.knots).max())
    assert found.penalised_level < apart - 0.5, "the two maxima are at different ends"


def test_without_penalty_it_would_be_the_level_and_is_left_out() -> None:
    problem, path = claimed("convex", 1)
    assert examine(problem, path, points=9).penalised_level is None
    assert examine(problem, path, points=9, penalty=Penalty()).penalised_level is None
    found = certify(problem, path, {})
    level = penalised_level(problem, path, found.verdicts, None, Penalty())
    assert level == pytest.approx(found.level, rel=1e-15)


def test_a_penalty_too_large_for_a_number_has_no_level(tmp_path: File) -> None:
    problem, path = claimed("convex", 1)
    found = level_of(problem, path, Penalty(1e308, 1e308))
    assert found.penalised_level == inf
    assert not {"penalised_level", "ridge", "l1"} & set(certificate_columns(found, tmp_path))
    assert examination_sentence(found).endswith("float64 has no number for so large a penalty.")


def test_a_sampled_path_has_none() -> None:
    problem = problem_with("cross-entropy", "relu", widths=(5,))
    ends = drawn_ends(problem, 1, 0.0, 0.5)
    for path in (Path.line(ends[0], ends[1]), Path.line(ends[0], ends[1], Claim.CONVEX)):
        assert examine(problem, path, points=9, penalty=Penalty(1.0)).penalised_level is None
    short = examine(problem, Path.line(ends[0], ends[1]), 9, Wanted(1e-6, passes=8), penalty=Penalty(1.0))
    assert (short.certificate.kind, short.penalised_level) == ("sampled", None)


def test_a_proven_segment_beside_one_that_is_sampled_gives_no_level() -> None:
    problem, path = claimed("convex", 2)
    path = path.then(normal(torch.Generator().manual_seed(1), problem.layout.total), Claim.SAMPLED)
    assert examine(problem, path, points=9, penalty=Penalty(1.0)).penalised_level is None


def test_a_curve_has_none_though_it_is_proven() -> None:
    """Along it the penalty may rise above both ends: this one's does."""
    problem, segment = true_segments()["whole"]
    path = Path(torch.stack([segment.start, segment.end]), (segment.claim,), {0: segment.curve})
    penalty = Penalty(1.0)
    found = examine(problem, path, points=9, penalty=penalty)
    assert (found.certificate.kind, found.penalised_level) == ("identity", None)
    along = penalty.at(problem, path.points(torch.linspace(0, 1, 21)))
    assert along.max() > 10 * max(along[0], along[-1])


@settings(max_examples=40)
@given(seeds, st.sampled_from([Penalty(1.0), Penalty(0.0, 1.0), Penalty(1e7, 1e-7)]), st.integers(1, 7))
def test_what_float64_rounds_of_a_penalty_is_in_its_bound(seed: int, penalty: Penalty, times: int) -> None:
    """Where the two ends cancel, what float64 makes of them may be far off, relative to what is left."""
    problem = problem_of("fcn:5-4")
    start = normal(torch.Generator().manual_seed(seed), problem.layout.total)
    ends = torch.stack([start, -times * start])
    t = [0.0, 0.5, 1 / (times + 1), 1.0]
    size = float(penalty.at(problem, ends.abs().sum(0, keepdim=True)))
    for one, bound in _penalties(problem, ends, penalty, t).items():
        true = penalty_of(problem, between(*ends, Fraction(one)), penalty)
        assert true <= bound <= float(true) + 1e-13 * size, "true, and tight"


def test_biases_are_free_and_shared_weights_count_once() -> None:
    start = Net.random(problem_of("cnn,channels=4-5,hidden=6"), torch.Generator().manual_seed(3))
    problem, theta = start.problem, start.theta
    weights = torch.cat([one.flatten() for one in start.parameters.values() if one.dim() > 1])
    penalty = Penalty(ridge=2.0, l1=3.0)
    expected = float(2 * weights.square().sum() + 3 * weights.abs().sum())
    for name, one in start.parameters.items():
        if one.dim() == 1:
            start.parameters[name] = one + 5
    assert penalty.at(problem, torch.stack([theta, start.theta])).tolist() == pytest.approx([expected] * 2)


def test_a_factor_of_zero_is_no_factor_of_infinity() -> None:
    problem = problem_of("fcn:6")
    huge = torch.full((1, problem.layout.total), 1e200, dtype=torch.float64)
    assert bool(torch.isfinite(Penalty(l1=1.0).at(problem, huge)).all()), "their squares are infinite"
    assert float(Penalty(ridge=1.0).at(problem, huge)) == inf


def test_a_network_without_layers_has_no_penalty() -> None:
    problem = problem_of("fcn:6")
    bare = Problem(problem.network, problem.data, problem.loss)
    with pytest.raises(PremiseError, match="A penalty on weights needs a network with a view by layers"):
        Penalty(1.0).at(bare, torch.zeros(1, problem.layout.total))
    zero = torch.zeros(problem.layout.total, dtype=torch.float64)
    assert examine(bare, Path.line(zero, zero), points=3, penalty=Penalty(1.0)).penalised_level is None
