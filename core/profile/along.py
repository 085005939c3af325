"""The profile of a path: loss and error on a grid, refined where the train loss is largest."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import torch
from torch import Tensor

from core.path import CHAIN, Claim, Path, Segment
from core.problem import Part, Problem, Values, joined
from core.profile.proven import proven_values
from core.profile.refining import ROUNDS, between_maxima, ordered
from core.profile.segments import Motion, segment_values

PROVEN = (Claim.INVARIANT, Claim.CONVEX, Claim.DATA_INVARIANT, Claim.IDENTITY, Claim.ENCLOSED)


@dataclass(frozen=True)
class Profile:
    """What was seen of a path, at K points, on the CPU.

    `t` (K,) float64, sorted, in [0, 1]; `segment` (K,) the segment of each (a knot belongs to the one it starts);
    `arc` (K,) the length of the path up to there; `forward_passes` what it cost on the train set, in units of one
    plain forward pass over all samples.
    """

    t: Tensor
    segment: Tensor
    arc: Tensor
    train: Values
    test: Values | None
    forward_passes: float

    @property
    def barrier(self) -> float:
        """Largest train loss seen, minus the larger of the ends'."""
        loss = ordered(self.train.loss)
        return _difference(float(loss.max()), float(torch.maximum(loss[0], loss[-1])))

    @property
    def barrier_interpolated(self) -> float:
        """Largest train loss seen above the straight line in t between the losses of the ends."""
        loss = ordered(self.train.loss)
        if not bool(torch.isfinite(loss).all()):
            return _difference(float(loss.max()), float(torch.maximum(loss[0], loss[-1])))
        return float((loss - torch.lerp(loss[0], loss[-1], self.t)).max())

    def summary(self) -> dict[str, float | None]:
        """Ends, max, mean over t and integral over the length, of losses and errors; both barriers.

        None stands for what there is none of: errors of a regression, everything on a test split that is missing.
        """
        found: dict[str, float | None] = {}
        for part, values in (("train", self.train), ("test", self.test)):
            found |= self._of(f"{part}_loss", None if values is None else values.loss)
            found |= self._of(f"{part}_error", None if values is None else values.error)
        return found | {"barrier": self.barrier, "barrier_interpolated": self.barrier_interpolated}

    def _of(self, name: str, values: Tensor | None) -> dict[str, float | None]:
        names = (f"{name}_a", f"{name}_b", f"max_{name}", f"mean_{name}", f"integral_{name}")
        if values is None:
            return dict.fromkeys(names)
        v = ordered(values)
        integral = torch.trapezoid(v, self.arc) if float(self.arc[-1]) else torch.zeros(())
        found = (v[0], v[-1], v.max(), torch.trapezoid(v, self.t), integral)
        return dict(zip(names, ordered(torch.stack(found)).tolist(), strict=True))  # infinite over no distance: nan


def profile(
    problem: Problem, path: Path, points: int = 61, *, granted: Sequence[Claim | None] = (), refine: bool = True
) -> Profile:
    """Look along a path at `points` points or more: every knot, and equally many on every segment, at least 5.

    `granted` are the claims that the checker granted, segment by segment: only those save work, and only where there
    are such is a view by layers relied on that was traced. With `refine`,
    points are added around the largest train losses of segments without proof, until the largest is settled.
    """
    claims = [*granted, *[None] * (len(path) - len(granted))]
    each = max(5, ceil((points - 1) / len(path)) + 1)
    grid = torch.linspace(0, 1, each, dtype=torch.float64)
    proven = proven_values(problem, path, claims, grid)
    stretches: list[_SegmentProfile] = []
    for i, (segment, claim) in enumerate(zip(path, claims, strict=True)):
        stretch = _SegmentProfile(problem if claim in PROVEN else problem.as_module, segment, claim, grid)
        if i in proven.train:
            stretch.train, stretch.test = proven.train[i], proven.test.get(i)
        else:
            stretch.evaluate_all(stretches[-1].last if stretches else None)
        stretches.append(stretch)
    for _ in range(ROUNDS if refine else 0):
        best = max(stretch.best for stretch in stretches)
        refined = [stretch.refine(best) for stretch in stretches]
        if not any(refined):
            break
    return _join(path, stretches, proven.forward_passes)


@dataclass
class _Point:
    """Values at one point, each (1,)."""

    train: Values
    test: Values | None


class _SegmentProfile:
    """One segment's points, sorted; it grows where it is refined."""

    train: Values
    test: Values | None

    def __init__(self, problem: Problem, segment: Segment, claim: Claim | None, t: Tensor) -> None:
        self.problem, self.segment, self.claim, self.t = problem, segment, claim, t
        self.passes = 0.0

    @cached_property
    def motion(self) -> Motion:
        return Motion.of(self.problem, self.segment)

    def evaluate_all(self, first: _Point | None) -> None:
        """Look at all t; `first` are the values at the first one, where they are known."""
        t, known = self.t, first is not None
        if first is not None and self.motion.still:
            self.train = _repeated(first.train, len(t))
            self.test = None if first.test is None else _repeated(first.test, len(t))
            return
        train, test = self.evaluate(t[1:] if known else t)
        self.train = train if first is None else joined([first.train, train])
        self.test = test if first is None or first.test is None or test is None else joined([first.test, test])

    def evaluate(self, t: Tensor) -> tuple[Values, Values | None]:
        self.passes += self.motion.passes(self.problem, len(t))

        def on(part: Part) -> Values:
            return _home(segment_values(self.problem, self.segment, t, part))

        return on("train"), on("test") if self.problem.data.test is not None else None

    @property
    def best(self) -> float:
        return float(ordered(self.train.loss).max())

    @property
    def last(self) -> _Point:
        test = None if self.test is None else _taken(self.test, torch.tensor([-1]))
        return _Point(_taken(self.train, torch.tensor([-1])), test)

    def refine(self, best: float) -> bool:
        """Look where this segment might still rise above the best; whether there was such a place."""
        if self.claim in PROVEN or self.motion.still:
            return False
        new = between_maxima(self.t, self.train.loss, best)
        if len(new) == 0:
            return False
        train, test = self.evaluate(new)
        self.t, order = torch.cat([self.t, new]).sort()
        self.train = _taken(joined([self.train, train]), order)
        if self.test is not None and test is not None:
            self.test = _taken(joined([self.test, test]), order)
        return True


def _join(path: Path, stretches: list[_SegmentProfile], passes: float) -> Profile:
    """All points in order; a knot is taken from the segment that it starts. `passes` were made for all together."""
    last = len(stretches) - 1
    kept = [torch.arange(len(one.t) - (i < last)) for i, one in enumerate(stretches)]
    pairs = list(zip(stretches, kept, strict=True))
    lengths = torch.tensor([0.0, *[one.segment.length() for one in stretches]], dtype=torch.float64)
    before = lengths.cumsum(0)
    train = joined([_taken(one.train, here) for one, here in pairs])
    tests = [_taken(one.test, here) for one, here in pairs if one.test is not None]
    return Profile(
        t=torch.cat([(i + one.t[here]) / len(path) for i, (one, here) in enumerate(pairs)]),
        segment=torch.cat([torch.full_like(here, i) for i, here in enumerate(kept)]),
        arc=torch.cat([before[i] + _arc(one.segment, one.t[here]) for i, (one, here) in enumerate(pairs)]),
        train=train,
        test=joined(tests) if tests else None,
        forward_passes=passes + sum(one.passes for one in stretches),
    )


def _arc(segment: Segment, t: Tensor) -> Tensor:
    """Length (K,) of the segment up to t (K,), float64; of a curve along a chain, linear between its points."""
    if segment.curve is None:
        return t * segment.length()
    chain = torch.cat([torch.zeros(1, dtype=torch.float64), segment.steps.cumsum(0)])
    below = (t * (CHAIN - 1)).long().clamp(0, CHAIN - 2)
    return torch.lerp(chain[below], chain[below + 1], t * (CHAIN - 1) - below)


def _difference(high: float, low: float) -> float:
    return high - low if high != low else 0.0


def _home(values: Values) -> Values:
    return Values(values.loss.cpu(), None if values.error is None else values.error.cpu())


def _taken(values: Values, rows: Tensor) -> Values:
    return Values(values.loss[rows], None if values.error is None else values.error[rows])


def _repeated(values: Values, times: int) -> Values:
    return Values(values.loss.repeat(times), None if values.error is None else values.error.repeat(times))
