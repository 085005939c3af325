"""The best head on given features: convex in (V, c), so what is found is near the lowest F, and never above its start.

Square loss without penalty is least squares; everything else goes by FISTA (Beck and Teboulle 2009) with backtracking
and restarts (O'Donoghue and Candes 2015). The hinge loss is smoothed for that, ever less.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from core.methods.oracle.shallow import Head, Target, outputs
from core.subnetworks.weights import with_ones

CUTOFFS = (1e-3, 1e-5, 1e-7)  # singular values below this share of the largest count as zero
WORSE = 1e-6  # a coarser cut-off is taken if its loss is not larger by more than this share
SMOOTHING = (1e-1, 1e-2, 1e-3)  # of the hinge loss, as a distance
STEPS = 400
QUICK = 40  # where it is fitted again and again
STILL = 1e-7  # a step below this share of the largest weight is the last
LARGEST = 1e30  # of the inverse step: then there is no descent to be had


def best_head(target: Target, H: Tensor, start: Head, steps: int = STEPS) -> Head:
    """The head on features H (N, k) with the lowest F that is found; `start` counts as found."""
    best = target.valued(H, start)
    if H.shape[1] == 0 and best.c is None:
        return best  # the only one
    if target.loss.name == "square" and target.kappa == 0:
        return min(best, least_squares(target, H), key=lambda one: one.value)
    levels = SMOOTHING if target.loss.name == "hinge" else (0.0,)
    for mu in levels:
        best = min(best, fista(target, H, best, mu, steps // len(levels)), key=lambda one: one.value)
    return best


def least_squares(target: Target, H: Tensor) -> Head:
    """Of minimum norm. Small singular values are cut off where that costs nothing: near-twins get no huge weights."""
    mean, Y = centre(target, H), target.values
    middle = Y.mean(0) if target.bias else Y.new_zeros(Y.shape[1])
    U, S, Vh = torch.linalg.svd(H - mean, full_matrices=False)
    found = []
    for cutoff in CUTOFFS:
        large = cutoff * S[:1] < S
        V = (Y - middle).T @ U[:, large] / S[large] @ Vh[large]
        found.append(target.valued(H, Head(V, middle - V @ mean if target.bias else None)))
    best = min(one.value for one in found)
    return next(one for one in found if one.value <= best * (1 + WORSE))


def fista(target: Target, H: Tensor, start: Head, mu: float, steps: int) -> Head:
    """Proximal steps on x = [V, c] from a start, with the loss smoothed by mu; the last point."""
    mean, k = centre(target, H), H.shape[1]
    A = with_ones(H - mean) if target.bias else H
    x = start.V if start.c is None else torch.cat([start.V, (start.c + start.V @ mean)[:, None]], 1)

    def smooth(x: Tensor) -> Tensor:
        return smoothed(target, A @ x.T, mu)

    def shrunk(x: Tensor, step: float) -> Tensor:
        V = torch.sign(x[:, :k]) * (x[:, :k].abs() - target.kappa * step).clamp_min(0)
        return torch.cat([V, x[:, k:]], 1)

    x = minimised(smooth, shrunk, x, steps)
    V = x[:, :k]
    return target.valued(H, Head(V, x[:, k] - V @ mean if target.bias else None))


def minimised(
    smooth: Callable[[Tensor], Tensor], proximal: Callable[[Tensor, float], Tensor], x: Tensor, steps: int
) -> Tensor:
    """FISTA: x that nearly minimises a smooth function plus one whose proximal map is given."""
    y, momentum, inverse = x, 1.0, 1.0
    for _ in range(steps):
        leaf = y.detach().requires_grad_(True)
        value = smooth(leaf)
        (gradient,) = torch.autograd.grad(value, leaf)
        inverse *= 0.9
        while True:
            new = proximal(y - gradient / inverse, 1 / inverse)
            move = new - y
            allowed = value + (gradient * move).sum() + inverse / 2 * move.square().sum()
            if bool(smooth(new) <= allowed + 1e-15 * value.abs()) or inverse > LARGEST:
                break
            inverse *= 2
        if float((new - x).abs().max()) <= STILL * (1 + float(new.abs().max())):
            return new
        if float(((y - new) * (new - x)).sum()) > 0:
            y, momentum = new, 1.0
        else:
            grown = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            y, momentum = new + (momentum - 1) / grown * (new - x), grown
        x = new
    return x


def smoothed(target: Target, Z: Tensor, mu: float) -> Tensor:
    """The mean loss of outputs Z (N, C); the hinge loss with a soft maximum, mu log C above it at most."""
    if mu == 0:
        return target.mean_loss(Z)
    labels = target.y[:, None]
    margins = (1 - Z.gather(1, labels) + Z).scatter(1, labels, 0.0)
    return mu * torch.logsumexp(margins / mu, 1).mean()


def centre(target: Target, H: Tensor) -> Tensor:
    """What a free bias takes off the features: their means (k,), or zeros."""
    return H.mean(0) if target.bias else H.new_zeros(H.shape[1])


def gap(target: Target, H: Tensor, head: Head) -> float | None:
    """How far F of a head is above the lowest, at most, by the dual; None where that isn't known.

    For the square loss with a penalty: residuals R, scaled until |H'R| / N <= kappa, are feasible; with a free bias
    features and targets are centred first.
    """
    if target.loss.name != "square" or target.kappa == 0:
        return None
    mean, Y = centre(target, H), target.values
    Y = Y - Y.mean(0) if target.bias else Y
    R, N = Y - (H - mean) @ head.V.T, len(H)
    steepest = ((H - mean).T @ R / N).abs().amax(0)
    dual = R * torch.where(steepest > target.kappa, target.kappa / steepest, 1.0)
    primal = R.square().sum() / (2 * N) + target.kappa * head.V.abs().sum()
    return float(primal - ((dual * Y).sum() - dual.square().sum() / 2) / N)


def slopes(target: Target, H: Tensor, head: Head) -> Tensor:
    """The gradient (N, C) of the mean loss in the outputs."""
    Z = outputs(H, head).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(target.mean_loss(Z), Z)
    return gradient


def constant(target: Target) -> Head:
    """The head of no units: the best constant where outputs have a bias."""
    H = target.X.new_zeros(len(target.X), 0)
    c = target.X.new_zeros(target.outputs) if target.bias else None
    return best_head(target, H, Head(target.X.new_zeros(target.outputs, 0), c))
