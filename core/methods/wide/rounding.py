"""Whether float64 can follow a path: its outputs are looked at in the middle of every segment."""

from functools import partial

import torch

from core.methods.wide.net import Net
from core.methods.wide.ranks import condition
from core.methods.wide.route import Route
from core.path import Path
from core.problem import Problem

TOLERANCE = 1e-9  # of the outputs, relative to 1 + the largest


def ill_conditioned(problem: Problem, path: Path, route: Route) -> str | None:
    """Which segment float64 can't follow, as a sentence; None if it can follow all."""
    middle, x = torch.tensor([0.5], dtype=torch.float64), problem.data.train.x
    outputs = partial(problem.outputs, x=x)
    for i, segment in enumerate(path):
        half = segment.at(middle)
        first, inside, last = (outputs(one) for one in (segment.start[None], half, segment.end[None]))
        off = float((inside - (first + last) / 2).abs().max() / (1 + torch.cat([first, last]).abs().max()))
        if not off <= TOLERANCE:
            worst, where = worst_condition(route.nets[i])
            return (
                f"the outputs on segment {i} ({segment.claim}) are off by {off:.1e} relative, over {TOLERANCE:.0e}: "
                f"weights reach {float(half.abs().max()):.1e} there and {where} has the condition number {worst:.1e}, "
                "too much for float64"
            )
    return None


def worst_condition(net: Net) -> tuple[float, str]:
    """The largest condition number of a weight or of a hidden layer's features, and whose it is."""
    found = [(condition(W), f"the weight of layer {l}") for l, W in enumerate(net.W, start=1)]
    found += [(condition(net.features(l)), f"F_{l}") for l in range(net.depth)]
    return max(found)
