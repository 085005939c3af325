"""How high the train loss with a penalty on the weights can be on a path that is proven.

The penalty is convex, so along a straight line it is below its chord; where the loss is below a straight line, too, the
sum is at most its larger end. The largest loss plus the largest penalty would be a bound as well, and a worse one.
"""

from collections.abc import Iterable, Sequence
from math import inf, nextafter

import torch
from torch import Tensor

from core.certify.decide import Verdict
from core.certify.enclosed import Proof
from core.certify.knots import points64
from core.certify.rounding import TINY, gamma
from core.path import Path
from core.penalty import Penalty
from core.problem import Problem

Line = tuple[float, float, tuple[float, float]]
"""From t to t of a segment: the loss is nowhere above the chord of these two."""


@torch.no_grad()
def penalised_level(
    problem: Problem, path: Path, verdicts: Sequence[Verdict], proof: Proof | None, penalty: Penalty
) -> float | None:
    """What train loss plus penalty are nowhere on the path above; None where a segment has no proof, or is curved."""
    highest = -inf
    for i, verdict in enumerate(verdicts):
        lines = _lines(i, verdict, proof)
        if not lines:
            return None
        ends = points64(problem, path.knots[i : i + 2])
        above = _penalties(problem, ends, penalty, {t for start, end, _ in lines for t in (start, end)})
        for start, end, (first, last) in lines:
            highest = max(highest, nextafter(first + above[start], inf), nextafter(last + above[end], inf))
    return highest


def _lines(i: int, verdict: Verdict, proof: Proof | None) -> list[Line]:
    """Straight lines above the loss on segment i, from its start to its end; none where nothing is proven."""
    if verdict.line is not None:
        return [(0.0, 1.0, verdict.line)]
    if verdict.proven and proof is not None and i in proof.enclosures:
        return [(one.start, one.end, one.ends) for one in proof.enclosures[i].pieces]
    return []


def _penalties(problem: Problem, ends: Tensor, penalty: Penalty, at: Iterable[float]) -> dict[float, float]:
    """Bounds of the penalty at some t between `ends` (2, P), all rounding included.

    At t float64 makes a point that is off by at most 2 gamma_5 S, S = |start| + |end|, from the true one and from what
    others may make of t. So the penalty is off by at most 5 gamma_5 times that of S: |W|_2 is at most |S|_2.
    """
    count = ends.shape[1]
    off = 5 * gamma(5) * float(penalty.at(problem, ends.abs().sum(0, keepdim=True)))
    off += (penalty.ridge + penalty.l1) * count * TINY
    up = 1 + 2 * gamma(count + 16)
    points = ((t, torch.lerp(ends[0], ends[1], t)) for t in at)  # one at a time: there may be many
    return {t: (float(penalty.at(problem, point[None])) + off) * up for t, point in points}
