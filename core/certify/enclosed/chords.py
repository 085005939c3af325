"""How far outputs are from their chord on the pieces of a segment (theorems T1 to T3), layer by layer.

With e_l = Z_l - chord, a_l = F_l - chord (bars are chords of what float64 computed at the ends of a piece) exactly

    e_l(s) = W_l(s) a_{l-1}(s) - s (1 - s) q_l + rounding,    q_l = (W_l(1) - W_l(0)) (F_{l-1}(1) - F_{l-1}(0)),

since W F - chord(W F) = W (F - chord F) - s (1 - s) dW dF. So |e_l| <= |W_l| |a_{l-1}| + |q_l| / 4 + eta_l, in norms or
entry by entry: one signed product a layer, which falls as the square of the piece's length.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.certify.enclosed.moving import MovingLayer, MovingNetwork, positions
from core.certify.enclosed.nonlinear import Gap, activation_gap, norms, pooled_gap, spread
from core.certify.rounding import SAFETY, Rounded, gamma

UP = 1 + 1e-9  # for the rounding of the bounds themselves


@dataclass(frozen=True)
class Step:
    """One layer at the ends of G neighbouring pieces, and its gaps: Z (G + 1, N, ...), q and `gap` (G, N, ...).

    `features` are those above the layer, with the gap `above`; `eta` (G, N) is what computing Z rounds.
    """

    Z: Tensor
    q: Tensor | None
    eta: Tensor
    gap: Gap
    features: Tensor
    above: Gap


@torch.no_grad()
def steps(network: MovingNetwork, t: Tensor, below: Rounded, entries: bool) -> Iterator[Step]:
    """The layers from `network.lowest` on, at t (G + 1,), sorted, of samples whose features `below` stand still.

    `entries` asks for gaps entry by entry; else they are in norms alone, which is cheaper.
    """
    features = below.features
    off = below.off.expand(len(t) - 1, -1)
    above = Gap(off, spread(off, features).expand(len(off), *features.shape[1:]) if entries else None)
    for moving in network.layers[network.lowest :]:
        step = _step(moving, t, features, above)
        yield step
        features, above = step.features, step.above


def _step(moving: MovingLayer, t: Tensor, features: Tensor, below: Gap) -> Step:
    Z = moving.affine(features, t)
    Z = Z.expand(len(t), *Z.shape[1:])  # of a layer that stands still on features that do
    q = bilinear(moving, t, features)
    eta = moving.rounding(features, positions(Z)).expand(len(t) - 1, -1)
    gap = affine_gap(moving, t, q, eta, below)
    F = Z if moving.layer.activation is None else moving.layer.activation(Z)
    above = activation_gap(moving.layer, Z, F, gap)
    F, above = pooled_gap(moving.layer, Z, F, above)
    return Step(Z, q, eta, gap, F, above)


def bilinear(moving: MovingLayer, t: Tensor, features: Tensor) -> Tensor | None:
    """q (G, N, ...); None where weights or features stand still."""
    if not moving.moves or len(features) == 1:
        return None
    q = moving.change(features.diff(dim=0))
    return q * spread(t.diff()[:, None], q)


def affine_gap(moving: MovingLayer, t: Tensor, q: Tensor | None, eta: Tensor, below: Gap) -> Gap:
    """The gap of Z = W F + b, given that of F."""
    norm = moving.spectral(t)[:, None] * below.norm + eta
    if q is not None:
        norm = norm + norms(q) / 4
    if below.entries is None:
        return Gap(norm * UP)
    if bool(below.norm.any()):
        W = _largest(moving, t)
        entries = torch.minimum(moving.linear(below.entries, W), _by_norm(W, below))
    else:  # the data themselves have none: the same zeros on every piece
        zeros = moving.linear(below.entries[:1], moving.ends[moving.layer.weight][:1])
        entries = zeros.expand(len(t) - 1, *zeros.shape[1:])
    if q is not None:
        entries = entries + q.abs() / 4
    off = eta + gamma(moving.stretch.fan_in + 16) * moving.stretch.frobenius * below.norm
    return Gap(norm * UP, (entries + spread(off, entries)) * UP).tightened


def _largest(moving: MovingLayer, t: Tensor) -> Tensor:
    """The larger of both ends' |W|, (G, ...)."""
    W = moving.at(t)[moving.layer.weight].abs()
    return torch.maximum(W[:-1], W[1:]) if len(W) > 1 else W


def _by_norm(W: Tensor, below: Gap) -> Tensor:
    """The norm of the weights into each unit times that of the gap below, (G, N, n)."""
    rows: Tensor = torch.linalg.vector_norm(W.flatten(2), dim=2) * SAFETY
    found = below.norm[:, :, None] * rows[:, None, :]
    return found[..., None, None] if W.dim() == 5 else found
