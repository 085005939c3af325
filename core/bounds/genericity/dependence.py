"""Points on a common hyperplane: found by chance, proven in whole numbers.

m points of R^d are affinely dependent where the differences to the first, (m - 1, d), have rank below m - 1. Float64
numbers are whole numbers times a power of two, so the rank is that of a matrix M of whole numbers. Modulo a prime it
can only be smaller: full rank modulo one prime proves independence. If it is deficient modulo primes whose product
exceeds every minor of M, which Hadamard's inequality bounds by the product of the rows' norms, then a minor that isn't
zero would be divisible by all of them and can't be: that proves dependence.
"""

from functools import cache
from math import isqrt

import numpy as np

from core.bounds.clock import Clock

BELOW = 1 << 31  # primes whose squares fit in 63 bits
WINDOW = 1 << 21  # numbers below that among which primes are looked for: some 97,000


def dependent(points: np.ndarray, clock: Clock) -> bool | None:
    """Whether points (m, d) are affinely dependent: a proof either way, or None where time is up."""
    M = whole(points)
    if len(M) > points.shape[1]:
        return True
    bound = 1
    for row in M:
        bound *= isqrt(sum(one * one for one in row)) + 1
    product = 1
    for p in primes():
        if rank_modulo(M, p) == len(M):
            return False
        product *= p
        if product > bound:
            return True
        if clock.seconds_left == 0:
            return None
    return None


def whole(points: np.ndarray) -> list[list[int]]:
    """Differences to the first of points (m, d), (m - 1, d), every column times a power of two."""
    columns = []
    for column in points.T.tolist():
        ratios = [one.as_integer_ratio() for one in column]
        common = max(denominator for _, denominator in ratios)
        values = [numerator * (common // denominator) for numerator, denominator in ratios]
        columns.append([one - values[0] for one in values[1:]])
    return [list(row) for row in zip(*columns, strict=True)]


def rank_modulo(M: list[list[int]], p: int) -> int:
    """The rank of M modulo a prime below 2^31, by elimination."""
    A = np.array([[one % p for one in row] for row in M], dtype=np.int64)
    rank = 0
    for j in range(A.shape[1] if len(A) else 0):
        below = np.flatnonzero(A[rank:, j])
        if len(below) == 0:
            continue
        A[[rank, rank + below[0]]] = A[[rank + below[0], rank]]
        pivot = A[rank, j:] * pow(int(A[rank, j]), -1, p) % p
        A[rank + 1 :, j:] = (A[rank + 1 :, j:] - A[rank + 1 :, j, None] * pivot) % p
        rank += 1
        if rank == len(A):
            break
    return rank


@cache
def primes() -> list[int]:
    """The primes of a window below 2^31, the largest first."""
    start = BELOW - WINDOW
    is_prime = np.ones(WINDOW, dtype=bool)
    small = np.ones(isqrt(BELOW) + 1, dtype=bool)
    for q in range(2, len(small)):
        if small[q]:
            small[q * q :: q] = False
            is_prime[-start % q :: q] = False
    return [int(one) for one in (start + np.flatnonzero(is_prime))[::-1]]


def same_rows(F: np.ndarray) -> tuple[int, int] | None:
    """Two equal rows of F (N, d), or None where all are distinct: a proof either way."""
    order = np.lexsort([np.zeros(len(F)), *F.T])  # a key of their own for rows without any
    equal = (F[order[1:]] == F[order[:-1]]).all(1)
    found = np.flatnonzero(equal)
    return (int(order[found[0]]), int(order[found[0] + 1])) if len(found) else None


def on_a_line(F: np.ndarray, random: np.random.Generator, clock: Clock) -> tuple[int, int, int] | None:
    """Three rows of F (N, d) on a line, proven; None where none is seen.

    Seen from a point on it, the two others lie in one direction: their projections on a plane have one slope.
    """
    across, up = (F @ random.standard_normal((F.shape[1], 2))).T
    for i in range(len(F) - 2):
        if clock.seconds_left == 0:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = (up[i + 1 :] - up[i]) / (across[i + 1 :] - across[i])
        order = np.argsort(slopes)
        near = np.flatnonzero(np.abs(np.diff(slopes[order])) <= 1e-12 * np.abs(slopes[order[1:]]))
        for one in near:
            triple = (i, i + 1 + int(order[one]), i + 1 + int(order[one + 1]))
            if dependent(F[list(triple)], clock):
                return triple
    return None
