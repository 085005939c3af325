"""Whether float64 can follow a path: outputs at some points of every segment, and the checker on its curves."""

from functools import partial

import torch
from torch import Tensor

from core.certify import decide
from core.methods.wide.net import Net
from core.methods.wide.ranks import RANK
from core.methods.wide.route import Route
from core.path import Claim, Path, Segment
from core.problem import Problem

TOLERANCE = 5e-10  # of the outputs, relative to 1 + the largest; at other points they may be off by more, not by much
LOOKED = (0.1, 0.3, 0.5, 0.7, 0.9)


def ill_conditioned(problem: Problem, path: Path, route: Route) -> str | None:
    """Which segment float64 can't follow, as a sentence; None if it can follow all."""
    for i, segment in enumerate(path):
        if (reason := off_the_line(problem, segment) or refused(problem, segment)) is not None:
            worst, where = worst_condition(route.nets[i])
            half = segment.at(torch.tensor([0.5], dtype=torch.float64))
            return (
                f"segment {i} ({segment.claim}): {reason}; weights reach {float(half.abs().max()):.1e} there and "
                f"{where} has the condition number {worst:.1e}, too much for float64"
            )
    return None


def off_the_line(problem: Problem, segment: Segment) -> str | None:
    """Whether outputs are off the straight line between those at the ends."""
    outputs = partial(problem.outputs, x=problem.data.train.x)
    t = torch.tensor(LOOKED, dtype=torch.float64)
    first, inside, last = (outputs(some) for some in (segment.start[None], segment.at(t), segment.end[None]))
    line = torch.lerp(first, last, t.to(first)[:, None, None])
    off = float((inside - line).abs().max() / (1 + torch.cat([first, last]).abs().max()))
    return None if off <= TOLERANCE else f"the outputs are off by {off:.1e} relative, over {TOLERANCE:.0e}"


def refused(problem: Problem, segment: Segment) -> str | None:
    """Why the checker refuses a curve; lines have no rounding to speak of."""
    if segment.claim is not Claim.IDENTITY:
        return None
    verdict = decide(problem, segment)
    return None if verdict.proven else verdict.reason


def worst_condition(net: Net) -> tuple[float, str]:
    """The largest condition number of a weight or of a hidden layer's features, on their range, and whose it is."""
    found = [(on_range(W), f"the weight of layer {l}") for l, W in enumerate(net.W, start=1)]
    found += [(on_range(net.features(l)), f"F_{l}") for l in range(net.depth)]
    return max(found)


def on_range(F: Tensor) -> float:
    """Condition number without the singular values that count as zero; 1 for a matrix of zeros."""
    s = torch.linalg.svdvals(F)
    s = s[s > RANK * s[0]]
    return float(s[0] / s[-1]) if len(s) else 1.0
