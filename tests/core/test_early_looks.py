"""Lines that are rejected by the losses of a part of the samples."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.path import Segment
from core.profile import look, segment_values
from tests.certify.enclosing import drawn_ends, problem_with

GRID = 7
T = torch.linspace(0, 1, GRID, dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 999),
    loss=st.sampled_from(["cross-entropy", "square", "hinge"]),
    step=st.floats(0.1, 5),
    times=st.floats(0.02, 1.5),
)
def test_an_early_look_finds_the_gaps_of_a_full_one_with_no_more_passes(
    seed: int, loss: str, step: float, times: float
) -> None:
    problem = problem_with(loss, "relu", widths=(6, 5), seed=seed, samples=300)
    segment = Segment(*drawn_ends(problem, seed, 1.0, step))
    losses = segment_values(problem, segment, T).loss
    below = times * float(losses.max())
    early, full = look(problem, segment, GRID, below), look(problem, segment, GRID, torch.inf)
    assert (early.value > below) == (float(losses.max()) > below)
    assert early.value <= float(losses[early.t == T]) * (1 + 1e-12), "or it isn't below the mean"
    assert full.samples == 300
    torch.testing.assert_close(full.value, float(losses.max()), rtol=1e-12, atol=0)
    assert early.passes <= full.passes <= GRID + 1
    if times < 0.1:
        assert early.passes <= 0.5 * full.passes


def test_a_line_far_above_the_threshold_is_known_by_the_first_samples_and_one_below_by_all() -> None:
    problem = problem_with("cross-entropy", "relu", widths=(6,), samples=1000)
    segment = Segment(*drawn_ends(problem, 3, 1.0, 1.0))
    low = float(segment_values(problem, segment, T).loss.min())
    assert look(problem, segment, GRID, low / 100).samples == 64
    assert look(problem, segment, GRID, 1e9).samples == 1000


def test_a_loss_that_is_no_number_is_too_high() -> None:
    problem = problem_with("square", "relu", widths=(6,), samples=100)
    start, end = drawn_ends(problem, 0, 1.0, 1.0)
    found = look(problem, Segment(start, torch.full_like(end, torch.nan)), GRID, 1e300)
    assert (found.value, found.samples) == (torch.inf, 64)
