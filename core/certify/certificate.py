"""The certificate of a path: what is known of the loss between the points that were looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

import torch
from torch import Tensor

from core.certify.decide import Known, Verdict, decide, points64
from core.certify.magnitude import largest_inputs
from core.networks.together import Together
from core.path import Claim, Path
from core.problem import Problem, chunks
from core.viewing import held

TIE = 1e-12  # a bound this close to the level, relative to 1 + |level|, carries it too: rounding of the ends


@dataclass(frozen=True)
class Certificate:
    """How low a path is, and how well that is known. Losses are train losses in float64.

    `level` is the largest bound of a segment; `certified` says whether it is a proof for the whole path
    (kind exact or identity). Of a sampled path it is the largest loss seen. `excess` is level minus the
    larger end loss, `carries` the numbers of the segments that reach the level. `residual` and `drift` are
    the largest of the proven segments.
    """

    kind: Literal["exact", "identity", "sampled"]
    level: float
    loss_a: float
    loss_b: float
    residual: float
    drift: float
    verdicts: tuple[Verdict, ...]
    carries: tuple[int, ...]

    @property
    def certified(self) -> bool:
        return self.kind != "sampled"

    @property
    def excess(self) -> float:
        return self.level - max(self.loss_a, self.loss_b)

    @property
    def refused(self) -> tuple[int, ...]:
        """Segments whose claim was made and not granted."""
        return tuple(i for i, verdict in enumerate(self.verdicts) if verdict.granted is None)

    @property
    def unproven(self) -> tuple[int, ...]:
        """Segments without proof: sampled or refused."""
        return tuple(i for i, verdict in enumerate(self.verdicts) if not verdict.proven)


def certify(problem: Problem, path: Path, sampled: Mapping[int, float]) -> Certificate:
    """Decide every claim of a path; the problem is in float64, the path in any floating dtype.

    `sampled[i]` is the largest loss seen on segment i; segments without proof need it. Raises ValueError
    where it is missing, UsageError where the path is of another network.
    """
    problem = as_seen(problem, path)
    losses = knot_losses(problem, path)
    verdicts = path_verdicts(problem, path, losses)
    return certificate_of(verdicts, losses, sampled)


def as_seen(problem: Problem, path: Path) -> Problem:
    """The problem; without its view by layers where that was traced and does not hold at a knot.

    Raises UsageError where the path is of another network.
    """
    points64(problem, path.knots[:1])
    return held(problem, path.knots)


@torch.no_grad()
def knot_losses(problem: Problem, path: Path) -> Tensor:
    """Train losses (S + 1,) at the knots in float64; networks that differ in dead units alone are evaluated once."""
    assert problem.dtype == torch.float64
    knots = (points64(problem, path.knots[i : i + 1])[0] for i in range(len(path) + 1))
    if problem.layered is None:
        return torch.cat([problem.losses(knot[None]) for knot in knots]).cpu()
    together = Together(problem.layered, problem.layout, knots)
    total = torch.zeros(len(together.networks), dtype=torch.float64, device=problem.device)
    for x, y in chunks(problem.data.train, 1, problem.samples_at_once):
        for i, outputs in enumerate(together.outputs(x)):
            total[i] += problem.sums(outputs[None], y)[0][0]
    return (total / len(problem.data.train))[together.which].cpu()


def path_verdicts(problem: Problem, path: Path, losses: Tensor) -> tuple[Verdict, ...]:
    """The verdict on every segment, given the losses (S + 1,) at the knots."""
    inputs, at = largest_inputs(problem.data), losses.tolist()
    return tuple(decide(problem, segment, Known((at[i], at[i + 1]), inputs)) for i, segment in enumerate(path))


def certificate_of(verdicts: tuple[Verdict, ...], losses: Tensor, sampled: Mapping[int, float]) -> Certificate:
    """The certificate that follows from all verdicts, the losses at the knots, and what was seen elsewhere.

    Raises ValueError where a segment has neither proof nor a sampled loss.
    """
    missing = [i for i, verdict in enumerate(verdicts) if not verdict.proven and i not in sampled]
    if missing:
        raise ValueError(f"segments {missing} have no proof and no sampled loss")
    at = losses.tolist()
    bounds = [
        _largest(at[i], at[i + 1], sampled[i] if verdict.bound is None else verdict.bound)
        for i, verdict in enumerate(verdicts)
    ]
    level = _largest(*bounds)
    proven = [verdict for verdict in verdicts if verdict.proven]
    return Certificate(
        kind=_kind(verdicts),
        level=level,
        loss_a=at[0],
        loss_b=at[-1],
        residual=max((verdict.residual for verdict in proven), default=0.0),
        drift=max((verdict.drift for verdict in proven), default=0.0),
        verdicts=verdicts,
        carries=tuple(i for i, bound in enumerate(bounds) if bound >= level - TIE * (1 + abs(level))),
    )


def _kind(verdicts: tuple[Verdict, ...]) -> Literal["exact", "identity", "sampled"]:
    if not all(verdict.proven for verdict in verdicts):
        return "sampled"
    return "identity" if any(verdict.granted is Claim.IDENTITY for verdict in verdicts) else "exact"


def _largest(*losses: float) -> float:
    """The maximum; a loss that is not a finite number is as bad as can be."""
    return max(losses) if all(isfinite(loss) for loss in losses) else inf
