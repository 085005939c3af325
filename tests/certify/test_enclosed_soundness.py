"""What is said of every piece of a segment is true: of each sample's line, of how far outputs are, of classes.

`python -m benchmarks.soundness` does the same to thousands of networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify.enclosed import chords, columns, first_order
from core.certify.enclosed.chords import Step
from core.certify.enclosed.search import By, Search
from core.certify.rounding import Rounded
from core.problem import Problem
from tests.certify.enclosing import (
    ACTIVATIONS,
    LOSSES_OF_ALL,
    POOLS,
    SIDE,
    WAYS,
    Convolved,
    drawn_ends,
    losses_of,
    outputs_at,
    problem_with,
    search_on,
)

BETWEEN = torch.linspace(0, 1, 17, dtype=torch.float64)
UP = 1 + 1e-9  # what a bound is raised by in the end, and 1e-12 more: the search does it for the whole mean


def last_step(search: Search, t: Tensor, by: By) -> Step:
    below = Rounded(search.below.features, search.below.off)
    if by == "columns":
        return list(columns.steps(search.network, t, below))[-1][0]
    return list(chords.steps(search.network, t, below, by == "entries"))[-1]


def ways_of(search: Search) -> Sequence[By]:
    return WAYS if first_order.applies(search.network, search.problem.loss) else WAYS[:2]


def check_pieces(problem: Problem, ends: Tensor, t: Tensor, inside: Tensor = BETWEEN) -> int:
    """All that is said of the pieces between t, in all ways, at points `inside`; how many samples are settled."""
    search = search_on(problem, ends)
    between = [torch.lerp(a, b, inside) for a, b in pairwise(t)]
    outputs = [outputs_at(problem, ends, one) for one in between]
    settled = 0
    for by in ways_of(search):
        found, last = search.looked_at(t, None, by), last_step(search, t, by)
        for g, z in enumerate(outputs):
            losses = losses_of(problem, z)
            line = torch.lerp(found.at[0, g], found.at[1, g], inside[:, None])
            assert bool((losses <= line * UP + 1e-12).all()), f"{by}: a loss above its line by {(losses - line).max()}"
            off = (z - torch.lerp(last.Z[g], last.Z[g + 1], inside[:, None, None])).abs()
            assert bool((torch.linalg.vector_norm(off, dim=-1) <= last.gap.norm[g] * UP).all()), f"{by}: a norm"
            if last.gap.entries is not None:
                assert bool((off <= last.gap.entries[g] * UP).all()), f"{by}: an entry"
            if found.settled is not None:
                right = (z.argmax(-1) == problem.data.train.y).all(0)
                assert bool((right | ~found.settled[g]).all()), f"{by}: a class that was settled changed"
                settled += int(found.settled[g].sum())
    return settled


def fits(one: Convolved, side: int) -> bool:
    """Whether a convolution and its poolings leave an image of something."""
    side = (side + 2 * one.padding - one.dilation * (one.kernel - 1) - 1) // one.stride + 1
    return side >= (3 if one.pools else 1)


@dataclass(frozen=True)
class Move:
    """A random segment, and two pieces of it: where the first begins, and how long both are together."""

    seed: int
    decades: float
    step: float
    start: float
    length: float

    @property
    def pieces(self) -> Tensor:
        first = self.start * (1 - self.length)
        return torch.tensor([first, first + self.length / 4, first + self.length], dtype=torch.float64)


activations, losses = st.sampled_from(ACTIVATIONS), st.sampled_from(LOSSES_OF_ALL)
moves = st.builds(
    Move,
    seed=st.integers(0, 2**32 - 1),
    decades=st.sampled_from([0.0, 1.0, 2.0, 6.0]),
    step=st.sampled_from([1e-6, 1e-3, 0.03, 0.3, 1.0]),
    start=st.floats(0, 1),
    length=st.sampled_from([2.0**-12, 2.0**-5, 0.125, 0.5]),
)
convolutions = st.builds(
    Convolved,
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    pools=st.sampled_from(POOLS),
).filter(lambda one: fits(one, SIDE))


def check_move(problem: Problem, move: Move, inside: Tensor = BETWEEN) -> int:
    return check_pieces(problem, drawn_ends(problem, move.seed, move.decades, move.step), move.pieces, inside)


@given(losses, activations, st.lists(st.integers(1, 7), max_size=4), moves)
@settings(max_examples=140)
def test_no_sample_of_a_dense_network_is_ever_above_its_line(
    loss: str, activation: str, widths: list[int], move: Move
) -> None:
    check_move(problem_with(loss, activation, widths=tuple(widths), seed=move.seed), move)


@given(losses, activations, convolutions, st.booleans(), moves)
@settings(max_examples=60)
def test_no_sample_of_a_convolutional_network_is_ever_above_its_line(
    loss: str, activation: str, one: Convolved, more: bool, move: Move
) -> None:
    images = (one, Convolved(2, padding=1)) if more else (one,)
    check_move(problem_with(loss, activation, widths=(4,), images=images, seed=move.seed, samples=3), move)


def test_classes_are_settled_where_pieces_are_short() -> None:
    problem = problem_with("cross-entropy", "relu", widths=(6, 5), samples=40)
    move = Move(seed=1, decades=0.0, step=0.1, start=0.3, length=2.0**-8)
    assert check_move(problem, move) > 30, "else nothing was checked"
