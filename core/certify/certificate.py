"""The certificate of a path: what is known of the loss between the points that were looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

from core.certify.decide import Known, Verdict, decide
from core.certify.knots import KnotLosses, knot_losses, points64
from core.certify.magnitude import largest_inputs
from core.path import Claim, Path
from core.problem import Problem
from core.traced_view import without_wrong_view

Kind = Literal["exact", "identity", "enclosed", "sampled"]
TIE = 1e-12  # a bound this close to the level, relative to 1 + |level|, carries it too: rounding of the ends


@dataclass(frozen=True)
class Certificate:
    """How low a path is, and how well that is known. Losses are train losses in float64.

    `certified` says whether there is a proof for the whole path (any kind but sampled; the weakest of its segments' is
    the path's). Then the true loss is nowhere above `level`, the largest bound of a segment with what rounding may add
    to it; `drift` is how much of the level that is. Of a sampled path the level is the largest loss seen, and there is
    no drift. `excess` is level minus the larger end loss, `carries` the numbers of the segments that reach the level,
    `residual` the largest of the proven segments.
    """

    kind: Kind
    level: float
    loss_a: float
    loss_b: float
    residual: float
    drift: float | None
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


def certify(problem: Problem, path: Path, sampled: Mapping[int, float]) -> Certificate:
    """Decide every claim of a path; the problem is in float64, the path in any floating dtype.

    `sampled[i]` is the largest loss seen on segment i; segments without proof need it. Raises ValueError
    where it is missing, UsageError where the path is of another network.
    """
    problem = as_seen(problem, path)
    knots = knot_losses(problem, path)
    return certificate_of(path_verdicts(problem, path, knots), knots, sampled)


def as_seen(problem: Problem, path: Path) -> Problem:
    """The problem; without its view by layers where that was traced and does not hold at a knot.

    Raises UsageError where the path is of another network.
    """
    points64(problem, path.knots[:1])
    return without_wrong_view(problem, path.knots)


def path_verdicts(problem: Problem, path: Path, knots: KnotLosses) -> tuple[Verdict, ...]:
    """The verdict on every segment, given the losses at the S + 1 knots."""
    inputs, loss, margin = largest_inputs(problem.data), knots.loss.tolist(), knots.margin.tolist()
    known = (Known((loss[i], loss[i + 1]), (margin[i], margin[i + 1]), inputs) for i in range(len(path)))
    return tuple(decide(problem, segment, one) for segment, one in zip(path, known, strict=True))


def certificate_of(verdicts: tuple[Verdict, ...], knots: KnotLosses, sampled: Mapping[int, float]) -> Certificate:
    """The certificate that follows from all verdicts, the losses at the knots, and what was seen elsewhere.

    Raises ValueError where a segment has neither proof nor a sampled loss.
    """
    missing = [i for i, verdict in enumerate(verdicts) if not verdict.proven and i not in sampled]
    if missing:
        raise ValueError(f"segments {missing} have no proof and no sampled loss")
    at = knots.loss.tolist()
    bounds = [
        largest(at[i], at[i + 1], sampled[i] if verdict.bound is None else verdict.bound)
        for i, verdict in enumerate(verdicts)
    ]
    highest = largest(*bounds)
    kind = kind_of(verdicts)
    if kind == "sampled":
        level, drift = highest, None
    else:
        level = max(bound + verdict.drift for bound, verdict in zip(bounds, verdicts, strict=True))
        drift = level - highest
    return Certificate(
        kind=kind,
        level=level,
        loss_a=at[0],
        loss_b=at[-1],
        residual=max((verdict.residual for verdict in verdicts if verdict.proven), default=0.0),
        drift=drift,
        verdicts=verdicts,
        carries=tuple(i for i, bound in enumerate(bounds) if bound >= highest - TIE * (1 + abs(highest))),
    )


def kind_of(verdicts: Sequence[Verdict]) -> Kind:
    """The kind of the weakest of them."""
    if not all(verdict.proven for verdict in verdicts):
        return "sampled"
    granted = {verdict.granted for verdict in verdicts}
    if Claim.ENCLOSED in granted:
        return "enclosed"
    return "identity" if Claim.IDENTITY in granted else "exact"


def largest(*losses: float) -> float:
    """The maximum; a loss that is not a finite number is as bad as can be."""
    return max(losses) if all(isfinite(loss) for loss in losses) else inf
