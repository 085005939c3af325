"""Values along one segment, each sample and layer worked through as seldom as its structure allows.

On a straight segment only the parameters that differ between its ends move. Layers below the lowest one that
moves are worked through once for all points. That layer's pre-activations are affine in t, so they are computed
at the two ends and interpolated; the layers above are worked through at every point, with the weights of that
point where they move. Where only the last layer moves, that leaves nothing to do at the points themselves.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.networks.layered import Buffers, LayeredNetwork, Parameters
from core.path import Segment
from core.problem import CACHE, Part, Problem, Values, chunks, joined


@dataclass(frozen=True)
class Motion:
    """What moves on a segment, and so how its values are found.

    `still`: nothing does. `lowest` is the lowest layer that moves, from 1, and `moving` the names of the parameters
    that do; None and none where the network has no layers or the segment is a curve.
    """

    still: bool = False
    lowest: int | None = None
    moving: frozenset[str] = frozenset()

    @classmethod
    def of(cls, problem: Problem, segment: Segment) -> "Motion":
        if segment.curve is not None:
            return cls()
        if torch.equal(segment.start, segment.end):
            return cls(still=True)
        if problem.layered is None:
            return cls()
        start, end = (problem.layout.split(point[None]) for point in (segment.start, segment.end))
        moving = frozenset(name for name in start if not torch.equal(start[name], end[name]))
        layers = enumerate(problem.layered.layers, start=1)
        return cls(lowest=next(i for i, layer in layers if {layer.weight, layer.bias} & moving), moving=moving)

    def passes(self, problem: Problem, points: int) -> float:
        """Forward passes that `points` points cost, in units of plain ones."""
        if self.still:
            return problem.passes * (points > 0)
        if self.lowest is None:
            return problem.passes * points
        costs = [size.multiplications for size in problem.sizes]
        below, at, above = costs[: self.lowest - 1], costs[self.lowest - 1], costs[self.lowest :]
        return (sum(below) + 2 * at + points * sum(above)) / sum(costs)


@torch.no_grad()
def segment_values(problem: Problem, segment: Segment, t: Tensor, part: Part = "train") -> Values:
    """Loss and error at the parameters t (K,) of a segment, on a whole split."""
    motion = Motion.of(problem, segment)
    if len(t) == 0:
        return _nothing(problem)
    if motion.still:
        once = problem.values(segment.start[None], part)
        return Values(once.loss.expand(len(t)), None if once.error is None else once.error.expand(len(t)))
    if motion.lowest is None:
        return _plain(problem, segment, t, part)
    return _Layerwise(problem, segment, motion).values(t, part)


def _nothing(problem: Problem) -> Values:
    empty = torch.zeros(0, dtype=torch.float64, device=problem.device)
    return Values(empty, empty if problem.graded else None)


def _plain(problem: Problem, segment: Segment, t: Tensor, part: Part) -> Values:
    """Point by point, as many at once as fit."""
    group = max(1, min(16, CACHE // len(segment.start)))
    return joined([problem.values(segment.at(ts), part) for ts in torch.split(t, group)])


class _Layerwise:
    """The pre-activations of layer `motion.lowest` are affine in t, and only what lies above moves otherwise."""

    def __init__(self, problem: Problem, segment: Segment, motion: Motion) -> None:
        assert problem.layered is not None
        assert motion.lowest is not None
        self.problem = problem
        self.network: LayeredNetwork = problem.layered
        self.lowest = motion.lowest
        both = problem.layout.split(torch.stack([segment.start, segment.end]))
        self.ends: Parameters = {name: one if name in motion.moving else one[:1] for name, one in both.items()}

    def values(self, t: Tensor, part: Part) -> Values:
        """Of all points, a chunk of samples and a group of points at a time."""
        split = self.problem.part(part)
        assert split is not None, f"there is no {part} split"
        t = t.to(self.problem.device, self.problem.dtype)
        buffers = Buffers()
        total = torch.zeros(len(t), dtype=torch.float64, device=self.problem.device)
        wrong = torch.zeros_like(total)
        samples = min(self.problem.samples_at_once, len(split))
        points = max(1, self.problem.samples_at_once // samples)
        for x, y in chunks(split, 1, samples):
            ends = self.begin(x)
            for first in range(0, len(t), points):
                here = slice(first, first + points)
                outputs = self.finish(between(ends, t[here], buffers), t[here], buffers)
                losses, misses = self.problem.sums(outputs, y)
                total[here] += losses
                wrong[here] += misses
        error = wrong / len(split) if self.problem.graded else None
        return Values(total / len(split), error)

    def begin(self, x: Tensor) -> Tensor:
        """What all points share of a chunk of samples: the pre-activations at both ends (2, N, ...)."""
        features = self.network.features(x[None], self.ends, self.lowest - 1)
        ends = self.network.layers[self.lowest - 1].affine(features, self.ends)
        return ends.expand(2, *ends.shape[1:])

    def finish(self, affine: Tensor, t: Tensor, buffers: Buffers) -> Tensor:
        """Outputs (G, N, C) at t (G,) from pre-activations (G, N, ...), which may be overwritten."""
        features = self.network.layers[self.lowest - 1].after(affine, overwrite=True)
        return self.network.outputs(features, self.at(t), self.lowest, buffers)

    def at(self, t: Tensor) -> Parameters:
        """The parameters of the layers above at t (G,); those that don't move have one row for all."""
        return {
            name: between(one, t) if len(one) == 2 else one
            for layer in self.network.layers[self.lowest :]
            for name in (layer.weight, layer.bias)
            if name is not None
            for one in [self.ends[name]]
        }


def between(ends: Tensor, t: Tensor, buffers: Buffers | None = None) -> Tensor:
    """The straight line between two tensors (2, ...) at t (G,): (G, ...)."""
    weight = t.view(-1, *[1] * (ends.dim() - 1))
    memory = None if buffers is None else buffers.take(ends, len(t), *ends.shape[1:])
    return torch.lerp(ends[:1], ends[1:], weight, out=memory)
