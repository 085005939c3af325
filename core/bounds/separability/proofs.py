"""Proofs that two sets of points can, or can't, be separated by a hyperplane; whoever found the candidate.

The points are taken as the float64 numbers they are; every rounding of the proofs themselves is bounded.
x_i (n,) are the rows of X (N, n), y_i is 1 on one side and -1 on the other.

*Separated*: y_i (w x_i + b) > 0 for all i. A product of n + 1 terms is off by at most gamma (|w| |x_i| + |b|) with
gamma = k u / (1 - k u), k = n + 2, whatever the order of summation (Higham 2002, section 3.1), and by the smallest
numbers there are; signs that this leaves open are computed in rational numbers.

*Not separable* (Gordan 1873): there are c_i >= 0, not all zero, with sum c_i y_i (x_i, 1) = 0, so that the two convex
hulls meet. Approximate c_i are enough where there is room: let Z (m, p) have the rows y_i (x_i, 1) with c_i > 0, let
R (m, p) be any matrix with |Z^T R - 1| <= rho < 1 in the largest row sum. Then delta = -R (Z^T R)^{-1} Z^T c solves
Z^T (c + delta) = 0 and |delta_i| <= |R_i|_1 |Z^T c|_inf / (1 - rho); where that is below c_i, c + delta is a proof.
Coincidences that leave no room (points on a line, say) are solved in rational numbers, where they are few.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

UNIT = torch.finfo(torch.float64).eps / 2
TINY = 5e-324
FEW = 40  # points, in rational numbers


def separates(X: Tensor, y: Tensor, w: Tensor, b: float) -> bool:
    """Whether y_i (w x_i + b) > 0 for all rows of X (N, n). True is proven."""
    k = X.shape[1] + 2
    values = y * (X @ w + b)
    doubt = 2 * k * UNIT * (X.abs() @ w.abs() + abs(b)) + 2 * k * TINY
    if not torch.isfinite(doubt).all() or (values < -doubt).any():
        return False
    exact = [Fraction(one) for one in w.tolist()]
    return all(_value(X[i].tolist(), exact, b) * int(y[i]) > 0 for i in (values <= doubt).nonzero()[:, 0].tolist())


def _value(x: Sequence[float], w: Sequence[Fraction], b: float) -> Fraction:
    return sum((Fraction(one) * factor for one, factor in zip(x, w, strict=True) if one), Fraction(b))


def hulls_meet(X: Tensor, y: Tensor, weights: Tensor) -> bool:
    """Whether c = `weights` (N,), rounded as they may be, prove that no hyperplane separates. True is proven."""
    support = (weights > 1e-9 * weights.max()).nonzero()[:, 0]
    X, y, c = X[support], y[support], weights[support]
    if len(torch.unique(y)) < 2:
        return False
    return _proven_with_room(_rows(X, y), c / c.max()) or (len(c) <= FEW and _proven_exactly(X.numpy(), y.numpy()))


def _rows(X: Tensor, y: Tensor) -> Tensor:
    """Z (m, p), off by at most one rounding a number: moved to the first point, scaled by powers of two.

    An affine map of the points changes nothing about their hulls. Columns that are equal, or constant, say nothing new.
    """
    _, different = np.unique(X.numpy(), axis=1, return_index=True)
    moved = (X - X[0])[:, np.sort(different)]
    largest = moved.abs().amax(0)
    moved, largest = moved[:, largest > 0], largest[largest > 0]
    scaled = torch.ldexp(moved, -torch.frexp(largest).exponent)
    return y[:, None] * torch.cat([scaled, torch.ones(len(y), 1, dtype=X.dtype)], 1)


def _proven_with_room(Z: Tensor, c: Tensor) -> bool:
    """The second proof above, for R = D Z (Z^T D Z)^{-1} with D = diag(c^2), which moves large c_i most."""
    m, p = Z.shape
    if m <= p:
        return False
    weighted = (c**2)[:, None] * Z
    inverse, failed = torch.linalg.inv_ex(Z.T @ weighted)
    if failed or not torch.isfinite(inverse).all():
        return False
    R = weighted @ inverse
    for _ in range(3):
        c = c - R @ (Z.T @ c)
    if not (c > 0).all():
        return False
    gamma = 2 * (m + p + 8) * UNIT
    size = R.abs()
    rho = _row_sums(Z.T @ R - torch.eye(p, dtype=Z.dtype)) + gamma * float((Z.abs().T @ size.sum(1)).max())
    residual = float(((Z.T @ c).abs() + gamma * (Z.abs().T @ c)).max())
    if not rho < 0.5:
        return False
    return bool((size.sum(1) * (2 * residual / (1 - rho)) < c).all())


def _row_sums(A: Tensor) -> float:
    return float(A.abs().sum(1).max())


def _proven_exactly(X: np.ndarray, y: np.ndarray) -> bool:
    """Rational c >= 0 with sum c_i y_i (x_i, 1) = 0, for m points that have one such c up to a factor.

    m - 1 columns that are far from dependent determine l; all others are checked.
    """
    Z = y[:, None] * np.column_stack([X, np.ones(len(X))])
    scaled = Z / np.maximum(np.abs(Z).max(0), TINY)
    from scipy.linalg import qr  # noqa: PLC0415 - a fifth of a second, spared to jobs that need none

    _, order = qr(scaled, mode="r", pivoting=True)
    columns = [[Fraction(one) for one in Z[:, j].tolist()] for j in order]
    weights = kernel(columns[: len(X) - 1], len(X))
    if weights is None or not (all(one >= 0 for one in weights) or all(one <= 0 for one in weights)):
        return False
    return all(sum(one * c for one, c in zip(column, weights, strict=True)) == 0 for column in columns)


def kernel(rows: Sequence[Sequence[Fraction]], m: int) -> list[Fraction] | None:
    """The vector c (m,), not zero, with rows c = 0 where there is one up to a factor; None otherwise."""
    reduced: dict[int, list[Fraction]] = {}  # by pivot, one there and zero at the other pivots
    for row in rows:
        rest = list(row)
        for pivot, known in reduced.items():
            rest = _less(rest, rest[pivot], known)
        first = next((j for j, one in enumerate(rest) if one), None)
        if first is None:
            continue
        rest = [one / rest[first] for one in rest]
        reduced = {j: _less(known, known[first], rest) for j, known in reduced.items()}
        reduced[first] = rest
    free = [j for j in range(m) if j not in reduced]
    if len(free) != 1:
        return None
    return [Fraction(1) if j == free[0] else -reduced[j][free[0]] for j in range(m)]


def _less(row: list[Fraction], factor: Fraction, other: list[Fraction]) -> list[Fraction]:
    return [one - factor * two for one, two in zip(row, other, strict=True)] if factor else row
