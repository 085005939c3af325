"""A few values in two numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """Mean of `count` values, and half the width of its 95 % confidence interval (nan for a single value)."""

    count: int
    mean: float
    half: float


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and interval by Student's t of independent values, at least one."""
    from scipy.special import stdtrit

    count = len(values)
    mean = sum(values) / count
    if count == 1:
        return Estimate(1, mean, nan)
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    return Estimate(count, mean, float(stdtrit(count - 1, (1 + LEVEL) / 2)) * sqrt(variance / count))
