"""A few values in two numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10, nan, sqrt
from statistics import stdev

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """Mean of `count` values, and half the width of its 95 % confidence interval (nan for a single value)."""

    count: int
    mean: float
    half: float


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and interval by Student's t of independent values, at least one."""
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import: `thalweg study` lists studies without it

    count = len(values)
    mean = sum(values) / count
    if count == 1:
        return Estimate(1, mean, nan)
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    return Estimate(count, mean, float(stdtrit(count - 1, (1 + LEVEL) / 2)) * sqrt(variance / count))


def deviation(values: Sequence[float]) -> float | None:
    """The standard deviation of values, from n - 1; None of fewer than two."""
    return stdev(values) if len(values) > 1 else None


def band(values: Sequence[float], *, logarithmic: bool = False) -> tuple[float, float, float]:
    """Mean and the ends of its interval, both at the mean for a single value.

    With `logarithmic` of the logarithms of those values that are positive, as in Nguyen et al. 2021, figure 5.
    """
    if logarithmic:
        positive = [log10(value) for value in values if value > 0]
        mean, low, high = band(positive) if positive else (nan, nan, nan)
        return 10.0**mean, 10.0**low, 10.0**high
    found = estimate(values)
    half = 0.0 if found.count == 1 else found.half
    return found.mean, found.mean - half, found.mean + half
