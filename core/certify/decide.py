"""Decide one claim from the segment's tensors, the network and the data, in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from core.certify import claims
from core.certify.claims import Finding
from core.certify.identity import identity
from core.certify.magnitude import largest_inputs, overflow
from core.certify.structure import Line
from core.errors import UsageError
from core.path import Claim, Segment
from core.problem import Problem
from core.viewing import held

RULES: dict[Claim, Callable[[Line], Finding]] = {
    Claim.INVARIANT: claims.invariant,
    Claim.CONVEX: claims.convex,
    Claim.DATA_INVARIANT: claims.data_invariant,
    Claim.BOUNDED: claims.bounded,
}
EVEN = 1e-6
"""End losses of an invariant segment may differ by this, relative to 1 + the larger: rounding is far below."""


@dataclass(frozen=True)
class Verdict:
    """What a segment's constructor claimed and what is granted of it (None: refused), with the reason.

    `bound` is the largest train loss on the whole segment: the larger of its end losses in float64, of a bounded
    claim that of its start with what it may gain; None without proof. `residual` is zero but for data-invariant and
    identity claims, where the loss may pass `bound` by `drift` at most.
    """

    claim: Claim
    granted: Claim | None
    reason: str
    residual: float = 0.0
    bound: float | None = None
    drift: float = 0.0

    @property
    def proven(self) -> bool:
        return self.bound is not None


@dataclass(frozen=True)
class Known:
    """What the segments of a path share: the losses at this one's ends, and the data's largest inputs."""

    losses: tuple[float, float]
    inputs: Tensor

    @classmethod
    def of(cls, problem: Problem, ends: Tensor) -> "Known":
        first, last = (float(problem.losses(end[None])[0]) for end in ends)
        return cls((first, last), largest_inputs(problem.data))


@torch.no_grad()
def decide(problem: Problem, segment: Segment, known: Known | None = None) -> Verdict:
    """The verdict on a segment's claim; the problem is in float64, the segment in any floating dtype.

    `known` spares evaluating the ends again, and comparing a view that was traced with its module there. Raises
    UsageError where the segment is of another network.
    """
    assert problem.dtype == torch.float64
    claim = Claim(segment.claim)
    if claim is Claim.SAMPLED:
        return Verdict(claim, claim, "nothing is claimed: the loss is known where it was looked at")
    if reason := _not_decidable(claim, segment):
        return Verdict(claim, None, reason)
    ends = points64(problem, torch.stack([segment.start, segment.end]))
    if known is None:
        problem = held(problem, ends)
        known = Known.of(problem, ends)
    finding = _finding(problem, segment, ends, known)
    if finding.holds and claim is Claim.INVARIANT:
        finding = _even(finding, known)
    if not finding.holds:
        return Verdict(claim, None, finding.reason, finding.residual, None, finding.drift)
    bound = max(known.losses[0] + finding.gain, known.losses[1])
    return Verdict(claim, claim, finding.reason, finding.residual, bound, finding.drift)


def points64(problem: Problem, points: Tensor) -> Tensor:
    """Parameter points (K, P) in float64 on the problem's device, exactly.

    Raises UsageError where they are not floating-point or not points of this network.
    """
    if not points.is_floating_point():
        raise UsageError(f"The path's points are {points.dtype}: only floating-point points can be checked.")
    if points.shape[1] != problem.layout.total:
        sizes = f"{points.shape[1]} parameters and this network has {problem.layout.total}"
        raise UsageError(f"The path's points have {sizes}.")
    return points.detach().to(problem.device, torch.float64)


def _not_decidable(claim: Claim, segment: Segment) -> str | None:
    if segment.curve is not None and claim is not Claim.IDENTITY:
        return f"it is an analytic curve ({segment.curve.family}) and only straight lines can be {claim}"
    return None


def _finding(problem: Problem, segment: Segment, ends: Tensor, known: Known) -> Finding:
    claim = Claim(segment.claim)
    if reason := _not_finite(problem, ends):
        return Finding(False, reason)
    if claim is Claim.IDENTITY:
        return Finding(False, reason) if (reason := _bad_losses(known)) else identity(problem, segment, ends)
    line = None if problem.layered is None else Line.of(problem, problem.layered, ends)
    if reason := (line and overflow(line.layers, known.inputs)) or _bad_losses(known):
        return Finding(False, reason)
    return _without_layers(problem, claim, ends) if line is None else RULES[claim](line)


def _without_layers(problem: Problem, claim: Claim, ends: Tensor) -> Finding:
    """Only a segment that does not move, bit for bit, is known to keep the function of any network."""
    if claim is not Claim.INVARIANT:
        return Finding(False, f"the network has no view by layers, which {claim} claims need{problem.because}")
    bits = ends.view(torch.int64)
    moved = int((bits[0] != bits[1]).sum())
    if moved:
        return Finding(
            False, f"the network has no view by layers and {moved} of its parameters change{problem.because}"
        )
    return Finding(True, "no parameter changes")


def _not_finite(problem: Problem, ends: Tensor) -> str | None:
    """Both ends and their difference have to be finite: points between are computed from the difference."""
    change = ends[1] - ends[0]
    if torch.isfinite(change).all():  # then both ends are, too
        return None
    for what, values in (("at the start", ends[0]), ("at the end", ends[1]), ("as a change", change)):
        wrong = (~torch.isfinite(values)).nonzero()
        if len(wrong):
            i = int(wrong[0])
            return f"{_name(problem, i)}: it is {float(values[i])} {what}"
    raise AssertionError(change)


def _name(problem: Problem, i: int) -> str:
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
