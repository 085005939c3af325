"""Bounded claims: whatever one layer does, the loss is nowhere above the bound; all else is refused."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.certify import certify, decide
from core.examination import examine
from core.path import Claim, Path
from tests.certify.segments import NETWORKS, Net, losses_along, outputs_along, problem_of, segment


def moved(text: str, k: int, size: float, seed: int = 0, loss: str = "cross-entropy") -> tuple[Net, Net]:
    generator = torch.Generator().manual_seed(seed)
    start = Net.random(problem_of(text, seed % 1000, loss), generator)
    end = start.copy()
    end.weight(k)[:] += size * torch.randn(end.weight(k).shape, generator=generator, dtype=torch.float64)
    end.bias(k)[:] += size * torch.randn(end.bias(k).shape, generator=generator, dtype=torch.float64)
    return start, end


@settings(max_examples=60)
@given(
    st.sampled_from(NETWORKS),
    st.integers(0, 9),
    st.floats(-6, 1),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["cross-entropy", "square", "absolute", "hinge"]),
)
def test_the_loss_is_nowhere_above_the_bound(text: str, k: int, power: float, seed: int, loss: str) -> None:
    depth = problem_of(text).layered.depth
    start, end = moved(text, 1 + k % depth, 10**power, seed, loss)
    verdict = decide(start.problem, segment(start, end, Claim.ENCLOSED))
    assert verdict.granted is Claim.ENCLOSED, verdict.reason
    _, outputs = outputs_along(segment(start, end, Claim.ENCLOSED), start.problem, 21)
    assert losses_along(outputs, start.problem).max() <= verdict.bound


def test_the_bound_shrinks_with_the_step() -> None:
    gains = []
    for size in (1e-2, 1e-4, 1e-6):
        start, end = moved("fcn:6-5", 1, size)
        here = float(start.problem.losses(start.theta[None])[0])
        gains.append(decide(start.problem, segment(start, end, Claim.ENCLOSED)).bound - here)
    assert gains[0] > 50 * gains[1] > 2500 * gains[2] > 0


def test_what_the_loss_may_gain_is_in_the_level() -> None:
    start, end = moved("fcn:6-5", 1, 1e-2)
    path = Path.line(start.theta, end.theta, Claim.ENCLOSED)
    verdict = decide(start.problem, next(iter(path)))
    found = certify(start.problem, path, {})
    assert (found.kind, found.level, found.residual) == ("enclosed", verdict.bound + verdict.drift, 0.0)
    assert found.level > max(found.loss_a, found.loss_b)
    assert verdict.drift < 1e-12
    assert 0 <= examine(start.problem, path).barrier < found.excess, "what was seen is not what may be"
    assert "so the loss gains" in verdict.reason


def test_two_layers_that_move_are_refused() -> None:
    start, end = moved("fcn:6-5", 1, 1e-6)
    end.weight(2)[0, 0] += 1e-6
    verdict = decide(start.problem, segment(start, end, Claim.ENCLOSED))
    assert (verdict.granted, verdict.bound) == (None, None)
    assert "layers 1, 2 move and only one may" in verdict.reason


@pytest.mark.parametrize(
    ("size", "said"), [(1e152, "and the loss can't be shown to stay finite"), (1e290, "the losses at its ends")]
)
def test_a_bound_that_is_not_finite_is_refused(size: float, said: str) -> None:
    start, end = moved("fcn:6-5", 3, size, loss="square")
    verdict = decide(start.problem, segment(start, end, Claim.ENCLOSED))
    assert verdict.granted is None
    assert said in verdict.reason
