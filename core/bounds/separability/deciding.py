"""Is a set of labelled features linearly separable? Yes and no are proven; what isn't is left open.

As in the paper: for every class there is a hyperplane with that class strictly on one side and all others on the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.bounds.clock import Clock
from core.bounds.separability.proofs import hulls_meet, separates
from core.bounds.separability.search import Candidate, Points, hardest_first, newton, program
from core.results import NO, OPEN, YES


@dataclass(frozen=True)
class SeparabilityVerdict:
    """YES, NO or OPEN, and why it was left so.

    `margin`, of YES: the smallest distance of a sample from its hyperplanes that were found (not the largest there
    is), over the root of the mean squared distance of the samples from their mean.
    """

    answer: float
    margin: float | None = None
    why: str = ""

    @property
    def summary(self) -> str:
        """In words, for a log."""
        if self.answer == OPEN:
            return f"left open ({self.why})"
        return f"separable, margin {self.margin:.3g}" if self.answer == YES else "not separable"


def decide(X: Tensor, labels: Tensor, clock: Clock, heard: Callable[[float], None]) -> SeparabilityVerdict:
    """Of features X (N, n), float64, with labels (N,); one class that can't be separated decides.

    `heard` is told what part of the classes is done.
    """
    points = Points.of(X)
    classes = hardest_first(points, labels)
    margins, left = [], ""
    for i, label in enumerate(classes):
        heard(i / len(classes))
        verdict = decide_sides(points, torch.where(labels == label, 1.0, -1.0).to(X.dtype), clock)
        if verdict.answer == NO:
            return verdict
        if verdict.margin is None:
            left = f"class {label}: {verdict.why}"
        else:
            margins.append(verdict.margin)
    return SeparabilityVerdict(OPEN, why=left) if left else SeparabilityVerdict(YES, min(margins))


def decide_sides(points: Points, y: Tensor, clock: Clock) -> SeparabilityVerdict:
    """Whether a hyperplane has the points with y = 1 strictly on one side and those with y = -1 on the other."""
    if clock.seconds_left == 0:
        return SeparabilityVerdict(OPEN, why="time was up")
    first = newton(points, y, clock)
    verdict = judge(points, y, first)
    if verdict.answer != OPEN or clock.seconds_left == 0:
        return verdict
    second = program(points, y, first.weights, clock)
    return SeparabilityVerdict(OPEN, why="time was up") if second is None else judge(points, y, second)


def judge(points: Points, y: Tensor, candidate: Candidate) -> SeparabilityVerdict:
    """What a candidate proves."""
    w, b = points.plane(y, candidate.direction)
    if separates(points.X, y, w, b):
        return SeparabilityVerdict(YES, margin(points.X, y, w, b))
    if hulls_meet(points.X, y, candidate.weights):
        return SeparabilityVerdict(NO)
    return SeparabilityVerdict(OPEN, why="neither proof survives rounding")


def margin(X: Tensor, y: Tensor, w: Tensor, b: float) -> float:
    """The smallest distance from the hyperplane, over the root of the mean squared distance from the mean."""
    size = (X - X.mean(0)).square().sum(1).mean().sqrt()
    return float((y * (X @ w + b)).min() / w.norm() / size)
