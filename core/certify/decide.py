"""Decide one claim from the segment's tensors, the network and the data, in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from core.certify import claims
from core.certify.claims import Finding
from core.certify.identity import identity
from core.certify.knots import losses_at, points64
from core.certify.magnitude import largest_inputs, overflow
from core.certify.rotated import rotated
from core.certify.structure import Line
from core.curves.rotating import Arc, Turn
from core.path import Claim, Segment
from core.problem import Problem
from core.traced_view import without_wrong_view

RULES: dict[Claim, Callable[[Line], Finding]] = {
    Claim.INVARIANT: claims.invariant,
    Claim.CONVEX: claims.convex,
    Claim.DATA_INVARIANT: claims.data_invariant,
    Claim.ENCLOSED: claims.one_layer,
}
CONVEX = (Claim.INVARIANT, Claim.CONVEX)
"""Claims by which the loss is convex along a segment."""

EVEN = 1e-6
"""End losses of an invariant segment may differ by this, relative to 1 + the larger: rounding is far below."""

COARSE = 1e-3
"""The most that float64 may be off at an end, relative to 1 + the loss there."""


@dataclass(frozen=True)
class Verdict:
    """What a segment's constructor claimed and what is granted of it (None: refused), with the reason.

    `bound` is the largest train loss on the whole segment: the larger of its end losses in float64, of an enclosed
    claim that of its start with what it may gain; None without proof. The true loss may pass it by `drift` at most:
    what float64 may be off at the ends, and what a `residual`, of data-invariant and identity claims, may add. The true
    loss is nowhere above the chord of `line`, in t, on an arc or turn in sin^2(pi t/2); None where that is not known.
    """

    claim: Claim
    granted: Claim | None
    reason: str
    residual: float = 0.0
    bound: float | None = None
    drift: float = 0.0
    line: tuple[float, float] | None = None

    @property
    def proven(self) -> bool:
        return self.bound is not None


@dataclass(frozen=True)
class Known:
    """What the segments of a path share: losses at this one's ends, their margins, and the data's largest inputs."""

    losses: tuple[float, float]
    margins: tuple[float, float]
    inputs: Tensor

    @classmethod
    def of(cls, problem: Problem, ends: Tensor) -> "Known":
        found = losses_at(problem, ends)
        (a, b), (off_a, off_b) = found.loss.tolist(), found.margin.tolist()
        return cls((a, b), (off_a, off_b), largest_inputs(problem.data))


@torch.no_grad()
def decide(problem: Problem, segment: Segment, known: Known | None = None) -> Verdict:
    """The verdict on a segment's claim; the problem is in float64, the segment in any floating dtype.

    `known` spares evaluating the ends again, and comparing a view that was traced with its module there. Raises
    UsageError where the segment is of another network.
    """
    assert problem.dtype == torch.float64
    claim = Claim(segment.claim)
    if claim is Claim.SAMPLED:
        since = "" if problem.between is None else f", since {problem.without}"
        return Verdict(claim, claim, f"nothing is claimed{since}: the loss is known where it was looked at")
    if reason := _not_decidable(claim, segment):
        return Verdict(claim, None, reason)
    points = points64(problem, torch.stack([segment.start, segment.end]))
    if known is None:
        problem = without_wrong_view(problem, points)
        known = Known.of(problem, points)
    finding = _finding(problem, segment, points, known)
    if finding.holds and claim is Claim.INVARIANT:
        finding = _even(finding, known)
    if not finding.holds:
        return Verdict(claim, None, finding.reason, finding.residual, None, finding.drift)
    ends = (known.losses[0] + finding.gain, known.losses[1])
    raised = (ends[0] + known.margins[0], ends[1] + known.margins[1])
    drift = finding.drift + max(raised) - max(ends)
    line = _line(segment, claim, raised, finding.drift)
    return Verdict(claim, claim, finding.reason, finding.residual, max(ends), drift, line)


def _line(segment: Segment, claim: Claim, raised: tuple[float, float], drift: float) -> tuple[float, float] | None:
    """Two numbers whose chord the loss is nowhere above: at the ends it is at most `raised`, elsewhere `drift` more.

    Only a convex loss is below the chord of its ends.
    """
    first, last = raised
    if segment.curve is None:
        return raised if claim in CONVEX else (max(raised) + drift,) * 2
    return (first + drift, last + drift) if isinstance(segment.curve, Arc | Turn) else None


def _not_decidable(claim: Claim, segment: Segment) -> str | None:
    if segment.curve is not None and claim is not Claim.IDENTITY:
        return f"it is an analytic curve ({segment.curve.family}) and only straight lines can be {claim}"
    return None


def _finding(problem: Problem, segment: Segment, ends: Tensor, known: Known) -> Finding:
    claim = Claim(segment.claim)
    if problem.layered is None:  # not even the rounding of its losses could be bounded
        return Finding(False, f"the network has no view by layers, which {claim} claims need{problem.because}")
    if reason := _not_finite(problem, ends):
        return Finding(False, reason)
    line = None if claim is Claim.IDENTITY else Line.of(problem, problem.layered, ends)
    if reason := (line and overflow(line.layers, known.inputs)) or _bad_losses(known) or _too_coarse(known):
        return Finding(False, reason)
    if line is not None:
        return RULES[claim](line)
    if isinstance(segment.curve, Arc | Turn):
        return rotated(problem, segment, segment.curve, ends)
    return identity(problem, segment, ends)


def _not_finite(problem: Problem, ends: Tensor) -> str | None:
    """Both ends and their difference have to be finite: points between are computed from the difference."""
    change = ends[1] - ends[0]
    if torch.isfinite(change).all():  # then both ends are, too
        return None
    for what, values in (("at the start", ends[0]), ("at the end", ends[1]), ("as a change", change)):
        wrong = (~torch.isfinite(values)).nonzero()
        if len(wrong):
            i = int(wrong[0])
            return f"{entry_name(problem, i)}: it is {float(values[i])} {what}"
    raise AssertionError(change)


def entry_name(problem: Problem, i: int) -> str:
    """The parameter that entry i of a point belongs to."""
    for name, size in zip(problem.layout.names, problem.layout.sizes, strict=True):
        if i < size:
            return f"{name}, entry {i}"
        i -= size
    raise IndexError(i)


def _even(finding: Finding, known: Known) -> Finding:
    """Equal functions have equal losses: where they are not, float64 can't evaluate this network."""
    first, last = known.losses
    if abs(first - last) <= EVEN * (1 + max(abs(first), abs(last))):
        return finding
    reason = f"the function does not change, but its losses at the ends are {first:.6g} and {last:.6g}"
    return Finding(False, f"{reason}: float64 is too coarse for these weights")


def _bad_losses(known: Known) -> str | None:
    if all(isfinite(loss) for loss in known.losses):
        return None
    return f"the losses at its ends are {known.losses[0]:.3g} and {known.losses[1]:.3g}: they have to be finite"


def _too_coarse(known: Known) -> str | None:
    """Why the losses at the ends say too little: float64 evaluates them with a rounding that can't be neglected."""
    for where, loss, margin in zip(("start", "end"), known.losses, known.margins, strict=True):
        limit = COARSE * (1 + abs(loss))
        if not margin <= limit:
            return f"float64 may be off by {margin:.2g} in the loss at its {where}, over {limit:.2g}"
    return None
