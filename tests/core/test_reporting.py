"""Which of many steps get a line in a log."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.progress import Thinned


def told(total: int, begin: int = 1) -> list[int]:
    thinned = Thinned(total)
    return [step for step in range(begin, total + 1) if thinned.due(step)]


@given(st.integers(1, 200))
def test_up_to_two_hundred_steps_are_all_told(total: int) -> None:
    assert told(total) == list(range(1, total + 1))


@given(st.integers(201, 20_000))
def test_of_more_than_two_hundred_steps_about_two_hundred_are_told_from_the_first_on(total: int) -> None:
    steps = told(total)
    assert steps[:10] == list(range(1, 11))
    assert 150 <= len(steps) <= 200
    assert total - steps[-1] <= 0.1 * total
    gaps = [after - before for before, after in pairwise(steps)]
    assert all(later >= earlier - 1 for earlier, later in pairwise(gaps)), "ever fewer"


@given(st.integers(1, 5000), st.integers(0, 5000))
def test_whoever_goes_on_from_a_step_tells_that_one(begin: int, more: int) -> None:
    assert told(begin + more, begin)[0] == begin
