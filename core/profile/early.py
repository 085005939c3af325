"""Is a straight line too high? Often a part of the samples tells.

Losses are not negative, so the sum over some samples, divided by the number of all, is at most the mean: as soon as it
exceeds a threshold at one point, nothing else has to be looked at.
"""

from dataclasses import dataclass, replace

import torch

from core.path import Segment
from core.problem import Problem
from core.profile.refining import ordered
from core.profile.segments import Motion, segment_values

FIRST = 64  # samples of the first portion; each that follows is as large as all before


@dataclass(frozen=True)
class Look:
    """The highest point t of those looked at, and what it cost in `passes` over the train set.

    `value` is the sum of the losses of the first `samples` there, divided by the number of all.
    """

    t: float
    value: float
    samples: int
    passes: float


def look(problem: Problem, segment: Segment, grid: int, below: float) -> Look:
    """Look at the train loss at `grid` points of a straight line, until one of them is surely above `below`.

    A value that is not a number counts as infinite.
    """
    t = torch.linspace(0, 1, grid, dtype=torch.float64)
    motion, train = Motion.of(problem, segment), problem.data.train
    total, seen, passes = torch.zeros(grid, dtype=torch.float64), 0, 0.0
    while seen < len(train) and not bool((total > below).any()):
        some = slice(seen, seen + max(FIRST, seen))
        part = replace(problem, data=replace(problem.data, train=train.part(some), test=None))
        share = len(part.data.train) / len(train)
        total += ordered(segment_values(part, segment, t).loss.cpu()) * share
        seen, passes = seen + len(part.data.train), passes + share * motion.passes(problem, grid)
    highest = int(total.argmax())
    return Look(float(t[highest]), float(total[highest]), seen, passes)
