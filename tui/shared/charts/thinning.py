"""Curves cut down to what a terminal can show, and values placed on its axes; plain Python."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from tui.shared.charts.charts import ChartCurve, Point

HUGE = 1e300  # beyond it differences overflow


def pieces(curve: ChartCurve, low: float, high: float, columns: int, *, logarithmic: bool) -> list[list[Point]]:
    """The unbroken pieces of a curve between `low` and `high`, at most four points a column.

    On a logarithmic axis y is log10(y), and the curve is broken where y isn't positive.
    """
    found: list[list[Point]] = [[]]
    for point in curve.points:
        y = None if point is None else placed(point[1], logarithmic=logarithmic)
        if point is not None and y is not None:
            found[-1].append((point[0], y))
        elif found[-1]:
            found.append([])
    return [thin for piece in found if (thin := list(_thin(_within(piece, low, high), low, high, columns)))]


def placed(y: float, *, logarithmic: bool) -> float | None:
    """Where a value stands on the axis; None where a logarithmic one has no place for it."""
    if not logarithmic:
        return min(max(y, -HUGE), HUGE)
    return math.log10(y) if y > 0 else None


def limits(values: Sequence[float], room: float = 0.0) -> tuple[float, float]:
    """The ends of an axis for these values, never equal; `room` is added on both sides, as a share."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-280):
        apart = abs(low) / 10 or 1.0
        return low - apart, high + apart
    return low - room * (high - low), high + room * (high - low)


def equal_limits(
    xs: Sequence[float], ys: Sequence[float], width: float, height: float, room: float = 0.0
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of two axes, `width` and `height` long, with one scale for both and all values in the middle."""
    unit = max((max(xs) - min(xs)) / width, (max(ys) - min(ys)) / height) * (1 + 2 * room) or 1.0
    x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    across, up = unit * width / 2, unit * height / 2
    return (x - across, x + across), (y - up, y + up)


def nearest(xs: Sequence[float], x: float) -> float:
    """The nearest of sorted values; of two equally near the first."""
    i = bisect_left(xs, x)
    return min(xs[max(i - 1, 0) : i + 1], key=lambda one: abs(one - x))


def _within(piece: list[Point], low: float, high: float) -> list[Point]:
    """The points between, and one more on both sides, so that lines reach the edge."""
    first = bisect_left(piece, low, key=lambda point: point[0])
    last = bisect_left(piece, high, key=lambda point: point[0])
    return piece[max(first - 1, 0) : last + 2]


def _thin(piece: list[Point], low: float, high: float, columns: int) -> Iterator[Point]:
    """First, lowest, highest and last point of every column."""
    start = 0
    for i in range(1, len(piece) + 1):
        if i == len(piece) or _column(piece[i], low, high, columns) != _column(piece[start], low, high, columns):
            here = piece[start:i]
            if len(here) <= 4:
                yield from here
            else:
                lowest = min(range(len(here)), key=lambda j: here[j][1])
                highest = max(range(len(here)), key=lambda j: here[j][1])
                yield from (here[j] for j in sorted({0, lowest, highest, len(here) - 1}))
            start = i


def _column(point: Point, low: float, high: float, columns: int) -> int:
    return math.floor((point[0] - low) / (high - low) * columns)
