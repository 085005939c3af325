"""Train losses at the knots of a path in float64, and how far float64 may be off there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from core.certify import adjoint
from core.certify.rounding import SAFETY, UNIT, Rounded, Stretch, through
from core.errors import UsageError
from core.networks.shared_evaluation import Name, Piece, Together
from core.path import Path
from core.problem import Problem, chunks

COARSE, FINE = 1e-4, 1e-9
"""Margins by norms, relative to 1 + the loss: above the first they are looked at again to first order, and above the
second where the loss with its margin passes the largest loss of all knots, so that the margin is in a path's level."""


@dataclass(frozen=True)
class KnotLosses:
    """Mean train losses (K,) as float64 computes them, and how far each may be off the true one; on the CPU.

    The margins are infinite where the network has no view by layers.
    """

    loss: Tensor
    margin: Tensor


def knot_losses(problem: Problem, path: Path) -> KnotLosses:
    """Losses at the S + 1 knots of a path in any floating dtype."""
    return losses_at(problem, (points64(problem, path.knots[i : i + 1])[0] for i in range(len(path) + 1)))


@torch.no_grad()
def losses_at(problem: Problem, points: Iterable[Tensor]) -> KnotLosses:
    """Losses at points (P,) in float64; networks that differ in dead units alone are evaluated once."""
    assert problem.dtype == torch.float64
    if problem.layered is None:
        losses = torch.cat([problem.losses(point[None]) for point in points]).cpu()
        return KnotLosses(losses, torch.full_like(losses, inf))
    together = Together(problem.layered, problem.layout, points)
    stretches = {name: Stretch.of(piece.layer, piece.parameters) for name, piece in together.pieces.items()}

    def after(name: Name, below: Rounded) -> Rounded:
        piece = together.pieces[name]
        return through(piece.layer, piece.parameters, stretches[name], below)

    sums = torch.zeros(2, len(together.networks), dtype=torch.float64, device=problem.device)
    for x, y in chunks(problem.data.train, 1, problem.samples_at_once):
        for i, outputs in enumerate(together.walk(Rounded.exact(x), after)):
            sums[:, i] += loss_sums(problem, outputs, y)
    count = len(problem.data.train)
    for i in _coarse(*(sums / count).tolist()) if adjoint.applies(problem.layered) else ():
        names = together.networks[i]
        sums[1, i] = _finer(problem, [together.pieces[name] for name in names], [stretches[name] for name in names])
    loss, margin = sums[:, together.which].cpu() / count
    return KnotLosses(loss, margin * SAFETY + (count + 64) * UNIT * loss.abs())  # the second: adding them up


def _coarse(losses: list[float], margins: list[float]) -> Iterator[int]:
    """Which margins are worth another look."""
    largest = max(losses)
    for i, (loss, margin) in enumerate(zip(losses, margins, strict=True)):
        if not margin <= (FINE if loss + margin > largest else COARSE) * (1 + loss):
            yield i


def _finer(problem: Problem, pieces: list[Piece], stretches: list[Stretch]) -> float:
    """The sum over all samples of how far their losses may be off, to first order."""
    total = 0.0
    for x, y in chunks(problem.data.train, 1, problem.samples_at_once):
        losses, outputs, changes = adjoint.changes(problem, pieces, stretches, x, y)
        total += float((changes + _own_rounding(losses, outputs)).sum())
    return total


def loss_sums(problem: Problem, outputs: Rounded, y: Tensor) -> Tensor:
    """The sum (2,) of the losses of some samples, and that of how far each may be off."""
    z = outputs.features
    losses = problem.loss.samples(z, y[None])
    changes = problem.loss.change(losses, outputs.off, z.shape[-1])
    return torch.stack([losses.sum(), (changes + _own_rounding(losses, z)).sum()])


def _own_rounding(losses: Tensor, z: Tensor) -> Tensor:
    """What computing losses (1, N) from outputs z (1, N, C) rounds."""
    return 16 * UNIT * (1 + z.abs().amax(-1)) + (z.shape[-1] + 16) * UNIT * losses


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
