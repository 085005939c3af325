"""Charts: labelled curves. Made in from_catalogue.py; drawn by terminal.py, figure.py and the widgets."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from tui.shared.formatting import clean, number

WIDE = 20.0  # a range of more than this, largest over smallest, is drawn on a logarithmic axis
Point = tuple[float, float]


@dataclass(frozen=True)
class ChartCurve:
    """Points in order of x; None stands where the curve is broken. A `level` is a thin line across, or steps of one.

    `dots`: nothing joins the points. `part`: what of, "train" or "test", where that is asked for. `proven`, of a level:
    the train loss is proven to stay below it, whatever lies between the points that were looked at.
    """

    label: str
    points: tuple[Point | None, ...]
    level: bool = False
    dots: bool = False
    part: str = ""
    proven: bool = False

    @cached_property
    def finite(self) -> list[Point]:
        return [point for point in self.points if point is not None]

    def at(self, x: float) -> float | None:
        """The value at the point nearest to x; None beyond the curve's ends."""
        points = self.finite
        if not points or not points[0][0] <= x <= points[-1][0]:
            return None
        after = bisect_left(points, x, key=lambda point: point[0])
        return min(points[max(after - 1, 0) : after + 1], key=lambda point: abs(point[0] - x))[1]

    def height(self, x: float) -> float | None:
        """Of a level how high it is at x: everywhere the same, or that of the step there, None where there is none."""
        if len(self.finite) == 2:
            return self.finite[0][1]
        steps = ((a, b) for a, b in pairwise(self.points) if a is not None and b is not None)
        return next((a[1] for a, b in steps if a[0] <= x <= b[0]), None)


@dataclass(frozen=True)
class ChartSegment:
    """A piece of the x axis: one segment of a path, and why the loss on it is known."""

    start: float
    end: float
    claim: str
    text: str


@dataclass(frozen=True)
class Chart:
    """Curves over one pair of axes; `stretches` cut the x axis of a path into its segments.

    `lacking` are the numbers of the rows that have no curve here, since they measured something else.
    """

    title: str
    x: str
    y: str
    curves: tuple[ChartCurve, ...] = field(default=())
    stretches: tuple[ChartSegment, ...] = ()
    lacking: tuple[int, ...] = ()

    @cached_property
    def drawable(self) -> tuple[ChartCurve, ...]:
        return tuple(curve for curve in self.curves if curve.finite)

    @cached_property
    def logarithmic(self) -> bool:
        """Whether the values are all positive and far apart."""
        values = [y for curve in self.curves for _, y in curve.finite]
        return bool(values) and min(values) > 0 and max(values) / min(values) > WIDE

    @property
    def named_lacking(self) -> str:
        """What to say of the rows that have no curve here."""
        if not self.lacking:
            return ""
        return f"; {', '.join(map(str, self.lacking))} {'have' if len(self.lacking) > 1 else 'has'} none"

    def without(self, *parts: str) -> "Chart":
        return replace(self, curves=tuple(curve for curve in self.curves if curve.part not in parts))


def curve(label: str, xs: Sequence[float | None], ys: Sequence[float | None], **looks: Any) -> ChartCurve:
    """A curve that is broken where a value is missing or not finite."""
    points = [
        (float(x), float(y)) if x is not None and y is not None and math.isfinite(x) and math.isfinite(y) else None
        for x, y in zip(xs, ys, strict=True)
    ]
    return ChartCurve(clean(label), tuple(points), **looks)


def level(label: str, *ys: float | None, **looks: Any) -> ChartCurve:
    """A line across; of several values as many steps of one length, those that are missing or not finite left out."""
    points: list[Point | None] = []
    for i, y in enumerate(ys):
        if y is not None and math.isfinite(y):
            points += [(i / len(ys), y), ((i + 1) / len(ys), y), None]
    return ChartCurve(clean(label), tuple(points[:-1]), level=True, **looks)


def legend_text(curve: ChartCurve) -> str:
    """For a legend: the curve's name and what it goes through."""
    values = [y for _, y in curve.finite]
    if curve.level and min(values) == max(values):
        return f"{curve.label}: {values[0]:.4g}"
    return f"{curve.label}: {min(values):.4g} to {max(values):.4g}"


def reading(charts: "Sequence[Chart]", x: float) -> list[str]:
    """What can be read off at x: the segment, and the value of every curve at its nearest point."""
    words = [f"{charts[0].x.partition(' ')[0]} {x:.6g}"]
    for place, stretch in enumerate(charts[0].stretches, start=1):
        if stretch.start <= x < stretch.end or x == stretch.end == 1:
            words.append(f"segment {place} of {len(charts[0].stretches)}: {stretch.text}")
    for chart in charts:
        for one in chart.drawable:
            if not one.level and not one.dots:
                y = clean(chart.y)
                name = one.label if y in one.label else f"{one.label} {y}"
                words.append(f"{name} {number(one.at(x))}")
            elif one.proven and (bound := one.height(x)) is not None:
                words.append(f"nowhere above {number(bound)}")
    return words
