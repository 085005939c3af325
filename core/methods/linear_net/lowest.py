"""The lowest train loss of any linear map of the inputs, which no linear network passes, and a map that has it.

A convex problem in M (n_0, n_L) and, where there are biases, c (n_L): the square loss by least squares, of least norm;
hinge and the absolute loss by linear programming; cross-entropy by L-BFGS, whose loss may have no minimum, but comes as
near to its infimum as is asked for. All in the coordinates Q = X V / s of the inputs' singular value decomposition, in
which none is long.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.losses import values_of
from core.methods.monotone import loss_of
from core.problem import Problem
from core.subnetworks.weights import with_ones

RANK = 1e-11  # singular values of the inputs below this share of the largest are left out
ROUNDING = 1e-14  # and those below this share of the inputs' size, which may be all that centring leaves
STEPS = 5000  # of L-BFGS


@dataclass(frozen=True)
class Lowest:
    """x -> x M + c and its mean train loss; c is zero where the network has no biases."""

    M: Tensor
    c: Tensor
    loss: float


def lowest_linear(problem: Problem, outputs: int, constant: bool, near: float) -> Lowest:
    """Of the train set, to within `near` where that is found step by step, c = 0 unless there may be a `constant`."""
    X, y = problem.data.train.x.flatten(1), problem.data.train.y
    mean = X.mean(0) if constant else torch.zeros_like(X[0])
    left, s, right = torch.linalg.svd(X - mean, full_matrices=False)
    kept = s > max(RANK * float(s[0]), ROUNDING * float(torch.linalg.matrix_norm(X)))
    Q, back = left[:, kept], right[kept].T / s[kept]
    D = with_ones(Q) if constant else Q
    match problem.loss.name:
        case "square":
            B = torch.linalg.pinv(D) @ values_of(y, D.new_zeros(outputs))
        case "hinge":
            B = _of_least_margins(D, y, outputs)
        case "absolute":
            B = _of_least_distances(D, values_of(y, D.new_zeros(outputs)))
        case _:
            B = _by_descent(problem, D, outputs, near)
    M = back @ B[: Q.shape[1]]
    c = B[-1] - mean @ M if constant else B.new_zeros(outputs)
    return Lowest(M, c, loss_of(problem, X @ M + c))


def _by_descent(problem: Problem, D: Tensor, outputs: int, near: float) -> Tensor:
    """B (d, outputs) for which the loss of D B is as low as L-BFGS finds, or within `near` of the loss's infimum."""
    from scipy.optimize import minimize  # noqa: PLC0415 - a fifth of a second, spared to jobs that need none

    y, shape = problem.data.train.y, (D.shape[1], outputs)

    def graded(flat: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, object]:
        B = torch.from_numpy(flat.reshape(shape)).to(D).requires_grad_()
        loss = problem.loss.samples((D @ B)[None], y[None]).mean()
        (gradient,) = torch.autograd.grad(loss, B)
        return float(loss.detach()), gradient.cpu().numpy().ravel()

    def stop_when_low(intermediate_result: object) -> None:
        if intermediate_result.fun <= problem.loss.infimum + near:  # type: ignore[attr-defined]
            raise StopIteration

    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": 1e-16, "gtol": 1e-12, "maxcor": 30}
    start = np.zeros(shape[0] * shape[1])
    found = minimize(graded, start, jac=True, method="L-BFGS-B", callback=stop_when_low, options=options)
    return torch.from_numpy(found.x.reshape(shape)).to(D)


def _of_least_margins(D: Tensor, y: Tensor, outputs: int) -> Tensor:
    """B (d, outputs) of the least mean of xi >= 0 with xi_i >= 1 - (z_iy - z_ij) for all j other than the label y_i."""
    from scipy.sparse import csr_array, hstack, vstack  # noqa: PLC0415 - a fifth of a second, spared to jobs without

    N, d = D.shape
    rows, features, labels = [], D.cpu().numpy(), y.cpu().numpy()
    for j in range(outputs):
        others = np.flatnonzero(labels != j)
        against = np.zeros((len(others), outputs))
        against[:, j] += 1.0
        against[np.arange(len(others)), labels[others]] -= 1.0
        weights = (against[:, :, None] * features[others][:, None, :]).reshape(len(others), outputs * d)
        slack = csr_array((-np.ones(len(others)), (np.arange(len(others)), others)), shape=(len(others), N))
        rows.append(hstack([csr_array(weights), slack]))
    system = vstack(rows).tocsr()
    found = _of_least_slack(system, -np.ones(system.shape[0]), N)
    return torch.from_numpy(found.reshape(outputs, d).T.copy()).to(D)


def _of_least_distances(D: Tensor, Y: Tensor) -> Tensor:
    """B (d, outputs) of the least mean of xi_i >= |(D B - Y)_ij|, for each output j by itself."""
    from scipy.sparse import csr_array, hstack, vstack  # noqa: PLC0415 - a fifth of a second, likewise

    N, features = len(D), csr_array(D.cpu().numpy())
    slack = csr_array((-np.ones(N), (np.arange(N), np.arange(N))))
    system = vstack([hstack([features, slack]), hstack([-features, slack])]).tocsr()
    columns = []
    for y in Y.T.cpu().numpy():
        size = float(np.abs(y).max()) or 1.0  # tolerances are of numbers about 1
        columns.append(size * _of_least_slack(system, np.concatenate([y, -y]) / size, N))
    return torch.from_numpy(np.stack(columns, 1)).to(D)


def _of_least_slack(system: Any, most: np.ndarray[Any, Any], samples: int) -> np.ndarray[Any, Any]:
    """b of the least mean of xi >= 0, one a sample, with system [b; xi] <= most."""
    from scipy.optimize import linprog  # noqa: PLC0415 - a third of a second, likewise

    free = system.shape[1] - samples
    cost = np.concatenate([np.zeros(free), np.full(samples, 1 / samples)])
    bounds = [(None, None)] * free + [(0, None)] * samples
    found: np.ndarray[Any, Any] = linprog(cost, A_ub=system, b_ub=most, bounds=bounds, method="highs").x
    return found[:free]
