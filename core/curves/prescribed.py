"""Analytic curves on which the features of a layer are prescribed: the algebra of Nguyen 2019, Lemma 3.3.

Only an evaluation lies here, which the methods that choose such a curve and the checker that judges it both read.
Matrices are as in the papers, W_l (n_{l-1}, n_l); `_put` alone turns them into torch's layout. The activation is
leaky ReLU, act(z) = max(z, slope z), with the inverse inv. ^+ is the pseudo-inverse, and <x>(t) = (1-t) x(0) + t x(1).

**The family.** Layers s..k move. Stored are D (N, n_{s-1} + 1) of full row rank, which stands for [F_{s-1}, 1], and

    for l = s..k      F_l(0), F_l(1)     features at the two ends (of layer L: the outputs)
    for l = s+1..k    b_l(0), b_l(1)     and W_l(t), a curve of matrices of full column rank

Prescribed is B_k(t) = <F_k>(t). From there downwards, for l = k..s+1,

    Z_l(t) = inv(B_l(t))   (of layer L: B_L(t))      the pre-activations that give B_l
    G_l(t) = Z_l(t) - <b_l>(t) - <F_{l-1}>(t) W_l(t)
    B_{l-1}(t) = <F_{l-1}>(t) + (G_l(t) - <G_l>(t)) W_l(t)^+

where G_l(0) and G_l(1) are what rounding leaves, so B_{l-1} starts and ends as F_{l-1} does, and since W^+ W = 1,

    B_{l-1}(t) W_l(t) + <b_l>(t) = Z_l(t) - <G_l>(t)        for every t.

The first layer that moves, U = [W_s; b_s], is <U>(t) + D^+ (Z_s(t) - <Z_s>(t)); since D D^+ = 1, it makes
D U(t) - Z_s(t) = <D U - Z_s>(t). So the network has the prescribed features at every t, up to what the two ends leave.
(Lemma 3.3's own curve is the case of constant W_l, b_l and F_k: the components in the kernels move on lines.)

`points` gives the deviation from the straight line, as `core.path` wants it: zero at both ends and where all is still.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import pi
from typing import ClassVar, Self

import torch
from torch import Tensor

STEEPEST = 1.001 * pi  # an angle may be pi, to rounding: faster turns are of no use, and cos would lose digits


@dataclass(frozen=True)
class Still:
    """A matrix (n, m) that does not change."""

    W: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return self.W.shape[0], self.W.shape[1]

    def at(self, t: float) -> Tensor:  # noqa: ARG002
        return self.W

    def qr(self, W: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The factors of W = at(t) for any t."""
        return self._factors

    @cached_property
    def _factors(self) -> tuple[Tensor, Tensor]:
        return _qr(self.W)

    def tensors(self) -> dict[str, Tensor]:
        return {"W": self.W}


@dataclass(frozen=True)
class Turning:
    """W(t) = S(t) + <ends - S>(t), (n, m), with S(t) = V R(t) C <P>(t) and R(t) a rotation by t times J angles.

    V (n, q), C (q, m), P (2, m, m), ends (2, n, m). R turns rows j and J + j of C by `angles[j]` and leaves rows from
    2 J on alone. With orthonormal columns in V and C and P symmetric positive, S is the curve of Proposition 3.5 by
    polar factors, and the ends are those of S but for rounding. Raises ValueError where shapes don't fit.
    """

    V: Tensor
    angles: Tensor
    C: Tensor
    P: Tensor
    ends: Tensor

    def __post_init__(self) -> None:
        (n, q), m, J = self.V.shape, self.C.shape[1], len(self.angles)
        shapes = [self.C.shape, self.P.shape, self.angles.shape, self.ends.shape]
        if shapes != [(q, m), (2, m, m), (J,), (2, n, m)] or q < 2 * J:
            raise ValueError("the factors of a turning matrix don't fit each other")
        if not bool((self.angles.abs() <= STEEPEST).all()):
            raise ValueError("a matrix turns by more than pi")

    @property
    def shape(self) -> tuple[int, int]:
        return self.V.shape[0], self.C.shape[1]

    def at(self, t: float) -> Tensor:
        if t in (0, 1):
            return self.ends[int(t)]
        return self.turned(t) + between(self.left, t)

    def turned(self, t: float) -> Tensor:
        """S(t)."""
        J = len(self.angles)
        cos, sin = (t * self.angles).cos()[:, None], (t * self.angles).sin()[:, None]
        first, second, rest = self.C[:J], self.C[J : 2 * J], self.C[2 * J :]
        turned = torch.cat([cos * first - sin * second, sin * first + cos * second, rest])
        return self.V @ (turned @ between(self.P, t))

    @cached_property
    def left(self) -> Tensor:
        """What S leaves at both ends (2, n, m)."""
        return self.ends - torch.stack([self.turned(0.0), self.turned(1.0)])

    def qr(self, W: Tensor) -> tuple[Tensor, Tensor]:
        return _qr(W)

    def tensors(self) -> dict[str, Tensor]:
        return {"V": self.V, "angles": self.angles, "C": self.C, "P": self.P, "ends": self.ends}


Matrices = Still | Turning


@dataclass(frozen=True)
class Prescribed:
    """A curve of the family above.

    `places` (k - s + 1, 4) says of each layer s..k where its weight and its bias begin in theta, n_{l-1} and n_l;
    `parameters` is P; `output` whether layer k is the last. F[i] (2, N, n_{s+i}); b[i] (2, n_{s+1+i}) and W[i] belong
    to layer s + 1 + i. Raises ValueError where shapes don't fit.
    """

    family: ClassVar[str] = "prescribed"
    places: Tensor
    parameters: int
    output: bool
    slope: float
    D: Tensor
    F: tuple[Tensor, ...]
    b: tuple[Tensor, ...]
    W: tuple[Matrices, ...]

    def __post_init__(self) -> None:
        sizes, N = [(n, m) for _, _, n, m in self.places.tolist()], len(self.D)
        fits = (
            self.places.dtype == torch.int64
            and len(self.F) == len(sizes) == len(self.W) + 1 == len(self.b) + 1
            and self.D.shape[1] == sizes[0][0] + 1
            and all(one.shape == (2, N, m) for one, (_, m) in zip(self.F, sizes, strict=True))
            and all(one.shape == (2, m) for one, (_, m) in zip(self.b, sizes[1:], strict=True))
            and all(one.shape == size for one, size in zip(self.W, sizes[1:], strict=True))
            and all(0 <= weight <= self.parameters - n * m for weight, _, n, m in self.places.tolist())
            and all(0 <= bias <= self.parameters - m for _, bias, _, m in self.places.tolist())
        )
        if not fits or not 0 < self.slope <= 1:
            raise ValueError("the tensors of a prescribed curve don't fit each other")

    def points(self, t: Tensor) -> Tensor:
        """Deviations (K, P) from the straight line at t (K,), in float64: zero where t is 0 or 1."""
        out = self.D.new_zeros(len(t), self.parameters)
        for row, at in zip(out, t.tolist(), strict=True):
            if 0 < at < 1:
                self._fill(row, at)
        return out

    def _fill(self, row: Tensor, t: float) -> None:
        Z = self.preactivation(-1, between(self.F[-1], t))
        for i in range(len(self.W) - 1, -1, -1):
            matrices, F = self.W[i], between(self.F[i], t)
            W = matrices.at(t)
            G = Z - between(self.b[i], t) - F @ W
            Z = self.preactivation(i, F + _divided(G - between(self.left[i], t), *matrices.qr(W)))
            if isinstance(matrices, Turning):
                self._put(row, i + 1, W - between(matrices.ends, t))
        q, r = self._factors
        Y = Z - between(self.preactivation(0, self.F[0]), t)
        U = q @ torch.linalg.solve_triangular(r.T, Y, upper=False)  # D^+ = q r^-T, where D^T = q r
        self._put(row, 0, U[:-1], U[-1])

    def preactivation(self, i: int, B: Tensor) -> Tensor:
        """Z with act(Z) = B, of layer s + i (-1: layer k)."""
        if self.output and i in (-1, len(self.F) - 1):
            return B
        return torch.where(B >= 0, B, B / self.slope)

    @cached_property
    def left(self) -> list[Tensor]:
        """G_l (2, N, n_l) at both ends, of layers l = s+1..k: what rounding leaves."""
        found = []
        for i, matrices in enumerate(self.W):
            ends = zip(self.F[i + 1], self.b[i], self.F[i], (0.0, 1.0), strict=True)
            G = [self.preactivation(i + 1, B) - b - F @ matrices.at(t) for B, b, F, t in ends]
            found.append(torch.stack(G))
        return found

    @cached_property
    def _factors(self) -> tuple[Tensor, Tensor]:
        return _qr(self.D.T)

    def _put(self, row: Tensor, i: int, W: Tensor, b: Tensor | None = None) -> None:
        weight, bias, n, m = self.places[i].tolist()
        row[weight : weight + n * m] = W.T.reshape(-1)
        if b is not None:
            row[bias : bias + m] = b

    def tensors(self) -> dict[str, Tensor]:
        found = {
            "places": self.places,
            "parameters": torch.tensor(self.parameters),
            "output": torch.tensor(self.output),
            "slope": torch.tensor(self.slope, dtype=torch.float64),
            "D": self.D,
        }
        for i, F in enumerate(self.F):
            found[f"F.{i}"] = F
        for i, (b, matrices) in enumerate(zip(self.b, self.W, strict=True)):
            found |= {f"b.{i}": b, **{f"{name}.{i}": one for name, one in matrices.tensors().items()}}
        return found

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The inverse of `tensors`. Raises KeyError or ValueError where they don't fit."""
        try:
            count = len(tensors["places"])
            return cls(
                places=tensors["places"],
                parameters=int(tensors["parameters"]),
                output=bool(tensors["output"]),
                slope=float(tensors["slope"]),
                D=tensors["D"],
                F=tuple(tensors[f"F.{i}"] for i in range(count)),
                b=tuple(tensors[f"b.{i}"] for i in range(count - 1)),
                W=tuple(_matrices(tensors, i) for i in range(count - 1)),
            )
        except (IndexError, TypeError, RuntimeError) as error:  # of tensors with too few or too many dimensions
            raise ValueError(f"the tensors of a prescribed curve don't fit each other: {error}") from None


def _matrices(tensors: Mapping[str, Tensor], i: int) -> Matrices:
    if f"W.{i}" in tensors:
        return Still(tensors[f"W.{i}"])
    return Turning(*(tensors[f"{name}.{i}"] for name in ("V", "angles", "C", "P", "ends")))


def _qr(W: Tensor) -> tuple[Tensor, Tensor]:
    q, r = torch.linalg.qr(W)
    return q, r


def between(ends: Tensor, t: float) -> Tensor:
    """<x>(t) of x (2, ...)."""
    return torch.lerp(ends[0], ends[1], t)


def _divided(Y: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """Y W^+ with W = q r."""
    X: Tensor = torch.linalg.solve_triangular(r, Y, upper=True, left=False)
    return X @ q.T
