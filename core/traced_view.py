"""Whether a traced view by layers agrees with what the network computes, at the points where that matters.

A forward pass may do something that tracing and random points don't show: clamp what is large, or look at its own
parameters. So a view that was traced is compared with the module itself, in float64 on the whole train set, wherever
something is said of a model or path by its layers: at models, and at every knot. Where the two differ the network
counts as one without layers there. What it computes between the knots is not compared.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeVar

import torch
from torch import Tensor

from core.networks.agreement import difference
from core.networks.shared_evaluation import Together
from core.problem import Problem, chunks

SAME = 1e-9  # of the outputs, relative to 1 + the largest of them
P = TypeVar("P", bound=Problem)


@dataclass(frozen=True)
class Difference:
    """Of view and module at one point: the largest one, and the largest output."""

    largest: float
    outputs: float

    @property
    def allowed(self) -> float:
        return SAME * (1 + self.outputs)

    @property
    def holds(self) -> bool:
        return self.largest <= self.allowed


def without_wrong_view(problem: P, points: Tensor) -> P:
    """The problem; without its view by layers where that was traced and does not hold at one of the points (K, P)."""
    if problem.layered is None or not problem.layered.traced:
        return problem
    odd = next((one for one in view_differences(problem, points) if not one.holds), None)
    if odd is None:
        return problem
    why = f"the layers that were traced differ by {odd.largest:.3g} from what it computes, over {odd.allowed:.2g}"
    logging.getLogger(__name__).warning("The network counts as one without layers here: %s.", why)
    return replace(problem, layered=None, without=why)


@torch.no_grad()
def view_differences(problem: Problem, points: Tensor) -> list[Difference]:
    """Of the view, in float64 on the train set, at each of the different points among (K, P)."""
    exact = problem.on_first(None).to(problem.device, torch.float64)
    assert exact.layered is not None
    points = points[distinct_points(points)]
    together = Together(exact.layered, exact.layout, _exactly(exact, points))
    largest, outputs = [0.0] * len(points), [0.0] * len(points)
    for x, _ in chunks(exact.data.train, 1, exact.samples_at_once):
        found = list(together.outputs(x))
        for i, point in enumerate(_exactly(exact, points)):
            expected = exact.as_module.outputs(point[None], x)[0]
            off, size = difference(found[together.which[i]], expected)
            largest[i], outputs[i] = max(largest[i], off), max(outputs[i], size)
    return [Difference(*one) for one in zip(largest, outputs, strict=True)]


def distinct_points(points: Tensor) -> list[int]:
    """The rows (K, P) without those that are equal to one before, bit for bit."""
    first: dict[bytes, int] = {}
    for i, point in enumerate(points):
        first.setdefault(blake2b(point.contiguous().cpu().numpy().data, digest_size=16).digest(), i)
    return list(first.values())


def _exactly(exact: Problem, points: Tensor) -> Iterator[Tensor]:
    """One by one in float64: together they may be the largest thing there is."""
    return (point.detach().to(exact.device, torch.float64) for point in points)
