"""Analytic curves of linear networks with one hidden layer, on which two sums of squares of weights are kept or mixed.

Matrices are as in the papers, W_1 (n_0, h) and W_2 (h, n_L), the outputs X W_1 W_2 + b_2 and no hidden bias.

*Arc*:   theta(t) = cos(pi t/2) theta(0) + sin(pi t/2) theta(1) for all weights, b_2(t) = cos^2 b_2(0) + sin^2 b_2(1).
*Turn*:  W_1(t) = W_1(0) R(t)^T, W_2(t) = R(t) W_2(0), R(t) a rotation by t times J angles in J planes: with V (h, 2 J),
         R(t) = 1 + V (B(t) - 1) V^T, B(t) turning rows j and J + j of V^T; b_2 stays.

Only an evaluation lies here, which the methods that choose such a curve and the checker that judges it both read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi
from typing import ClassVar, Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Arc:
    """A quarter of an ellipse between `ends` (2, P); entries of `squared` (P,), a bias, go by cos^2 and sin^2.

    Raises ValueError where shapes don't fit.
    """

    family: ClassVar[str] = "linear-arc"
    ends: Tensor
    squared: Tensor

    def __post_init__(self) -> None:
        if self.ends.shape != (2, self.parameters) or self.squared.shape != (self.parameters,):
            raise ValueError("the tensors of an arc don't fit each other")
        if self.squared.dtype != torch.bool:
            raise ValueError("an arc doesn't say which of its entries are a bias")

    @property
    def parameters(self) -> int:
        return self.ends.shape[-1]

    def points(self, t: Tensor) -> Tensor:
        """Points (K, P) at t (K,); the ends themselves at 0 and 1."""
        t = t.to(self.ends)[:, None]
        cos, sin = torch.where(t == 1, 0.0, (t * pi / 2).cos()), (t * pi / 2).sin()
        first, last = (torch.where(self.squared, one.square(), one) for one in (cos, sin))
        return first * self.ends[0] + last * self.ends[1]

    def tensors(self) -> dict[str, Tensor]:
        return {"ends": self.ends, "squared": self.squared}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The inverse of `tensors`. Raises KeyError or ValueError where they don't fit."""
        return cls(tensors["ends"], tensors["squared"])


@dataclass(frozen=True)
class Turn:
    """Hidden units rotated at constant outputs, from `start` (P,).

    `places` (2, 3) says of both weights where they begin in theta, and their rows and columns in torch's layout: (h,
    n_0) and (n_L, h). Raises ValueError where shapes don't fit.
    """

    family: ClassVar[str] = "linear-turn"
    start: Tensor
    places: Tensor
    V: Tensor
    angles: Tensor

    def __post_init__(self) -> None:
        if self.places.shape != (2, 3) or self.places.dtype != torch.int64 or self.start.dim() != 1:
            raise ValueError("a turn doesn't say where its weights are")
        (begin, h, n), (begin_2, m, h_2) = self.places.tolist()
        inside = min(begin, begin_2) >= 0 and max(begin + h * n, begin_2 + m * h) <= self.parameters
        if not inside or h_2 != h or self.V.shape != (h, 2 * len(self.angles)) or self.angles.dim() != 1:
            raise ValueError("the tensors of a turn don't fit each other")

    @property
    def parameters(self) -> int:
        return len(self.start)

    @property
    def weights(self) -> tuple[Tensor, Tensor]:
        """W_1 (n_0, h) and W_2 (h, n_L) at the start."""
        first, second = (self.start[a : a + n * m].view(n, m).T for a, n, m in self.places.tolist())
        return first, second

    def turned(self, rows: Tensor, t: float) -> Tensor:
        """R(t) times a matrix of h rows."""
        first, second = (self.V.T @ rows).chunk(2)
        cos, sin = ((t * self.angles).cos() - 1)[:, None], (t * self.angles).sin()[:, None]
        return rows + self.V @ torch.cat([cos * first - sin * second, sin * first + cos * second])

    def points(self, t: Tensor) -> Tensor:
        """Points (K, P) at t (K,); the start itself at 0."""
        points = self.start.repeat(len(t), 1)
        (first, *_), (second, *_) = self.places.tolist()
        W_1, W_2 = self.weights
        for row, at in zip(points, t.tolist(), strict=True):
            if at != 0:
                row[first : first + W_1.numel()] = self.turned(W_1.T, at).flatten()
                row[second : second + W_2.numel()] = self.turned(W_2, at).T.flatten()
        return points

    def tensors(self) -> dict[str, Tensor]:
        return {"start": self.start, "places": self.places, "V": self.V, "angles": self.angles}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The inverse of `tensors`. Raises KeyError or ValueError where they don't fit."""
        return cls(tensors["start"], tensors["places"], tensors["V"], tensors["angles"])
