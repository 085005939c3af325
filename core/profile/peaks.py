"""The highest point of each of many straight lines, as dynamic string sampling asks for."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.path import Segment
from core.problem import CACHE, Part, Problem, Values
from core.profile.refining import ROUNDS, between_maxima, ordered
from core.profile.segments import segment_values
from core.specs.methods import Metric

SMALL = 1 << 15  # parameters up to which points of several lines are worked on together


@dataclass(frozen=True)
class Peaks:
    """Highest value (G,), float64, of each line, and where it is: t (G,) in [0, 1].

    `points` (G,) is at how many it was looked at. All on the CPU.
    """

    t: Tensor
    value: Tensor
    points: Tensor


def peaks(problem: Problem, starts: Tensor, ends: Tensor, metric: Metric, grid: int) -> Peaks:
    """Highest value of the metric on the straight lines from `starts` to `ends`, each (G, P).

    Each line is looked at on `grid` points, its ends among them, and for losses refined around its maxima until
    the highest is settled. A value that is not a number counts as infinite.
    """
    count = len(starts)
    first = torch.linspace(0, 1, grid, dtype=torch.float64)
    which = torch.arange(count).repeat_interleave(grid)
    values = _evaluate(problem, (starts, ends), which, first.repeat(count), metric).view(count, grid)
    lines = [(first, row) for row in values]
    for _ in range(ROUNDS if metric.endswith("loss") else 0):
        new = [between_maxima(t, v, float(v.max())) for t, v in lines]
        if not (which := torch.repeat_interleave(torch.tensor([len(t) for t in new]))).numel():
            break
        seen = torch.split(_evaluate(problem, (starts, ends), which, torch.cat(new), metric), [len(t) for t in new])
        lines = [_merge(line, t, v) for line, t, v in zip(lines, new, seen, strict=True)]
    tops = [(t[v.argmax()], v.max()) for t, v in lines]
    points = torch.tensor([len(t) for t, _ in lines])
    return Peaks(torch.stack([t for t, _ in tops]), torch.stack([v for _, v in tops]), points)


def _merge(line: tuple[Tensor, Tensor], t: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    sorted_t, order = torch.cat([line[0], t]).sort()
    return sorted_t, torch.cat([line[1], values])[order]


@torch.no_grad()
def _evaluate(problem: Problem, lines: tuple[Tensor, Tensor], which: Tensor, t: Tensor, metric: Metric) -> Tensor:
    """The metric (M,) at t (M,) of the lines `which` (M,), on the CPU, NaN as infinity."""
    part: Part = "train" if metric.startswith("train") else "test"
    starts, ends = lines
    if starts.shape[1] <= SMALL and problem.layered is not None:
        group = max(1, CACHE // starts.shape[1])
        found = []
        for w, at in zip(torch.split(which, group), torch.split(t, group), strict=True):
            here = w.to(starts.device)
            thetas = torch.lerp(starts[here], ends[here], at.to(starts)[:, None])
            found.append(_metric_of(problem.values(thetas, part), metric))
        return torch.cat(found)
    values = torch.empty(len(t), dtype=torch.float64)
    for i in sorted(set(which.tolist())):
        segment = Segment(starts[i], ends[i])
        values[which == i] = _metric_of(segment_values(problem, segment, t[which == i], part), metric)
    return values


def _metric_of(values: Values, metric: Metric) -> Tensor:
    chosen = values.loss if metric.endswith("loss") else values.error
    assert chosen is not None, "regression problems have no error"
    return ordered(chosen.cpu())
