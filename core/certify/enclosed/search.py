"""Branch and bound along a straight segment: pieces are split until the line above each is nowhere over the target.

A sample whose line is low is *frozen* where a piece is split: its line holds on every part of the piece, so it need not
be looked at there again. Which samples are frozen, and into how many parts a piece is split, decides only how fast
the search is: the bound of a piece holds whatever was chosen.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from math import exp, inf, isfinite, log, sqrt
from typing import Literal

import torch
from torch import Tensor

from core.certify.enclosed import columns, first_order
from core.certify.enclosed.chords import UP, Step, steps
from core.certify.enclosed.goal import Budget, Target, apart, passes_text
from core.certify.enclosed.lines import Lines, lines, mistaken
from core.certify.enclosed.moving import MovingNetwork
from core.certify.enclosed.odd import odd_place
from core.certify.enclosed.pieces import Piece, gaps_between
from core.certify.knots import loss_sums
from core.certify.rounding import SAFETY, UNIT, Evaluation, Rounded
from core.problem import Part, Problem

By = Literal["norms", "entries", "columns"]
"""Gaps by norms alone, or entry by entry too, or with columns and to first order: the tighter, the more expensive."""

PASSES: dict[By, int] = {"norms": 1, "entries": 2, "columns": 6}
"""Passes a piece, not counting those at its ends; a column costs far less than a pass, and there may be many."""

SHORTEST = 2.0**-40  # length of a piece: below it, neighbouring points are too close for any bound
PARTS = (2, 4, 8, 16)  # that a piece may be split into
FIRST_PARTS = (1, *PARTS, 32, 64)  # that a segment may be split into at first
RUN = 8  # neighbouring pieces that are looked at together: their weights have to fit the cache beside some samples
FROZEN_SHARE = 0.35  # share of the room to the target that lines of frozen samples may take
CROWDED_SHARE = 0.2  # with less than this share of the room left a piece is looked at with all its samples again
TRIAL_LENGTHS = (0.25, 1 / 32)  # of the pieces that all ways are tried on
COLUMNS_HANDICAP = 2  # times as cheap columns have to look: of many pieces, most have most of their samples frozen
TRIAL_SAMPLES = 300  # samples that the trial looks at
LARGEST_EXPONENT = 700  # that exp can take


@dataclass(frozen=True)
class _Open:
    """A piece to be split, into equal `parts` or `at` the given t (parts + 1,).

    Samples that are `active` (None: all) are looked at again; the line `base` and the count `wrong` are of the others.
    """

    start: float
    end: float
    bound: float
    active: Tensor | None = None
    base: tuple[float, float] = (0.0, 0.0)
    wrong: int = 0
    parts: int = 1
    at: tuple[float, ...] = ()

    @property
    def edges(self) -> Tensor:
        """Where its parts begin and end (parts + 1,)."""
        if self.at:
            return torch.tensor(self.at, dtype=torch.float64)
        return torch.linspace(self.start, self.end, self.parts + 1, dtype=torch.float64)

    @property
    def shortest(self) -> float:
        """The length of its shortest part; of equal ones as they are meant, before rounding."""
        return float(self.edges.diff().min()) if self.at else (self.end - self.start) / self.parts


@dataclass(frozen=True)
class Start:
    """How a search begins: by which gaps, into how many parts, and how many passes it may take."""

    by: By
    parts: int
    passes: float


@dataclass
class Search:
    """The search on one segment between `ends` (2, P), float64; the problem has a view by layers.

    `accepted` are the pieces that are done, in order. `seen` is the largest loss at a breakpoint, as computed, and
    where.
    """

    problem: Problem
    ends: Tensor
    target: Target
    budget: Budget
    part: Part = "train"
    accepted: list[Piece] = field(default_factory=list)
    seen: tuple[float, float] = (-inf, 0.0)
    start: Start | None = None
    """How it begins, if that was found out before."""

    def __post_init__(self) -> None:
        split = self.problem.part(self.part)
        assert split is not None
        assert self.problem.layered is not None
        self.split, self.network = split, MovingNetwork.of(self.problem, self.ends)
        start = self.problem.layout.split(self.ends[:1])
        evaluation = Evaluation(self.problem.layered, start)
        self.below = evaluation.features(Rounded.exact(split.x), self.network.lowest)
        costs = [size.multiplications for size in self.problem.sizes]
        self.first = costs[self.network.lowest] / sum(costs)
        self.share = sum(costs[self.network.lowest + 1 :]) / sum(costs)
        self.by: By = "norms"
        self.left: list[_Open] = []

    @property
    def bound(self) -> float:
        """The largest bound of a piece, pieces that are not done included."""
        known = [*(one.bound for one in self.accepted), *(one.bound for one in self.left)]
        return max(known, default=inf)

    def take_up(self, known: Sequence[Piece], highest: float | None = None) -> None:
        """Go on from those of an earlier search's pieces that are below the target: what lies between them is left.

        The largest loss that it saw was at `highest`.
        """
        self.accepted = [one for one in known if one.bound <= self.target.bound]
        if highest is not None:
            self.seen = (self.surely(highest), highest)
        if self.accepted:
            self.left = [_Open(start, end, inf, parts=2) for start, end in reversed(gaps_between(self.accepted))]

    def split_at(self, starts: Sequence[float]) -> None:
        """Begin with pieces that start at these t, a run of neighbours at a time: they share their ends."""
        edges = sorted({0.0, 1.0, *(t for t in starts if 0 < t < 1)})
        runs = [tuple(edges[i : i + RUN + 1]) for i in range(0, len(edges) - 1, RUN)]
        self.left = [_Open(run[0], run[-1], inf, parts=len(run) - 1, at=run) for run in reversed(runs)]

    @torch.no_grad()
    def run(self, report: Callable[["Search"], None] = lambda _: None, at: float = 0.5) -> str | None:
        """Split until all pieces are accepted; the reason where that fails. `at` is a t where the loss is high."""
        if self.left or not self.accepted:
            start = self.start or self.begun(at)
            if start is None:
                return self.short
            self.by = start.by
            self.left = self.left or [_Open(0.0, 1.0, inf, parts=start.parts)]
        while self.left or not self.accepted:
            if self.target.missed:
                return f"the loss is {self.target.seen:.6g} at t = {self.seen[1]:.6g}"
            piece = self.left[-1]
            if piece.shortest < SHORTEST:
                return f"pieces at t = {piece.start:.6g} would be shorter than {SHORTEST:.2g}"
            if not self._can_pay(piece):
                return self.short
            self.left.pop()
            self.left += reversed(list(self.split_up(piece)))
            report(self)
        return None

    @property
    def short(self) -> str:
        """How far it came where what comes next would cost more passes than are left."""
        after = f"after {passes_text(self.budget.spent)}"
        if isfinite(self.bound):
            bound, goal = apart(self.bound, self.target.bound)
            return f"best bound {bound} of {goal} {after}"
        seen, goal = apart(self.target.seen, self.target.bound)
        return f"seen nowhere above {seen}, but not proven below {goal} {after}"

    def _can_pay(self, piece: _Open) -> bool:
        active = len(self.split) if piece.active is None else len(piece.active)
        able = self._price(len(piece.edges) - 1, self.by, active) <= self.budget.left
        self.budget.short |= not able
        return able

    def split_up(self, piece: _Open) -> Iterator[_Open]:
        """Look at the parts of a piece: accept those below the target, and yield what is left."""
        t = piece.edges.to(self.problem.device)
        found = self.looked_at(t, piece.active)
        first, last = torch.tensor(piece.base, dtype=torch.float64)
        base = torch.lerp(first, last, ((t - t[0]) / (t[-1] - t[0])).cpu()).tolist()
        losses = [b + float(one.sum()) / len(self.split) for b, one in zip(base, found.losses, strict=True)]
        if piece.active is None:
            loss, where = max(zip(losses, t.tolist(), strict=True))
            self.seen = max(self.seen, (loss, where))
            self.target.seen = max(self.target.seen, loss)
        for i in range(piece.parts):
            one = self._part(piece, i, t.tolist(), found, (base[i], base[i + 1]))
            if one.bound <= self.target.bound:
                self._accept(one)
            else:
                yield self._to_split(piece, one, found, i, max(losses[i], losses[i + 1]), (base[i], base[i + 1]))

    def contradicts(self, said: Piece) -> float | None:
        """A loss above the limit of a piece; None where the piece is below that, or the budget ends."""
        doubt = copy(self)
        doubt.target, doubt.accepted, doubt.seen = Target(0.0, -inf, said.limit), [], (-inf, said.start)
        doubt.left = [_Open(said.start, said.end, inf)]
        while doubt.left and doubt.left[-1].shortest >= SHORTEST and self._can_pay(doubt.left[-1]):
            doubt.left += doubt.split_up(doubt.left.pop())
            if doubt.seen[0] > said.limit:
                return doubt.seen[0]
        return None

    def recount(self, said: Piece) -> tuple[int, int]:
        """How many samples may be classified wrongly at one point of a piece, and how many were found to be.

        It is split until the first number is what was said, or the second is above that, or budgets end.
        """
        again = copy(self)
        again.target = Target(0.0, -inf)  # whatever is looked at is accepted
        left, may, are = [_Open(said.start, said.end, inf)], 0, 0
        while left and are <= said.wrong:
            again.accepted = []
            list(again.split_up(left.pop()))
            for one in again.accepted:
                halves = _Open(one.start, one.end, inf, parts=2)
                if one.wrong <= said.wrong or halves.shortest < SHORTEST or not self._can_pay(halves):
                    may = max(may, one.wrong)
                    continue
                left.append(halves)
                are = max(are, self.mistaken(float(halves.edges[1])))
        return max(may, *(len(self.split) for _ in left[:1]), are), are

    def _accept(self, piece: Piece) -> None:
        insort(self.accepted, piece, key=lambda one: one.start)

    def _part(self, piece: _Open, i: int, t: list[float], found: Lines, base: tuple[float, float]) -> Piece:
        """Part i with its bound, what the sum over samples rounds included. Raises ValueError where it isn't finite."""
        up = (1 + (len(self.split) + 64) * UNIT) * UP
        sums = found.at[:, i].sum(1) / len(self.split)
        first, last = ((b + float(one)) * up + 1e-12 for b, one in zip(base, sums, strict=True))
        if not (isfinite(first) and isfinite(last)):
            raise ValueError(self._odd(t[i : i + 2], found.at[:, i], piece.active))
        wrong = piece.wrong + (0 if found.settled is None else int((~found.settled[i]).sum()))
        return Piece(t[i], t[i + 1], (first, last), wrong)

    def _odd(self, t: list[float], lines: Tensor, active: Tensor | None) -> str:
        """Why a bound is no finite number, of lines (2, N) of the samples that are active."""
        why = "features or weights are too large for float64"
        wrong = (~lines.isfinite()).any(0).nonzero().flatten()
        if len(wrong) == 0:
            return f"the sum of all losses is not finite: {why}"
        sample = int(wrong[0] if active is None else active[wrong[0]])
        below = self.below.of(torch.tensor([sample], device=lines.device))
        return f"{odd_place(self.network, torch.tensor(t, dtype=lines.dtype).to(lines.device), below, sample)}: {why}"

    def _to_split(
        self, piece: _Open, part: Piece, found: Lines, i: int, highest: float, base: tuple[float, float]
    ) -> _Open:
        """The part, with as many samples frozen as there is room for."""
        room = self.target.bound - highest
        if piece.active is not None and room < CROWDED_SHARE * self.target.room:
            return _Open(part.start, part.end, part.bound, parts=2)
        lines, gains = found.at[:, i], found.gains[i]
        low, order = lines.amax(0).sort()
        count = int((low.cumsum(0) / len(self.split) <= FROZEN_SHARE * room).sum())
        frozen, kept = order[:count], order[count:]
        active = kept if piece.active is None else piece.active[kept]
        sums = (lines[:, frozen].sum(1) / len(self.split)).tolist()
        wrong = piece.wrong + (0 if found.settled is None else int((~found.settled[i, frozen]).sum()))
        parts = self._parts(float(gains[kept].sum()) / len(self.split), room - max(sums))
        new = (base[0] + sums[0], base[1] + sums[1])
        return _Open(
            part.start, part.end, part.bound, active.sort().values if count else piece.active, new, wrong, parts
        )

    def _parts(self, gain: float, room: float) -> int:
        """Into how many a piece is split, of this mean gain of the samples that stay, and with this room.

        Gains fall as the square of a piece's length. Those of columns fall far faster, of most samples at once, and
        halving gives these the chance to be frozen.
        """
        if self.by == "columns":
            return PARTS[0]
        times = sqrt(gain / (0.7 * room)) if room > 0 and isfinite(gain) else inf
        return next((one for one in PARTS if one >= times), PARTS[-1])

    def looked_at(self, t: Tensor, active: Tensor | None, by: By | None = None) -> Lines:
        """The lines of samples on the pieces between t (G + 1,), in chunks that fit the cache."""
        by = by or self.by
        y = self.split.y
        count = len(y) if active is None else len(active)
        self.budget.spent += self._price(len(t) - 1, by, count)
        size = max(16, 16 * self.problem.samples_at_once // (2 * len(t)))
        if active is None:
            active = torch.arange(count, device=y.device)
        if count == 0:  # all are frozen
            return Lines(t.new_zeros(2, len(t) - 1, 0), t.new_zeros(len(t), 0), None)
        return Lines.joined([self._lines(t, self.below.of(some), y[some], by) for some in torch.split(active, size)])

    def _lines(self, t: Tensor, below: Rounded, y: Tensor, by: By) -> Lines:
        if by == "columns":
            return first_order.lines(self.network, t, list(columns.steps(self.network, t, below)), self.problem.loss, y)
        *_, last = steps(self.network, t, below, by == "entries")
        return lines(self.problem.loss, last.Z, y, last.gap)

    @torch.no_grad()
    def surely(self, t: float, samples: int | None = None) -> float:
        """A lower bound of the true mean loss at t: what float64 rounds is taken off, in W(t) too.

        On a piece of no length the gap is how far the outputs may be off. Losses are not negative, so the sum over the
        first `samples` alone, divided by the number of all, is such a bound as well.
        """
        total = torch.zeros(2, dtype=torch.float64, device=self.problem.device)
        for last, y in self._evaluated(t, len(self.split) if samples is None else samples):
            total += loss_sums(self.problem, Rounded(last.Z[:1], last.gap.norm[0]), y)
        loss, margin = float(total[0]) / len(self.split), float(total[1]) / len(self.split)
        return max(loss - margin * SAFETY - (len(self.split) + 64) * UNIT * abs(loss), 0.0)  # no loss is negative

    @torch.no_grad()
    def mistaken(self, t: float) -> int:
        """How many samples are classified wrongly at t, whatever float64 rounds."""
        self.budget.spent += self.cost(1, "norms")
        return sum(int(mistaken(last.Z, y, last.gap).sum()) for last, y in self._evaluated(t, len(self.split)))

    def _evaluated(self, t: float, samples: int) -> Iterator[tuple[Step, Tensor]]:
        """Outputs of the first `samples` at t, as those of a piece of no length, and their labels, in chunks."""
        at = torch.tensor([t, t], dtype=torch.float64, device=self.problem.device)
        for some in torch.split(torch.arange(samples, device=self.problem.device), self.problem.samples_at_once):
            *_, last = steps(self.network, at, self.below.of(some), False)
            yield last, self.split.y[some]

    def cost(self, pieces: int, by: By) -> float:
        """The passes that neighbouring pieces cost: one at each end, and `PASSES` a piece.

        The first layer that moves is evaluated at the two ends of the segment alone, and meets gaps only where layers
        below it round.
        """
        met = pieces if by == "entries" and self.network.lowest > 0 else 0
        return self.share * (pieces + 1 + pieces * PASSES[by]) + self.first * (2 + met)

    def _price(self, pieces: int, by: By, samples: int) -> float:
        return self.cost(pieces, by) * samples / len(self.split)

    @property
    def ways(self) -> tuple[By, ...]:
        """All that there are for this network and loss."""
        columns_too = first_order.applies(self.network, self.problem.loss)
        return ("norms", "entries", "columns") if columns_too else ("norms", "entries")

    def trial(self, ways: tuple[By, ...] = ()) -> float:
        """Passes that it costs to find out how to begin."""
        samples = len(range(0, len(self.split), self._every))
        return sum(len(TRIAL_LENGTHS) * self._price(1, by, samples) for by in ways or self.ways)

    @property
    def _every(self) -> int:
        return max(1, len(self.split) // TRIAL_SAMPLES)

    def begun(self, at: float, ways: tuple[By, ...] = ()) -> "Start | None":
        """Of all ways, or of those given, the one that should need the fewest passes, as some samples tell.

        None where trying them would cost more than is left.
        """
        if not self.trial(ways) <= self.budget.left:
            self.budget.short = True
            return None
        some = torch.arange(0, len(self.split), self._every, device=self.problem.device)
        ways = ways or self.ways
        pieces = {by: self.pieces(by, at, some) for by in ways}
        best = min(ways, key=lambda by: self.cost(1, by) * pieces[by] * (COLUMNS_HANDICAP if by == "columns" else 1))
        parts = next((one for one in FIRST_PARTS if one >= pieces[best] / 4), FIRST_PARTS[-1])
        return Start(best, parts, self.cost(1, best) * pieces[best])

    def pieces(self, by: By, at: float, some: Tensor) -> float:
        """How many pieces one way should need: gains fall as a power of a piece's length, until they fit the room."""
        gains = []
        for length in TRIAL_LENGTHS:
            start = min(int(at / length), round(1 / length) - 1) * length
            t = torch.tensor([start, start + length], dtype=torch.float64, device=self.problem.device)
            gains.append(float(self.looked_at(t, some, by).gains.mean()))
        if not all(isfinite(gain) for gain in gains):
            return inf
        long, short = (max(gain, 1e-300) for gain in gains)
        power = max(log(long / short) / log(TRIAL_LENGTHS[0] / TRIAL_LENGTHS[1]), 0.5)
        times = (log(short) - log(max(self.target.room, 1e-300))) / power  # a large loss may leave no room at all
        return max(1.0, exp(times) / TRIAL_LENGTHS[1]) if times < LARGEST_EXPONENT else inf
