"""The conditions of Corollary 4.3, one function each: what is proven, and the numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.bounds.clock import Clock
from core.bounds.genericity.dependence import dependent, on_a_line, same_rows
from core.losses import ConvexLoss
from core.results import NO, OPEN, YES

SUBSETS = 30  # of d + 1 points that are looked at for each kept set
ON_LINES = 2000  # points among which three on a line are looked for
REFITS = 500  # steps of the output layer towards its best


def capacity(below: int, last: int, kept: int, outputs: int) -> int:
    """A1: samples that the free neurons memorise, for widths n_{L-2}, n_{L-1}, |I_{L-1}| and n_L outputs."""
    return 4 * (below // 8) * ((last - kept) // (4 * outputs))


def least_width(samples: int, outputs: int) -> int:
    """The width of the last two hidden layers, both the same, from which A1 holds with half of the last one kept."""
    low, high = 0, 1
    while capacity(high, high, (high + 1) // 2, outputs) < samples:
        low, high = high, 2 * high
    while high - low > 1:
        n = (low + high) // 2
        low, high = (low, n) if capacity(n, n, (n + 1) // 2, outputs) >= samples else (n, high)
    return high


def refitted_loss(F: Tensor, y: Tensor, loss: ConvexLoss, start: tuple[Tensor, Tensor], clock: Clock) -> float:
    """A1-b: the mean loss with the best output layer found on features F (N, d), from W (C, d) and b (C,) on.

    The problem is convex; every output layer bounds its infimum from above.
    """
    W, b = start

    def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
        leaf = torch.from_numpy(flat).requires_grad_(True)
        outputs = F @ leaf[: W.numel()].view_as(W).T + leaf[W.numel() :]
        mean = loss.samples(outputs[None], y[None]).mean()
        (gradient,) = torch.autograd.grad(mean, leaf)
        return float(mean.detach()), gradient.numpy()

    def late(_: np.ndarray) -> None:
        if clock.seconds_left == 0:
            raise StopIteration

    first = torch.cat([W.flatten(), b]).numpy()
    from scipy.optimize import minimize  # noqa: PLC0415 - a third of a second, spared to jobs that need none

    best = minimize(value, first, jac=True, method="L-BFGS-B", callback=late, options={"maxiter": REFITS})
    return min(float(best.fun), value(first)[0])


def stuck(F: np.ndarray, most: int) -> dict[int, tuple[float, int]]:
    """A2: neurons of F (N, n, block) that take one value on more than `most` samples: that value, and on how many.

    The samples lie on a hyperplane then, in whatever kept set the neuron is.
    """
    found: dict[int, tuple[float, int]] = {}
    for neuron in range(F.shape[1]):
        for column in F[:, neuron].T:
            values, counts = np.unique(column, return_counts=True)
            if counts.max() > most:
                found[neuron] = float(values[counts.argmax()]), int(counts.max())
                break
    return found


def dependent_samples(F: np.ndarray, seed: int, clock: Clock) -> tuple[int, ...] | None:
    """A2: at most d + 1 samples of F (N, d), N > d, that are affinely dependent, proven; None where none are found.

    With any others to d + 1 they lie on a hyperplane, which may hold d. Looked at are equal samples, three on a
    line, and random sets of d + 1.
    """
    samples, d = F.shape
    assert samples > d
    if (pair := same_rows(F)) is not None:
        return pair
    random = np.random.default_rng(seed)
    if d >= 2 and (triple := on_a_line(F[:ON_LINES], random, clock.share(2))) is not None:
        return triple
    for _ in range(SUBSETS):
        some = np.sort(random.choice(samples, d + 1, replace=False))
        if clock.seconds_left == 0:
            return None
        if dependent(F[some], clock):
            return tuple(some.tolist())
    return None


@dataclass(frozen=True)
class Distinct:
    """A3: whether the samples stay distinct without neuron `without`; `equal` are two that don't, whichever it is."""

    answer: float
    without: int | None = None
    equal: tuple[int, int] | None = None


def distinct_without_one(F: np.ndarray, clock: Clock, heard: Callable[[float], None]) -> Distinct:
    """A3: a neuron of F (N, n, block) without which all samples are distinct; proven either way.

    Sums of the neurons' bits, each times a random odd number, differ for samples that differ, but by chance: distinct
    sums prove distinct samples, equal ones are looked at.
    """
    neurons = F.shape[1]
    random = np.random.default_rng(0)
    factors = random.integers(0, 2**63, F.shape[1:], dtype=np.uint64) | np.uint64(1)
    bits = (F + 0.0).view(np.uint64)  # -0 and 0 are one number
    sums = (bits * factors).sum(2, dtype=np.uint64)
    total = sums.sum(1, dtype=np.uint64)
    if len(np.unique(total)) < len(F) and (pair := same_rows(F.reshape(len(F), -1))) is not None:
        return Distinct(NO, equal=pair)
    for neuron in range(neurons):
        heard(neuron / neurons)
        if clock.seconds_left == 0:
            return Distinct(OPEN)
        if len(np.unique(total - sums[:, neuron])) == len(F):
            return Distinct(YES, neuron)
        if same_rows(np.delete(F, neuron, 1).reshape(len(F), -1)) is None:
            return Distinct(YES, neuron)
    return Distinct(NO)
