"""Lines above the losses of deep networks, to first order with true signs (theorem T5).

phi(outputs) is at most its tangent at the chord's middle, and what that leaves. Pulled back through the layers, the
tangent meets what each of them adds to the gap, lambda_l = M mu_l and mu_{l-1} = Wc_l^T lambda_l:

    gain <= relu(-sum lambda_l . q_l) / 4 + sum relu(-mu) k                                          (first order)
          + sum [ min(|D^T lambda|_2 alpha, |D^T lambda| . a) / 2 + (1 - r)/2 sum over unsure |mu| e ]   (second order)
          + c (2 w)^2 / 2 + c spread(dz) (2 w) / 2

with c = min(1/4, sigmoid(rho + w)) for cross-entropy: its second derivative along a move is a variance under a softmax,
and the gradient in the middle is off by such a term in dz. The loss is then at most its own chord plus the gain.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from core.certify.enclosed.chords import UP, Step
from core.certify.enclosed.columns import Carried
from core.certify.enclosed.columns import applies as has_columns
from core.certify.enclosed.lines import Lines, labels, log_odds
from core.certify.enclosed.lines import lines as without_gradient
from core.certify.enclosed.moving import MovingLayer, MovingNetwork
from core.certify.enclosed.nonlinear import norms
from core.certify.rounding import UNIT, gamma
from core.losses import ConvexLoss, CrossEntropy, Square, values_of

Found = Sequence[tuple[Step, Carried]]


def applies(network: MovingNetwork, loss: ConvexLoss) -> bool:
    """Whether gradients of the loss tell what a gap does to it: it has no kinks, nor have layers more than one."""
    return has_columns(network) and isinstance(loss, CrossEntropy | Square)


@torch.no_grad()
def lines(network: MovingNetwork, t: Tensor, found: Found, loss: ConvexLoss, y: Tensor) -> Lines:
    """Of each sample on each piece between t (G + 1,) the lower of two lines: T4's, or losses plus gain."""
    last, _ = found[-1]
    plain = without_gradient(loss, last.Z, y, last.gap)
    own = 16 * UNIT * (1 + last.Z.abs().amax(-1)) + (last.Z.shape[-1] + 16) * UNIT * plain.losses
    raised = plain.losses + own
    gain = gains(network, t, found, loss, y)
    to_first_order = torch.stack([raised[:-1] + gain, raised[1:] + gain])
    lower = to_first_order.sum(0) < plain.at.sum(0)
    return Lines(torch.where(lower, to_first_order, plain.at), plain.losses, plain.settled)


def gains(network: MovingNetwork, t: Tensor, found: Found, loss: ConvexLoss, y: Tensor) -> Tensor:
    """By how much losses (G, N) may be above their chords."""
    last, _ = found[-1]
    middle = (t[:-1] + t[1:]) / 2
    slope, gain = _at_outputs(loss, last, y)
    turned = torch.zeros_like(gain)  # sum of lambda . q
    for l in range(network.depth - 1, 0, -1):
        moving, step = network.layers[l], found[l][0]
        if step.q is not None:
            turned = turned + (slope * step.q).sum(2)
            gain = gain + gamma(slope.shape[2] + network.depth + 16) * norms(slope) * norms(step.q) / 4
        gain = gain + _crossed(moving, t, slope, step, found[l - 1][1])
        W = moving.at(middle)[moving.layer.weight]
        mu = slope @ W
        gain, slope = gain + _activated(mu, found[l - 1]), found[l - 1][1].slopes * mu
    gain = gain + norms(slope) * found[0][0].eta + (-turned).clamp_min(0) / 4
    return gain * UP


def _at_outputs(loss: ConvexLoss, last: Step, y: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient (G, N, C) in the middle of the chord, and what the tangent there leaves (G, N)."""
    Z, eps = last.Z, last.gap.norm
    middle, change = (Z[:-1] + Z[1:]) / 2, Z.diff(dim=0)
    own = 16 * UNIT * (Z.shape[-1] + middle.abs().amax(-1)) * eps  # what the gradient itself rounds
    if isinstance(loss, Square):
        return middle - values_of(y, Z), eps.square() / 2 + norms(change) * eps / 2 + own
    assert last.gap.entries is not None
    label = labels(middle, y)
    off = (last.gap.entries + last.gap.entries.gather(-1, label)).scatter(-1, label, 0.0).amax(-1)
    w = torch.minimum(2**0.5 * eps, off)
    rho = log_odds(Z, y)
    curvature = torch.sigmoid(torch.maximum(rho[:-1], rho[1:]) + w).clamp_max(0.25)
    reach = change.amax(-1) - change.amin(-1)
    gradient = torch.softmax(middle, -1) - values_of(y, Z)
    return gradient, 2 * curvature * w.square() + curvature * reach * w + own


def _crossed(moving: MovingLayer, t: Tensor, slope: Tensor, step: Step, below: Carried) -> Tensor:
    """What the change of a layer's weight makes of the gap below, to second order, and what the layer rounds (G, N)."""
    assert below.gap.entries is not None
    D = moving.ends[moving.layer.weight]
    size = moving.stretch.frobenius
    rounded = norms(slope) * (step.eta + 2 * gamma(slope.shape[2] + 10) * size * below.gap.norm)
    if not moving.moves:
        return rounded
    back = (slope @ (D[1] - D[0])).abs() * t.diff()[:, None, None]
    return torch.minimum(norms(back) * below.gap.norm, (back * below.gap.entries).sum(2)) / 2 + rounded


def _activated(mu: Tensor, found: tuple[Step, Carried]) -> Tensor:
    """What an activation adds to the gap, met by the gradient behind it (G, N)."""
    step, carried = found
    assert step.gap.entries is not None
    bent = ((-mu).clamp_min(0) * carried.k).sum(2)
    unsure = (mu.abs() * (carried.most - carried.k).clamp_min(0) * carried.unsure).sum(2)
    return bent + unsure + norms(mu) * carried.zeta
