"""How far activations and poolings carry what they read from the chord (theorem T2): gaps behind them.

A *piece* is a stretch of a segment, s in [0, 1] its own parameter, and the chord of a quantity v (1 - s) v(0) + s v(1).
If z is within e of its chord, a nondecreasing act of slope at most Lip is within Lip e + k of the chord of act(z), k a
bound of |act(chord of z) - chord of act(z)|:

- relu, leaky relu of slope r: (1 - r) |z(0) z(1)| / (|z(0)| + |z(1)|) where the signs differ, else 0: the largest
  distance between a kink and its chord. act is below its chord, and a unit that stays below zero passes on r e;
- smooth ones: M / 8 (z(1) - z(0))^2 for |act''| <= M, and never above |act(z(1)) - act(z(0))|.

A maximum over a window of features that move on chords is convex in s, and at least what the winners at the two ends
are: its distance from its own chord peaks where these two cross, at g0 g1 / (g0 + g1).
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from core.certify.rounding import TINY, activation_rounding, average_rounding, lengths, pool_stretch
from core.networks.activations import activation_name, leaky_slope
from core.networks.layered import Activation, Layer, Pooling

AVERAGES = (functional.avg_pool2d, functional.adaptive_avg_pool2d)
MAXIMA = (functional.max_pool2d,)
SLOPES = {"sigmoid": 0.25}
BENDS = {"tanh": 0.7699, "sigmoid": 0.09623, "elu": 1.0}
"""The largest slopes, 1 where none is named, and the largest second derivatives, rounded up."""

SETTINGS = {"leaky_relu": "negative_slope", "softplus": "gamma"}


@dataclass(frozen=True)
class Gap:
    """How far from its chord something may be on each of G pieces: in Euclidean norm (G, N), and entry by entry."""

    norm: Tensor
    entries: Tensor | None = None

    @property
    def tightened(self) -> "Gap":
        """No norm is larger than that of all entries, and no entry than the norm."""
        if self.entries is None:
            return self
        norm = torch.minimum(self.norm, norms(self.entries))
        return Gap(norm, torch.minimum(self.entries, spread(norm, self.entries)))


def norms(features: Tensor) -> Tensor:
    """Euclidean norms (K, N) of features (K, N, ...), rounded up."""
    return lengths(features.flatten(0, 1)[None]).view(features.shape[:2])


def spread(numbers: Tensor, like: Tensor) -> Tensor:
    """Numbers (K, N), one a sample, to be compared with entries (K, N, ...)."""
    return numbers.view(*numbers.shape, *[1] * (like.dim() - 2))


def kink(activation: Activation | None) -> float | None:
    """The slope below zero of relu, leaky relu and linear, whose slope above is 1; None for smooth ones."""
    return 0.0 if activation is torch.relu else leaky_slope(activation)


def unknown(layer: Layer) -> str | None:
    """What of a layer the theorem does not speak of, as the end of a sentence; None where it does."""
    if not _known(layer.activation):
        return "an activation that is not known"
    slope = kink(layer.activation)
    if slope is not None and not 0 <= slope <= 1:
        return f"leaky ReLU of slope {slope:g}, and slopes from 0 to 1 are covered"
    if not all(
        isinstance(pool, partial) and not pool.args and pool.func in (*AVERAGES, *MAXIMA) for pool in layer.pools
    ):
        return "a pooling that is neither a maximum nor an average"
    return None


def _known(activation: Activation | None) -> bool:
    """Those with settings of their own are leaky relu and softplus: an ELU with another alpha has a kink."""
    name = activation_name(activation)
    if not isinstance(activation, partial):
        return name not in ("unknown", *SETTINGS)
    return not activation.args and list(activation.keywords) == [SETTINGS.get(name)]


def activation_gap(layer: Layer, Z: Tensor, F: Tensor, gap: Gap) -> Gap:
    """Behind the activation, F = act(Z) at the ends (G + 1, N, ...) of pieces on which Z has the gap."""
    zeta = rounding_of(layer, Z)
    k = bend(layer.activation, Z, F)
    slope = SLOPES.get(activation_name(layer.activation), 1.0)
    norm = slope * gap.norm + norms(k) + zeta
    if gap.entries is None:
        return Gap(norm)
    entries = slope * gap.entries + k
    r = kink(layer.activation)
    if r is not None:
        entries = torch.where(torch.maximum(Z[:-1], Z[1:]) + gap.entries <= 0, r * gap.entries, entries)
    return Gap(norm, entries + spread(zeta, entries)).tightened


def rounding_of(layer: Layer, Z: Tensor) -> Tensor:
    """zeta (G, N): what the activation rounds at the ends of pieces, from Z (G + 1, N, ...) there."""
    return at_both(activation_rounding(layer.activation, Z.flatten(0, 1)[None]).view(Z.shape[:2]))


def bend(activation: Activation | None, Z: Tensor, F: Tensor) -> Tensor:
    """k (G, N, ...), how far act of the chord is from the chord of act at most, given Z and F = act(Z) at the ends."""
    r = kink(activation)
    if r is not None:
        return _kinked(r, Z)
    name, change = activation_name(activation), Z.diff(dim=0)
    if name == "softplus":
        assert isinstance(activation, partial)
        k = activation.keywords["gamma"] / 32 * change.square()
    else:
        k = BENDS[name] / 8 * change.square()
    k = torch.minimum(k, F.diff(dim=0).abs()) + TINY
    if name == "elu":
        k = torch.where(torch.minimum(Z[:-1], Z[1:]) >= 0, 0.0, k)
    return k


def _kinked(slope: float, Z: Tensor) -> Tensor:
    if slope == 1:
        return torch.zeros_like(Z[:-1])
    a, b = Z[:-1].abs(), Z[1:].abs()
    crosses = (Z[:-1] > 0) != (Z[1:] > 0)
    share = (a / (a + b)).nan_to_num(0.0)  # of two zeros
    return torch.where(crosses, (1 - slope) * share * b + TINY, 0.0)


def pooled_gap(layer: Layer, Z: Tensor, F: Tensor, gap: Gap) -> tuple[Tensor, Gap]:
    """Features behind the poolings (G + 1, N, ...), of images F = act(Z), and their gap."""
    if not layer.pools:
        return F, gap
    zeta = at_both(average_rounding(layer, Z.flatten(0, 1)[None]).view(Z.shape[:2]))
    for pool in layer.pools:
        stretch = pool_stretch((pool,), int(F.shape[3]), int(F.shape[4]))
        F, k = _pooled(pool, F)
        norm = stretch * (gap.norm + zeta) + (0.0 if k is None else norms(k))
        entries = gap.entries
        if entries is not None:
            entries = _images(pool, entries) + (0.0 if k is None else k) + spread(zeta, entries)
        gap = Gap(norm, entries).tightened
    return F, gap


def _pooled(pool: Pooling, F: Tensor) -> tuple[Tensor, Tensor | None]:
    """Pooled images (G + 1, N, ...), and of a maximum its distance k (G, N, ...) from its chord."""
    assert isinstance(pool, partial)
    if pool.func in AVERAGES:
        return _images(pool, F), None
    largest, winner = pool.func(F.flatten(0, 1), **pool.keywords, return_indices=True)
    largest, winner = (one.view(*F.shape[:2], *one.shape[1:]) for one in (largest, winner))

    def of_the_other(end: slice, other: slice) -> Tensor:
        """By how much the winner of the other end is below the maximum at this one."""
        there = winner[other].flatten(3)
        below: Tensor = largest[end] - F[end].flatten(3).gather(3, there).view_as(largest[end])
        return below

    first, last = slice(None, -1), slice(1, None)
    g0, g1 = of_the_other(first, last), of_the_other(last, first)
    share = (g0 / (g0 + g1)).nan_to_num(0.0)
    return largest, share * g1 + TINY


def _images(pool: Pooling, F: Tensor) -> Tensor:
    pooled = pool(F.flatten(0, 1))
    return pooled.view(*F.shape[:2], *pooled.shape[1:])


def at_both(numbers: Tensor) -> Tensor:
    """The larger of both ends of each piece (G, N), of numbers at the ends (G + 1, N)."""
    return torch.maximum(numbers[:-1], numbers[1:])
