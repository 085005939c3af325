"""Values along all segments that are proven invariant or convex, in one sweep over the samples.

On a convex segment the outputs at t are (1 - t) times those at the start plus t times those at the end, and on an
invariant one they don't change: so the outputs at the knots are all that is needed, and `Together` finds these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.networks.shared_evaluation import Together
from core.path import Claim, Path
from core.problem import Part, Problem, Values, chunks
from core.profile.segments import between

BY_KNOTS = (Claim.INVARIANT, Claim.CONVEX)


@dataclass(frozen=True)
class Proven:
    """By segment, the values at all t of a grid; `forward_passes` is what they cost on the train set."""

    train: dict[int, Values] = field(default_factory=dict)
    test: dict[int, Values] = field(default_factory=dict)
    forward_passes: float = 0.0


@torch.no_grad()
def proven_values(problem: Problem, path: Path, claims: Sequence[Claim | None], t: Tensor) -> Proven:
    """Values at t (K,), from 0 to 1, of every segment whose claim here, as granted, is invariant or convex."""
    segments = [i for i, claim in enumerate(claims) if claim in BY_KNOTS]
    if problem.layered is None or not segments:
        return Proven()
    knots = sorted({knot for i in segments for knot in (i, i + 1)})
    points = (path.knots[i].to(problem.device, problem.dtype) for i in knots)
    together = Together(problem.layered, problem.layout, points)
    network = dict(zip(knots, together.which, strict=True))
    ends = {i: (network[i], network[i + 1]) for i in segments if claims[i] is Claim.CONVEX}
    still = {i: network[i] for i in segments if claims[i] is Claim.INVARIANT}

    def on(part: Part) -> dict[int, Values]:
        at_knots, inside = _sums(problem, together, list(ends.values()), t[1:-1], part)
        found = {i: at_knots[[which] * len(t)] for i, which in still.items()}
        for (i, (first, last)), between_ends in zip(ends.items(), inside, strict=True):
            found[i] = torch.cat([at_knots[[first]], between_ends, at_knots[[last]]])
        return {i: _values(problem, part, sums) for i, sums in found.items()}

    passes = together.passes([size.multiplications for size in problem.sizes])
    return Proven(on("train"), on("test") if problem.data.test is not None else {}, passes)


def _sums(
    problem: Problem, together: Together, ends: list[tuple[int, int]], t: Tensor, part: Part
) -> tuple[Tensor, list[Tensor]]:
    """Sums of losses and misses, in the last dimension: of all networks (M, 2), and of points between (K, 2).

    The latter for every pair of ends, at t (K,). All in float64 on the problem's device.
    """
    split = problem.part(part)
    assert split is not None, f"there is no {part} split"
    t = t.to(problem.device, problem.dtype)
    at_knots = torch.zeros(len(together.networks), 2, dtype=torch.float64, device=problem.device)
    inside = torch.zeros(len(ends), len(t), 2, dtype=torch.float64, device=problem.device)
    samples = min(problem.samples_at_once, len(split))
    group = max(1, problem.samples_at_once // samples)
    for x, y in chunks(split, 1, samples):
        # Along the samples: losses are faster so.
        outputs = [one.T.contiguous().T for one in together.outputs(x)]
        for i, one in enumerate(outputs):
            at_knots[i] += torch.stack(problem.sums(one[None], y), 1)[0]
        for i, (first, last) in enumerate(ends):
            pair = torch.stack([outputs[first].T, outputs[last].T])
            for some in torch.split(torch.arange(len(t), device=t.device), group):
                here = between(pair, t[some]).transpose(1, 2)
                inside[i, some] += torch.stack(problem.sums(here, y), 1)
    return at_knots, list(inside)


def _values(problem: Problem, part: Part, sums: Tensor) -> Values:
    """Means on the CPU, of sums (K, 2)."""
    split = problem.part(part)
    assert split is not None
    loss, error = (sums / len(split)).cpu().unbind(1)
    return Values(loss, error if problem.graded else None)
