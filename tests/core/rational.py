"""Arithmetic without rounding, written for the tests alone: what proofs are held against."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

Point = tuple[int, int]


def exact(A: np.ndarray) -> list[list[Fraction]]:
    return [[Fraction(one) for one in row] for row in np.asarray(A, dtype=float).tolist()]


def rank(rows: Sequence[Sequence[Fraction]]) -> int:
    """By elimination."""
    left, found = [list(row) for row in rows], 0
    while left and left[0]:
        pivot = next((row for row in left if row[0]), None)
        if pivot is not None:
            left.remove(pivot)
            left = [[b - row[0] / pivot[0] * a for a, b in zip(pivot, row, strict=True)] for row in left]
            found += 1
        left = [row[1:] for row in left]
    return found


def affine_rank(points: np.ndarray) -> int:
    """Dimension of the smallest flat that holds points (m, d)."""
    rows = exact(points)
    return rank([[a - b for a, b in zip(row, rows[0], strict=True)] for row in rows[1:]])


def solved(A: list[list[Fraction]], b: list[Fraction]) -> list[Fraction]:
    """x with A x = b, A square and regular."""
    rows = [[*row, one] for row, one in zip(A, b, strict=True)]
    for j in range(len(rows)):
        i = next(i for i in range(j, len(rows)) if rows[i][j])
        rows[j], rows[i] = rows[i], [one / rows[i][j] for one in rows[j]] if i == j else rows[j]
        rows[j] = [one / rows[j][j] for one in rows[j]]
        rows = [
            row if k == j else [a - row[j] * p for a, p in zip(row, rows[j], strict=True)] for k, row in enumerate(rows)
        ]
    return [row[-1] for row in rows]


def hulls_meet_in_the_plane(first: Sequence[Point], second: Sequence[Point]) -> bool:
    """Whether the convex hulls of whole points meet (Kirchberger 1903: four points are enough to tell)."""
    for some, others in ((first, second), (second, first)):
        for point in some:
            if point in others or any(_on_segment(point, *pair) for pair in combinations(others, 2)):
                return True
            if any(_in_triangle(point, *corners) for corners in combinations(others, 3)):
                return True
    return any(_cross(*one, *two) for one in combinations(first, 2) for two in combinations(second, 2))


def _turn(a: Point, b: Point, c: Point) -> int:
    value = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (value > 0) - (value < 0)


def _on_segment(p: Point, a: Point, b: Point) -> bool:
    inside = all(min(a[i], b[i]) <= p[i] <= max(a[i], b[i]) for i in (0, 1))
    return inside and _turn(a, b, p) == 0


def _in_triangle(p: Point, a: Point, b: Point, c: Point) -> bool:
    turns = {_turn(a, b, p), _turn(b, c, p), _turn(c, a, p)}
    return len(turns) == 1 and 0 not in turns


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0
