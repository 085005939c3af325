"""Straight lines above the losses of samples on a piece (theorem T4), and which classes can't change on it (T7).

If outputs are within e of their chord, entry by entry, or within w in every difference of two, then by convexity the
loss is at most (1 - s) A(0) + s A(1), where A(i) is the largest loss around the outputs at end i:

- cross-entropy: softplus(rho + w), rho = log sum over c != y of exp(z_c - z_y): rho moves by w at most, and softplus of
  a shifted log-sum-exp is convex. Taken from the outputs, never from the loss: of a loss that is computed as 0 nothing
  is left;
- square loss: half the squared length of |z - y| + e; absolute loss: the sum of |z - y| + e; hinge: its margin + w;
- binary cross-entropy: the mean of softplus(m + e), m = z where the label isn't there, -z where it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from core.certify.enclosed.chords import UP
from core.certify.enclosed.nonlinear import Gap
from core.certify.rounding import UNIT
from core.losses import Absolute, BinaryCrossEntropy, ConvexLoss, CrossEntropy, Hinge, Square, values_of


@dataclass(frozen=True)
class Lines:
    """Of every sample on each of G pieces: `at` (2, G, N), the line above its loss, at both ends of the piece.

    `losses` (G + 1, N) are its losses as computed. `settled` (G, N) says that its class is the same on the whole piece,
    and right; None for regression.
    """

    at: Tensor
    losses: Tensor
    settled: Tensor | None

    @classmethod
    def joined(cls, groups: Sequence["Lines"]) -> "Lines":
        """Those of all groups of samples, at least one, on the same pieces."""
        settled = [one.settled for one in groups if one.settled is not None]
        at, losses = torch.cat([one.at for one in groups], 2), torch.cat([one.losses for one in groups], 1)
        return cls(at, losses, torch.cat(settled, 1) if settled else None)

    @property
    def gains(self) -> Tensor:
        """How much a line is above the losses at its ends, the larger (G, N)."""
        return torch.maximum(self.at[0] - self.losses[:-1], self.at[1] - self.losses[1:])


def lines(loss: ConvexLoss, outputs: Tensor, y: Tensor, gap: Gap) -> Lines:
    """From outputs (G + 1, N, C) at the ends of pieces, on which they have the gap."""
    own, w = _own(outputs), _apart(outputs, gap)
    e = None if gap.entries is None else gap.entries * UP + own[..., None]
    above = _larger_by_norm(loss, outputs, y, gap.norm + own, w)
    if e is not None:
        by_entries = _larger_by_entries(loss, outputs, y, e)
        lower = by_entries.sum(0) < above.sum(0)
        above = torch.where(lower, by_entries, above)
    losses = loss.samples(outputs, y.expand(outputs.shape[0], *y.shape))
    settled = None if y.is_floating_point() else _settled(outputs, y, w, e)
    return Lines(above, losses, settled)


def mistaken(outputs: Tensor, y: Tensor, gap: Gap) -> Tensor:
    """Whether a z_c - z_y stays above zero (G, N), of outputs (G + 1, N, C): such a sample is classified wrongly."""
    lead = outputs.gather(-1, labels(outputs, y)) - outputs
    return (torch.maximum(lead[:-1], lead[1:]) < -_apart(outputs, gap)[..., None]).any(-1)


def _own(outputs: Tensor) -> Tensor:
    """What outputs (G + 1, N, C) themselves are rounded by, in the larger of the two ends (G, N)."""
    own = 16 * UNIT * (1 + outputs.abs().amax(-1)) + outputs.shape[-1] * UNIT
    return torch.maximum(own[:-1], own[1:])


def _apart(outputs: Tensor, gap: Gap) -> Tensor:
    """How far differences of two outputs may be off their chord (G, N)."""
    return 2**0.5 * gap.norm * UP + _own(outputs)


def _larger_by_norm(loss: ConvexLoss, outputs: Tensor, y: Tensor, eps: Tensor, w: Tensor) -> Tensor:
    """A (2, G, N), where outputs are within eps (G, N) of their chord, and differences of two within w."""
    match loss:
        case CrossEntropy():
            rho = log_odds(outputs, y)
            return _both(rho, lambda one: softplus(one + w))
        case Square():
            far = torch.linalg.vector_norm(outputs - values_of(y, outputs), dim=-1)
            return _both(far, lambda one: 0.5 * (one + eps).square() * UP)
        case Absolute():
            return _both(loss.samples(outputs, y), lambda one: (one + outputs.shape[-1] ** 0.5 * eps) * UP)
        case Hinge():
            return _both(_hinge_margin(outputs, y), lambda one: (one + w).clamp_min(0))
        case BinaryCrossEntropy():
            return _both(_against(outputs, y), lambda one: softplus(one + eps[..., None]).mean(-1) * UP)
    raise NotImplementedError(loss.name)


def _larger_by_entries(loss: ConvexLoss, outputs: Tensor, y: Tensor, e: Tensor) -> Tensor:
    """The same, where outputs are within e (G, N, C), entry by entry."""
    if isinstance(loss, Square | Absolute):
        far = _both((outputs - values_of(y, outputs)).abs(), lambda one: one + e)
        return (0.5 * far.square() if isinstance(loss, Square) else far).sum(-1) * UP
    if isinstance(loss, BinaryCrossEntropy):
        return _both(_against(outputs, y), lambda one: softplus(one + e).mean(-1) * UP)
    signs = 1 - 2 * functional.one_hot(y, outputs.shape[-1]).to(e)  # others up, the label down
    worst = torch.stack([outputs[:-1] + signs * e, outputs[1:] + signs * e])
    if isinstance(loss, CrossEntropy):
        return softplus(log_odds(worst.flatten(0, 1), y)).view(2, *e.shape[:2])
    return _hinge_margin(worst.flatten(0, 1), y).clamp_min(0).view(2, *e.shape[:2])


def labels(outputs: Tensor, y: Tensor) -> Tensor:
    """The classes y (N,) as indices (K, N, 1) into outputs (K, N, C)."""
    return y.expand(outputs.shape[:2])[..., None]


def log_odds(outputs: Tensor, y: Tensor) -> Tensor:
    """rho (K, N) of outputs (K, N, C)."""
    label = labels(outputs, y)
    others = outputs.scatter(-1, label, -torch.inf)
    found: Tensor = torch.logsumexp(others - outputs.gather(-1, label), -1)
    return found


def softplus(rho: Tensor) -> Tensor:
    """log(1 + exp(rho)); torch's own overflows, or cuts off."""
    return rho.clamp_min(0) + (-rho.abs()).exp().log1p()


def _hinge_margin(outputs: Tensor, y: Tensor) -> Tensor:
    label = labels(outputs, y)
    margins: Tensor = (1 + outputs - outputs.gather(-1, label)).scatter(-1, label, -torch.inf)
    return margins.amax(-1)


def _against(outputs: Tensor, y: Tensor) -> Tensor:
    """How far outputs (K, N, C) are on the wrong side of zero, each for its label."""
    against: Tensor = (1 - 2 * values_of(y, outputs)) * outputs
    return against


def _settled(outputs: Tensor, y: Tensor, w: Tensor, e: Tensor | None) -> Tensor:
    """Whether every z_y - z_c stays above zero (G, N)."""
    label = labels(outputs, y)
    lead = outputs.gather(-1, label) - outputs
    least = torch.minimum(lead[:-1], lead[1:])
    room = least > w[..., None]
    if e is not None:
        room |= least > e + e.gather(-1, label[1:])
    return room.scatter(-1, label[1:], True).all(-1)


def _both(ends: Tensor, larger: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([larger(ends[:-1]), larger(ends[1:])])
