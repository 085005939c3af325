"""Looking for a hyperplane between two sets of points, or for weights that show that there is none.

Nothing here is a proof: candidates go to `proofs`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.bounds.clock import Clock

STEPS = 100  # of Newton's method
SUBSET = 400  # points that a linear program starts with, and is given more of at a time
ZERO = 1e-9  # a program's margin, of points of size 1, that is looked at as none
CHUNK = 1 << 14  # points in a product


@dataclass(frozen=True)
class Points:
    """Points X (N, n), and the same for arithmetic: `rows` (N, p), centred, scaled, a column of ones at the end.

    Columns that are constant are left out: with them or without, the same sets can be separated.
    """

    X: Tensor
    rows: Tensor
    columns: Tensor
    scale: Tensor

    @classmethod
    def of(cls, X: Tensor) -> "Points":
        columns = (X.amax(0) > X.amin(0)).nonzero()[:, 0]
        centred = X[:, columns] - X[:, columns].mean(0)
        spread = centred.square().mean(0).sqrt().clamp_min(torch.finfo(X.dtype).tiny)
        scale = torch.ldexp(torch.ones_like(spread), -torch.frexp(spread).exponent)
        centred *= scale
        return cls(X, torch.cat([centred, torch.ones(len(X), 1, dtype=X.dtype)], 1), columns, scale)

    def plane(self, y: Tensor, v: Tensor) -> tuple[Tensor, float]:
        """(w, b) in the points' own coordinates: the direction of v (p,), halfway between the two sides."""
        w = self.X.new_zeros(self.X.shape[1])
        w[self.columns] = v[:-1] * self.scale
        along = self.X @ w
        return w, -float(along[y > 0].min() / 2 + along[y < 0].max() / 2)


@dataclass(frozen=True)
class Candidate:
    """A direction v (p,) that may separate, weights (N,) that may show that none does."""

    direction: Tensor
    weights: Tensor


def newton(points: Points, y: Tensor, clock: Clock) -> Candidate:
    """Minimise f(v) = sum max(0, 1 - y_i z_i v)^2 / 2 (Mangasarian 2002) over the rows z_i.

    It has a minimum always. It is zero exactly where the sides can be separated; elsewhere its gradient
    -sum c_i y_i z_i vanishes with c_i = max(0, 1 - y_i z_i v), not all zero. So one descent finds either candidate.
    """
    Z = points.rows
    v = Z.new_zeros(Z.shape[1])
    margins = Z.new_zeros(len(Z))
    best, best_margin = v, 0.0
    for _ in range(STEPS):
        weights = (1 - margins).clamp_min(0)
        gradient = -Z.T @ (weights * y)
        step = _newton_step(Z, weights > 0, gradient[:, None])[:, 0]
        along = y * (Z @ step)
        t = _best_length(margins, along)
        v, margins = v + t * step, margins + t * along
        margin = float(margins.min() / v[:-1].norm().clamp_min(1e-300))
        if margin > best_margin:
            best, best_margin = v, margin
        still = t * float(step.norm()) <= 1e-13 * float(v.norm())
        if margins.min() >= 1 or still or clock.seconds_left == 0:
            break
    return Candidate(best if best_margin > 0 else v, (1 - y * (Z @ v)).clamp_min(0))


def hardest_first(points: Points, labels: Tensor) -> list[int]:
    """The labels that occur, those first of which a least squares fit gets most samples wrong: one may decide all."""
    classes = torch.unique(labels)
    Z, Y = points.rows, torch.where(labels[:, None] == classes, 1.0, -1.0).to(points.rows.dtype)
    fits = _newton_step(Z, torch.ones_like(labels, dtype=torch.bool), -Z.T @ Y)
    wrong = ((Z @ fits) * Y <= 0).sum(0)
    found: list[int] = classes[torch.argsort(-wrong, stable=True)].tolist()
    return found


def _newton_step(Z: Tensor, active: Tensor, gradient: Tensor) -> Tensor:
    """-(H + ridge)^{-1} gradient (p, k) for H = sum over the active rows of z z^T."""
    H = Z.new_zeros(Z.shape[1], Z.shape[1])
    for some in torch.split(active.nonzero()[:, 0], CHUNK):
        H += Z[some].T @ Z[some]
    size = H.diagonal().mean()
    for power in (-13, -10, -7, -4):
        factor, failed = torch.linalg.cholesky_ex(H + 10**power * size * torch.eye(len(H), dtype=H.dtype))
        if not failed:
            return -torch.cholesky_solve(gradient, factor)
    return -gradient / size


def _best_length(margins: Tensor, along: Tensor) -> float:
    """The t > 0 that minimises sum max(0, 1 - margins - t along)^2, by halving: its derivative increases."""

    def rises(t: float) -> bool:
        return float(((1 - margins - t * along).clamp_min(0) * along).sum()) <= 0

    low, high = 0.0, 1.0
    while not rises(high) and high < 1e6:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) else (middle, high)
    return high


def program(points: Points, y: Tensor, weights: Tensor, clock: Clock) -> Candidate | None:
    """A linear program on a growing subset: the largest t with y_i z_i v >= t, |v_j| <= 1 but for the last.

    Its dual is the point where the hulls come closest: where t = 0, weights that show that they meet, at a vertex.
    The points that a subset's v has on the wrong side are added. None where time is up or the solver gives up.
    """
    Z, sides = points.rows.numpy(), y.numpy()
    chosen = _first(weights.numpy(), sides)
    while True:
        solved = _largest_margin(Z[chosen], sides[chosen], clock)
        if solved is None:
            return None
        v, t, dual = solved
        found = np.zeros(len(Z))
        found[chosen] = dual
        candidate = Candidate(torch.from_numpy(v), torch.from_numpy(found))
        values = sides * (Z @ v)
        values[chosen] = np.inf
        wrong = np.flatnonzero(values <= t / 2)
        if t <= ZERO or len(wrong) == 0:
            return candidate
        chosen = np.concatenate([chosen, wrong[np.argsort(values[wrong], kind="stable")[:SUBSET]]])


def _first(weights: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The points of largest weight, of both sides."""
    sides = [np.flatnonzero(y == side) for side in (-1, 1)]
    return np.concatenate([side[np.argsort(-weights[side], kind="stable")[: SUBSET // 2]] for side in sides])


def _largest_margin(Z: np.ndarray, y: np.ndarray, clock: Clock) -> tuple[np.ndarray, float, np.ndarray] | None:
    """v (p,), t and the dual weights (N,)."""
    p = Z.shape[1]
    if clock.seconds_left == 0:
        return None
    from scipy.optimize import linprog  # noqa: PLC0415 - a third of a second, spared to jobs that need none

    solved = linprog(
        np.r_[np.zeros(p), -1.0],
        A_ub=np.column_stack([-y[:, None] * Z, np.ones(len(Z))]),
        b_ub=np.zeros(len(Z)),
        bounds=[*[(-1, 1)] * (p - 1), (None, None), (None, None)],
        method="highs-ds",
        options={
            "time_limit": clock.seconds_left,
            "primal_feasibility_tolerance": 1e-10,
            "dual_feasibility_tolerance": 1e-10,
        },
    )
    if solved.status != 0:
        return None
    return solved.x[:p], float(solved.x[p]), np.maximum(-solved.ineqlin.marginals, 0)
