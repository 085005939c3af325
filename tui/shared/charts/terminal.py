"""A chart in characters: dots of Braille, two by four to a cell, in the terminal's own colours.

Where there are no colours or no Braille, every curve has a sign of its own.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from tui.shared.charts.charts import Chart, ChartCurve, Point, legend_text
from tui.shared.formatting import clean

COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")
SIGNS = "*o+x#@"
LEVEL_SIGNS = "-=~"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # [row][column] in a Braille cell
BRAILLE = 0x2800
TICKS = 5
LEAST = (30, 8)  # columns and rows below which nothing could be seen
MOST_LABELS = 12


@dataclass(frozen=True)
class TerminalFormat:
    """Size in characters, and what the terminal can show."""

    width: int
    height: int
    colours: bool
    braille: bool


@dataclass(frozen=True)
class AxisScale:
    """From values to places between 0 and 1."""

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def over(cls, values: list[float], *, logarithmic: bool) -> "AxisScale":
        low, high = min(values), max(values)
        if low == high:
            room = abs(low) / 10 or 1.0
            return cls(low - room, high + room)
        return cls(low, high, logarithmic)

    def position_of(self, value: float) -> float:
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, position: float) -> float:
        if self.logarithmic:
            return float(self.low * (self.high / self.low) ** position)
        return self.low + position * (self.high - self.low)


class Canvas:
    """A grid of dots; each cell belongs to the curve that drew there last."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.dots = [[0] * width for _ in range(height)]
        self.owner = [[-1] * width for _ in range(height)]

    def draw(self, x: float, y: float, owner: int) -> None:
        """A dot at a place in the unit square, y upwards."""
        column = min(int(x * self.width * 2), self.width * 2 - 1)
        row = min(int((1 - y) * self.height * 4), self.height * 4 - 1)
        self.dots[row // 4][column // 2] |= DOTS[row % 4][column % 2]
        self.owner[row // 4][column // 2] = owner


def lines(chart: Chart, terminal: TerminalFormat) -> Iterator[Text]:
    """The chart, line by line."""
    curves = sorted(chart.drawable, key=lambda curve: not curve.level)  # curves over levels
    axis = AxisScale.over([y for curve in curves for _, y in curve.finite], logarithmic=chart.logarithmic)
    across = AxisScale.over(
        [x for curve in curves if not curve.level for x, _ in curve.finite] or [0, 1], logarithmic=False
    )
    width, height = max(terminal.width, LEAST[0]), max(terminal.height - 3 - min(len(curves), MOST_LABELS), LEAST[1])
    ticks = {round(i * (height - 1) / (TICKS - 1)): f"{axis.value(1 - i / (TICKS - 1)):.3g}" for i in range(TICKS)}
    margin = max(len(tick) for tick in ticks.values())
    canvas = Canvas(width - margin - 3, height)
    for number in sorted(range(len(curves)), key=lambda one: (not curves[one].level, -one)):  # the first on top
        for x, y in _dots(curves[number], across, axis, canvas):
            canvas.draw(x, y, number)
    scale = ", logarithmic" if axis.logarithmic else ""
    yield Text(clean(f"{chart.title}: {chart.y}{scale}{chart.named_lacking}"), style="bold")
    bar = "│" if terminal.braille else "|"
    for row in range(height):
        yield Text(f"{ticks.get(row, ''):>{margin}} {bar}").append_text(_row(canvas, row, curves, terminal))
    yield _foot(chart, across, margin, canvas.width)
    yield from _legend(curves, terminal)


def _dots(curve: ChartCurve, across: AxisScale, axis: AxisScale, canvas: Canvas) -> Iterator[Point]:
    """Places of the dots that a curve is made of: straight between neighbours, nothing over a gap."""
    if curve.level:
        places = [i / (canvas.width * 2) for i in range(0, canvas.width * 2, 1 if curve.proven else 3)]
        heights = (curve.height(across.value(x)) for x in places)
        yield from ((x, axis.position_of(y)) for x, y in zip(places, heights, strict=True) if y is not None)
        return
    before: Point | None = None
    for point in curve.points:
        here = None if point is None else (across.position_of(point[0]), axis.position_of(point[1]))
        if here is not None:
            yield from between(before or here, here, canvas)
        before = None if curve.dots else here


def between(a: Point, b: Point, canvas: Canvas) -> Iterator[Point]:
    """Places of the dots of a line, both ends among them."""
    steps = max(1, math.ceil(max(abs(b[0] - a[0]) * canvas.width * 2, abs(b[1] - a[1]) * canvas.height * 4)))
    for i in range(steps + 1):
        yield a[0] + (b[0] - a[0]) * i / steps, a[1] + (b[1] - a[1]) * i / steps


def _row(canvas: Canvas, row: int, curves: list[ChartCurve], terminal: TerminalFormat) -> Text:
    text = Text()
    for dots, owner in zip(canvas.dots[row], canvas.owner[row], strict=True):
        if owner < 0:
            text.append(" ")
        else:
            text.append(_sign(dots, owner, curves, terminal), style=_style(owner, curves))
    text.rstrip()
    return text


def _sign(dots: int, owner: int, curves: list[ChartCurve], terminal: TerminalFormat) -> str:
    if terminal.braille and (terminal.colours or len(curves) == 1):
        return braille(dots)
    return _own_sign(owner, curves)


def braille(dots: int) -> str:
    """The sign of a cell's dots."""
    return chr(BRAILLE + dots)


def _own_sign(owner: int, curves: list[ChartCurve]) -> str:
    before = sum(curve.level == curves[owner].level for curve in curves[:owner])
    signs = LEVEL_SIGNS if curves[owner].level else SIGNS
    return signs[before % len(signs)]


def _line_sign(curve: ChartCurve) -> str:
    return ("──" if curve.proven else "┄┄") if curve.level else "━━"


def _style(owner: int, curves: list[ChartCurve]) -> str:
    colour = COLOURS[sum(not curve.level for curve in curves[:owner]) % len(COLOURS)]
    return "dim" if curves[owner].level else colour


def _foot(chart: Chart, across: AxisScale, margin: int, width: int) -> Text:
    first, last = f"{across.low:.4g}", f"{across.high:.4g}"
    middle = chart.x.center(max(width - len(first) - len(last), len(chart.x) + 2))
    return Text(f"{'':>{margin}}  {first}{middle}{last}")


def _legend(curves: list[ChartCurve], terminal: TerminalFormat) -> Iterator[Text]:
    order = sorted(range(len(curves)), key=lambda number: curves[number].level)
    for number in order[:MOST_LABELS]:
        own = not (terminal.braille and (terminal.colours or len(curves) == 1))
        sign = _own_sign(number, curves) if own else _line_sign(curves[number])
        yield Text("  ").append(sign, style=_style(number, curves)).append(f" {legend_text(curves[number])}")
    if len(order) > MOST_LABELS:
        yield Text(f"  and {len(order) - MOST_LABELS} more")
