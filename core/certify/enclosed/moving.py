"""The networks along a straight segment: their parameters at any t, their norms, and what float64 rounds of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt

import torch
from torch import Tensor

from core.certify.enclosed.nonlinear import at_both, norms
from core.certify.enclosed.norms import layer_norm
from core.certify.rounding import TINY, Stretch, gamma, length
from core.networks.layered import Layer, Parameters
from core.problem import Problem

NODES = 9
"""Values of t at which norms are computed. A norm is convex along a line, so between them it is below their chord."""


@dataclass(frozen=True)
class MovingLayer:
    """One layer along a segment. `ends` has its parameters (2, ...) by name, (1, ...) where they don't move.

    `stretch` is that of S = |W(0)| + |W(1)| but for `spectral`, which is |W(1) - W(0)|_2; `norms` (NODES,) are of W(t)
    at equal steps of t. Both are upper bounds of the true ones.
    """

    layer: Layer
    ends: Parameters
    stretch: Stretch
    norms: Tensor

    @classmethod
    def of(cls, layer: Layer, ends: Parameters, image: tuple[int, int] | None) -> "MovingLayer":
        W, b = ends[layer.weight], None if layer.bias is None else ends[layer.bias]
        S = W.abs().sum(0) * (2 / len(W))
        operator = S.flatten(2).sum(2) if layer.convolution else S  # of |W|, for convolutions of any size
        size = length(operator)
        spared = gamma(5) * size
        points = [torch.lerp(W[0], W[-1], t) for t in torch.linspace(0, 1, NODES).tolist()] if len(W) == 2 else [W[0]]
        spectral = torch.tensor([layer_norm(layer, one, image) + spared for one in points], dtype=W.dtype)
        change = layer_norm(layer, W[-1] - W[0], image) + spared if len(W) == 2 else 0.0
        bias = 0.0 if b is None else length(b.abs().sum(0) * (2 / len(b)))
        return cls(layer, ends, Stretch(change, size, bias, W[0, 0].numel()), spectral.expand(NODES).to(W.device))

    @property
    def moves(self) -> bool:
        return len(self.ends[self.layer.weight]) == 2

    def at(self, t: Tensor) -> Parameters:
        """The parameters (K, ...) at t (K,), (1, ...) where they don't move."""
        return {name: _between(one, t) if len(one) == 2 else one for name, one in self.ends.items()}

    def affine(self, features: Tensor, t: Tensor) -> Tensor:
        """Z (K, N, ...) of features (K or 1, N, ...) at t (K,).

        Of features that stand still it is a straight line, so the segment's two ends are enough. Both are off by
        gamma_{n+1} of what `rounding` counts, and the line between them by 4 u more: less than W(t) itself may be.
        """
        if len(features) == 1 and self.moves and len(t) > 2:
            return _between(self.layer.affine(features, self.ends), t)
        return self.layer.affine(features, self.at(t))

    def change(self, features: Tensor) -> Tensor:
        """(W(1) - W(0)) of features (K, N, ...), without bias."""
        W = self.ends[self.layer.weight]
        return self.linear(features, W[1:] - W[:1])

    def linear(self, features: Tensor, W: Tensor) -> Tensor:
        """Features (K, N, ...) through weights W (K or 1, ...) of this layer, without bias."""
        nothing = {} if self.layer.bias is None else {self.layer.bias: W.new_zeros(1, self.layer.outputs)}
        return self.layer.affine(features, {self.layer.weight: W, **nothing})

    def spectral(self, t: Tensor) -> Tensor:
        """|W|_2 (G,) at most, on the pieces between neighbours among t (G + 1,)."""
        position = t * (NODES - 1)
        below = position.long().clamp(0, NODES - 2)
        at = torch.lerp(self.norms[below], self.norms[below + 1], position - below)
        return torch.maximum(at[:-1], at[1:])

    def rounding(self, features: Tensor, positions: int) -> Tensor:
        """eta (G, N): what computing Z at both ends of a piece, and q, from `features` (G + 1 or 1, N, ...) rounds.

        The first 2 gamma cover the breakpoints themselves; doubled, the bound holds at float64's points as well.
        """
        sizes = norms(features)
        sizes = at_both(sizes) if len(sizes) > 1 else sizes
        n = self.stretch.fan_in + 16
        size = self.stretch.frobenius * sizes + self.stretch.bias * sqrt(positions)
        return 4 * gamma(n) * size + n * TINY * sqrt(positions * self.layer.outputs)


@dataclass(frozen=True)
class MovingNetwork:
    """The layers of a problem's network along a segment; those below `lowest`, from 0, stand still."""

    layers: Sequence[MovingLayer]
    lowest: int

    @classmethod
    def of(cls, problem: Problem, ends: Tensor) -> "MovingNetwork":
        """From the ends (2, P) of a segment, in float64; the problem has a view by layers."""
        assert problem.layered is not None
        assert problem.dtype == torch.float64
        named = {name: _moving(one) for name, one in problem.layout.split(ends + 0.0).items()}
        found = []
        features = problem.data.train.read(slice(1))[None]
        for layer in problem.layered.layers:
            image = (int(features.shape[3]), int(features.shape[4])) if layer.convolution else None
            own = {name: named[name] for name in (layer.weight, layer.bias) if name is not None}
            found.append(MovingLayer.of(layer, own, image))
            features = layer.after(layer.affine(features, {name: one[:1] for name, one in own.items()}))
        moving = [i for i, one in enumerate(found) if any(len(end) == 2 for end in one.ends.values())]
        return cls(found, min(moving, default=len(found) - 1))

    @property
    def depth(self) -> int:
        return len(self.layers)


def positions(features: Tensor) -> int:
    """How many places a channel of features (K, N, n, ...) has."""
    return prod(features.shape[3:])


def _moving(ends: Tensor) -> Tensor:
    """One row where both (2, ...) are equal."""
    return ends[:1] if torch.equal(ends[0], ends[1]) else ends


def _between(ends: Tensor, t: Tensor) -> Tensor:
    return torch.lerp(ends[:1], ends[1:], t.view(-1, *[1] * (ends.dim() - 1)))
