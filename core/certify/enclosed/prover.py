"""Lines that are proven while a path is being made, by the checker's own search; it remembers what it found.

A constructor asks, and never says what holds: what is remembered goes from one search of the checker to the next, for
a line with the same ends, bit for bit, on the same data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from math import inf

import torch
from torch import Tensor

from core.certify.enclosed.goal import Budget, Target, too_many
from core.certify.enclosed.pieces import Piece
from core.certify.enclosed.search import By, Search, Start
from core.problem import Problem


@dataclass(frozen=True)
class Judged:
    """What is known of a line: it is proven on so many pieces, or a `reason` says why not.

    `above` (t, loss) is a counterexample, all rounding taken off.
    """

    pieces: int
    reason: str | None = None
    above: tuple[float, float] | None = None


class Prover:
    """The checker of one problem. All its searches share one budget of passes, those of rejected lines included."""

    def __init__(self, problem: Problem, passes: float = inf) -> None:
        self.problem, self.budget = problem, Budget(passes)
        self.by: By | None = None
        self._known: dict[bytes, tuple[Start | None, tuple[Piece, ...]]] = {}

    @cached_property
    def exact(self) -> Problem:
        """The problem in float64."""
        return self.problem.to(self.problem.device, torch.float64)

    def at_least(self, ends: Tensor, t: float, samples: int) -> float:
        """A loss that the line between ends (2, P), float64, surely reaches at t, by the first `samples` alone."""
        search = Search(self.exact, ends, Target(0.0, -inf), self.budget)
        return self._surely(search, t, samples)

    def judge(
        self,
        ends: Tensor,
        below: float,
        highest: tuple[float, float],
        passes: float,
        report: Callable[[Search], None] = lambda _: None,
    ) -> Judged:
        """Whether the loss is nowhere above `below` between ends (2, P), float64, found out in so many passes at most.

        `highest` (t, loss) is the largest loss seen on the line. What is proven is remembered, even of a part of it.
        """
        if self.budget.left <= 0:
            return Judged(0, "no passes are left")
        at, seen = highest
        budget = Budget(min(passes, self.budget.left))
        search = Search(self.exact, ends, Target(0.0, seen, below, strict=True), budget)
        reason = self._searched(search, at, report)
        self.budget.spent += budget.spent
        if reason is None and (search.target.missed or not search.bound <= below):
            reason = f"the bound is {search.bound:.6g}"
        if search.target.missed:
            t = search.seen[1]
            if (sure := self._surely(search, t, len(search.split))) > below:
                return Judged(len(search.accepted), reason, (t, sure))
        self._known[_name(ends)] = search.start, tuple(search.accepted)
        return Judged(len(search.accepted), reason)

    def _searched(self, search: Search, at: float, report: Callable[[Search], None]) -> str | None:
        """Why a line is not proven, None if it is. A search that should take more passes than it may is not begun."""
        search.start = self._begun(search, at)
        if search.start is None:
            return search.short
        if not search.start.passes <= search.budget.left:
            return too_many(search.start.passes, search.budget)
        self.by = search.start.by
        try:
            return search.run(report, at)
        except ValueError as error:
            return str(error)

    def _begun(self, search: Search, at: float) -> Start | None:
        """The way that was best on the line before is tried first, and all only where it asks for too much."""
        start = None if self.by is None else search.begun(at, (self.by,))
        if start is not None and start.passes <= search.budget.left:
            return start
        return search.begun(at)

    def _surely(self, search: Search, t: float, samples: int) -> float:
        self.budget.spent += search.cost(1, "norms") * samples / len(search.split)
        return search.surely(t, samples)

    def knows(self, problem: Problem) -> bool:
        """Whether it is the checker of this problem, so that what it remembers holds there."""
        own = self.problem
        same_function = own.network is problem.network and own.buffers is problem.buffers
        same_view = own.layered is problem.layered and own.loss is problem.loss
        known, train = own.data.train.to(problem.device, problem.dtype), problem.data.train
        return same_function and same_view and torch.equal(known.x, train.x) and torch.equal(known.y, train.y)

    def remind(self, search: Search) -> None:
        """Let a search go on from what is known of its line."""
        start, pieces = self._known.get(_name(search.ends), (None, ()))
        search.start = search.start or start
        search.take_up(pieces)


def _name(ends: Tensor) -> bytes:
    return sha256(ends.detach().cpu().contiguous().numpy().tobytes()).digest()
