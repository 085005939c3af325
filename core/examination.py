"""What is known of a path: its claims decided, its losses looked at, and the certificate that follows."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.certify.certificate import Certificate, as_seen, certificate_of, largest, path_verdicts
from core.certify.knots import knot_losses
from core.path import Claim, Path
from core.problem import Problem
from core.profile import Profile, profile

AT_ENDS = (Claim.INVARIANT, Claim.CONVEX)
"""Claims by which the loss is largest at a knot, so that nothing between needs to be looked at in float64."""


@dataclass(frozen=True)
class Examination:
    """Profile in the problem's dtype; certificate, and the largest train loss at knots and on the grid, in float64."""

    profile: Profile
    certificate: Certificate
    max_train_loss: float

    @property
    def barrier(self) -> float:
        """The largest train loss seen above the larger end's, float64."""
        return self.max_train_loss - max(self.certificate.loss_a, self.certificate.loss_b)


def examine(problem: Problem, path: Path, points: int = 61) -> Examination:
    """Decide the claims of a path in float64, then look along it on at least `points` points."""
    problem = as_seen(problem, path)
    exact = problem.to(problem.device, torch.float64)
    knots = knot_losses(exact, path)
    verdicts = path_verdicts(exact, path, knots)
    looked = profile(problem, path.cast(problem.dtype), points, granted=[verdict.granted for verdict in verdicts])
    seen = highest_loss(
        exact, path, looked, [i for i, verdict in enumerate(verdicts) if verdict.granted not in AT_ENDS]
    )
    return Examination(looked, certificate_of(verdicts, knots, seen), largest(*knots.loss.tolist(), *seen.values()))


def highest_loss(exact: Problem, path: Path, looked: Profile, segments: list[int]) -> dict[int, float]:
    """The loss in float64 at the highest point that the profile saw on each of `segments`."""
    if not segments:
        return {}
    at = torch.stack([_highest_t(looked, i) for i in segments])
    points = path.points(at).to(exact.device, exact.dtype)
    losses = torch.cat([exact.as_module.losses(some) for some in torch.split(points, 8)])
    return dict(zip(segments, losses.tolist(), strict=True))


def _highest_t(looked: Profile, segment: int) -> Tensor:
    """Where a segment's largest train loss was seen; a loss that is not a number counts as the largest."""
    here = looked.segment == segment
    losses = torch.nan_to_num(looked.train.loss[here], nan=torch.inf)
    highest_t: Tensor = looked.t[here][losses.argmax()]
    return highest_t
