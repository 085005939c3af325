"""Gaps of deep dense networks (theorem T6): what is unsure is followed as columns, not as norms.

With e_l = Z_l - its chord, write

    e_l(s) = s (1 - s) v_l + sum over j of c_j(s) u_{j,l} + r_l(s),    |c_j| <= C_j,  |r_l|_2 <= rho_l.

A unit whose sign is sure on the piece passes its part of e on along its slope. Every unit i that is not starts a column
of its own, u = Wc[:, i], with C_i = (1 - r) e_i / 2 + k_i: its secant slope is within (1 - r) / 2 of (1 + r) / 2. Wc is
the weight in the middle of the piece, and what W is off by there meets the gap below once more: that is in r. So
products of spectral norms, which explode with depth, multiply only terms that fall as the cube of the piece's length.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.certify.enclosed.chords import UP, Step, bilinear
from core.certify.enclosed.moving import MovingLayer, MovingNetwork
from core.certify.enclosed.nonlinear import Gap, bend, kink, norms, rounding_of, spread
from core.certify.rounding import Rounded, gamma

MOST = 60  # columns a sample and piece: with more, splitting the piece is cheaper


@dataclass(frozen=True)
class Columns:
    """Vectors u (J, n), how large their factor may be (J,), and for which of the (piece, sample) pairs (J,) each is."""

    u: Tensor
    most: Tensor
    of: Tensor

    def above(self, W: Tensor, slopes: Tensor, samples: int) -> "Columns":
        """Behind units with these slopes (G, N, n) and the weights W (G, m, n)."""
        u = self.u * slopes.flatten(0, 1)[self.of]
        piece = self.of // samples
        found = torch.empty(len(u), W.shape[1], dtype=u.dtype, device=u.device)
        for g in range(len(W)):
            here = piece == g
            found[here] = u[here] @ W[g].T
        return replace(self, u=found)

    def sums(self, like: Tensor) -> Tensor:
        """Sum of most |u|, (G, N, n)."""
        total = torch.zeros_like(like).flatten(0, 1)
        return total.index_add(0, self.of, self.most[:, None] * self.u.abs()).view_as(like)


@dataclass(frozen=True)
class Carried:
    """What an activation makes of a gap, (G, N, n): slopes along which e continues, which units are unsure, k and C.

    `zeta` (G, N) is what it rounds, and `gap` that of its features.
    """

    slopes: Tensor
    unsure: Tensor
    k: Tensor
    most: Tensor
    zeta: Tensor
    gap: Gap


@dataclass(frozen=True)
class _Known:
    """What is known of e_l on the pieces: v (G, N, n), columns, rho (G, N)."""

    v: Tensor
    columns: Columns
    rho: Tensor


def applies(network: MovingNetwork) -> bool:
    """Dense layers without pooling, whose activations are linear on both sides of zero, all of them looked at."""
    dense = all(not one.layer.convolution and not one.layer.pools for one in network.layers)
    return dense and network.lowest == 0 and all(kink(one.layer.activation) is not None for one in network.layers)


@torch.no_grad()
def steps(network: MovingNetwork, t: Tensor, below: Rounded) -> Iterator[tuple[Step, Carried]]:
    """As `chords.steps`, entry by entry, for networks that this `applies` to; with what its activation carries on."""
    features = below.features.flatten(2)
    middle = (t[:-1] + t[1:]) / 2
    known, carried = None, None
    for moving in network.layers:
        Z = moving.affine(features, t)
        Z = Z.expand(len(t), *Z.shape[1:])
        q = bilinear(moving, t, features)
        eta = moving.rounding(features, 1).expand(len(t) - 1, -1)
        W = moving.at(middle)[moving.layer.weight].expand(len(middle), -1, -1)
        if known is None or carried is None:
            known = _first(Z, eta)
            gap = Gap(eta, spread(eta, known.v).expand_as(known.v))
        else:
            known, gap = _affine(_Affine(moving, t, W, q, eta), known, carried)
        F = Z if moving.layer.activation is None else moving.layer.activation(Z)
        carried = _carried(moving, Z, F, gap, known)
        yield Step(Z, q, eta, gap, F, carried.gap), carried
        features = F


def _first(Z: Tensor, eta: Tensor) -> _Known:
    """The first layer reads what does not move: it is on its chord, but for rounding."""
    nothing = Columns(Z.new_zeros(0, Z.shape[2]), Z.new_zeros(0), torch.zeros(0, dtype=torch.long, device=Z.device))
    return _Known(torch.zeros_like(Z[1:]), nothing, eta)


def sure(slope: float, Z: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes M (G, N, n) of units whose Z, at the ends, is within e of its chord, and which of them are unsure.

    Unsure are those that may change sign on the piece; they get the slope in the middle.
    """
    a, b = Z[:-1], Z[1:]
    unsure = ((a > 0) != (b > 0)) | ((torch.minimum(a.abs(), b.abs()) <= e) & (e > 0))
    up = torch.where(a > 0, 1.0, slope).to(Z)
    return torch.where(unsure, (1 + slope) / 2, up), unsure


def _carried(moving: MovingLayer, Z: Tensor, F: Tensor, gap: Gap, known: _Known) -> Carried:
    slope = kink(moving.layer.activation)
    assert slope is not None
    assert gap.entries is not None
    zeta = rounding_of(moving.layer, Z)
    k = bend(moving.layer.activation, Z, F)
    M, unsure = sure(slope, Z, gap.entries)
    most = torch.where(unsure, (1 - slope) / 2 * gap.entries + k, 0.0)
    entries = torch.where(unsure, gap.entries + k, M * gap.entries) + spread(zeta, gap.entries)
    explained = M * (known.v.abs() / 4 + known.columns.sums(known.v)) + most
    norm = torch.minimum(norms(entries), (norms(explained) + known.rho + zeta) * UP)
    return Carried(M, unsure, k, most, zeta, Gap(norm, entries))


@dataclass(frozen=True)
class _Affine:
    """A layer between t (G + 1,), its weight W (G, m, n) in the middle of pieces, and what it adds: q, and eta."""

    moving: MovingLayer
    t: Tensor
    W: Tensor
    q: Tensor | None
    eta: Tensor


def _affine(layer: _Affine, below: _Known, carried: Carried) -> tuple[_Known, Gap]:
    """What is known of e one layer up, given what was below and what the activation made of it."""
    moving, t, W, q, eta = layer.moving, layer.t, layer.W, layer.q, layer.eta
    samples = below.v.shape[1]
    v = (carried.slopes * below.v) @ W.mT - (0.0 if q is None else q)
    old = below.columns.above(W, carried.slopes, samples)
    new, dropped = _started(W, carried)
    columns = Columns(torch.cat([old.u, new.u]), torch.cat([old.most, new.most]), torch.cat([old.of, new.of]))
    size, n = moving.stretch.frobenius, moving.stretch.fan_in
    sigma, change = moving.spectral(t)[:, None], t.diff()[:, None] * moving.stretch.spectral
    rounded = norms(below.v) / 4 + norms(below.columns.sums(below.v)) + norms(carried.most)
    rest = eta + gamma(n + 10) * size * rounded + gamma(10) * size / 2 * carried.gap.norm
    rho = sigma * (below.rho + carried.zeta + dropped) + change / 2 * carried.gap.norm + rest
    rows = torch.linalg.vector_norm(W, dim=2)[:, None] + gamma(10) * size
    D = moving.ends[moving.layer.weight]
    drows = (torch.linalg.vector_norm(D[-1] - D[0], dim=1) * t.diff()[:, None])[:, None]
    by_unit = rows * (below.rho + carried.zeta + dropped)[..., None] + (drows / 2) * carried.gap.norm[..., None]
    left = torch.minimum(spread(rho, v), by_unit + rest[..., None])
    entries = (v.abs() / 4 + columns.sums(v) + left) * UP
    return _Known(v, columns, rho * UP), Gap(norms(entries), entries)


def _started(W: Tensor, carried: Carried) -> tuple[Columns, Tensor | float]:
    """The columns that start at unsure units, and the norm (G, N) of those that are too many to be followed."""
    samples = carried.unsure.shape[1]
    few = carried.unsure.sum(2) <= MOST
    g, s, i = (carried.unsure & few[..., None]).nonzero(as_tuple=True)
    new = Columns(W.mT[g, i], carried.most[g, s, i], g * samples + s)
    return new, torch.where(few, 0.0, norms(carried.most))
