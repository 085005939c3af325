"""What the rules for curves share: the points at which a curve is looked at, and what its loss may gain."""

from hashlib import blake2b

import torch
from torch import Tensor

from core.certify.judged import RefusedError
from core.certify.residual import sample_gain
from core.certify.rounding import Evaluation, Rounded
from core.path import Segment
from core.problem import Problem
from core.traced_view import without_wrong_view


def random_points(ends: Tensor, count: int) -> Tensor:
    """Some t (count,) in [0, 1), float64, drawn by the ends (2, P): the same whenever these are judged."""
    seed = int.from_bytes(blake2b(ends.cpu().numpy().tobytes(), digest_size=7).digest())
    return torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def require_right_view(problem: Problem, segment: Segment, t: Tensor) -> None:
    """Raise RefusedError where the view by layers is wrong at some t (K,): features may be larger than at the ends."""
    if without_wrong_view(problem, segment.at(t)) is not problem:
        raise RefusedError("between its ends the layers that were traced differ from what the network computes")


def gain_at_ends(problem: Problem, ends: Tensor, delta: Tensor, radius: Tensor) -> float:
    """What the mean loss may gain on that of an end, the larger of both (2, P).

    Outputs are off by at most `delta` (N, C), entry by entry, and by `radius` (N,), sample by sample.
    """
    assert problem.layered is not None
    x, y = problem.data.train.x, problem.data.train.y
    gains = []
    for end in ends:
        evaluated = Evaluation(problem.layered, problem.layout.split(end[None]))
        outputs = evaluated.features(Rounded.exact(x), problem.layered.depth)
        gain = sample_gain(problem, outputs.features, delta[None], y)[0]
        # Losses are Lipschitz, or have second derivatives of at most 1: what z is off by adds its margin at the
        # knot and this.
        gains.append(float((gain + radius * outputs.off).mean()))
    return max(gains)
