"""What keeps descents honest: where a value rises along a path is told, and so is an end above the goal."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from core.methods.monotone import STEPS, loss_rises, rises, shortest_step
from core.path import Claim, Path
from tests.core.linear import ends, linear_problem

PROBLEM = linear_problem((2, 3, 2))
A, B = sorted(ends(PROBLEM, "full"), key=lambda one: float(PROBLEM.losses(one[None])[0]))
LOW, HIGH = PROBLEM.losses(torch.stack([A, B])).tolist()


def test_a_loss_that_rises_is_told_with_its_segment_and_by_how_much() -> None:
    said = loss_rises(PROBLEM, Path.chain([A, A, B], Claim.CONVEX), HIGH)
    assert said is not None
    assert said.startswith("the train loss rises on segment 1 (convex), by ")
    assert 0 < float(said.rpartition(" ")[2]) <= HIGH - LOW


def test_a_rise_within_rounding_and_one_on_an_enclosed_segment_are_none() -> None:
    def values(points: torch.Tensor) -> torch.Tensor:
        return 1 + 1e-10 * points[:, 0]

    start, end = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    assert rises(Path.chain([start, end], Claim.CONVEX), values, "it rises") is None
    assert rises(Path.chain([start, 1000 * end], Claim.CONVEX), values, "it rises") is not None
    assert rises(Path.chain([A, B], Claim.ENCLOSED), PROBLEM.losses, "it rises") is None


def test_an_end_above_the_goal_is_told() -> None:
    path = Path.chain([A, A], Claim.CONVEX)
    assert loss_rises(PROBLEM, path, LOW) is None
    assert "the path ends at a train loss of" in str(loss_rises(PROBLEM, path, 0.99 * LOW))


@given(st.floats(1e-6, 1.0), st.floats(1.0, 1e6))
def test_the_shortest_step_is_long_enough_and_nothing_shorter_is(least: float, far: float) -> None:
    step = shortest_step(lambda one: one >= least, far)
    assert least <= step <= least * (1 + 1e-15) + far * 2.0**-STEPS
