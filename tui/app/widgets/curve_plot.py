"""The one place that draws with textual-plot, and so loads numpy: import it where a plot is drawn."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.message import Message
from textual.strip import Strip
from textual_hires_canvas import Canvas, TextAlign
from textual_plot import HiResMode, NumericAxisFormatter, PlotWidget
from textual_plot.plot_widget import Legend, VLinePlot

from tui.app.widgets.curve_styles import CurveStyle, curve_style, level_sign
from tui.shared.charts.charts import Chart, ChartCurve
from tui.shared.charts.thinning import limits, nearest, pieces, placed

LETTERED = 3  # how often a curve's letter stands on it
ROOM = 0.05  # of the axis, above and below


class Dots(Canvas):
    """A canvas whose blanks have a style: where there are no colours Textual asks every segment for its own."""

    def render_line(self, y: int) -> Strip:
        plain = Style()
        return Strip([Segment(text, style or plain) for text, style, _ in super().render_line(y)])

    def write_text(self, x: int, y: int, text: str, align: TextAlign = TextAlign.LEFT) -> None:
        """A number under a tick near the edge stands beside it, rather than being cut to another number."""
        last = self.size.width - 1
        if align == TextAlign.CENTER and x + Text.from_markup(text).cell_len // 2 > last:
            x, align = last, TextAlign.RIGHT
        super().write_text(x, y, text, align)


class Plot(PlotWidget, inherit_bindings=False):
    """textual-plot's widget with our canvases, our margins and none of its keys."""

    DEFAULT_CSS = """
    Plot { height: 1fr; }
    Plot > .plot--axis { color: $foreground-muted; }
    Plot:focus > .plot--axis { color: $foreground; }
    Plot > .plot--tick { color: $foreground; text-style: none; }
    """

    def compose(self) -> ComposeResult:
        with Grid():
            for name in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield Dots(1, 1, id=name)
        yield Legend(id="legend")

    def on_mount(self) -> None:
        self.margin_top, self.margin_bottom, self.margin_left = 0, 1, 9

    def _render_y_ticks(self) -> None:
        """Where the plot is so low that two labels would stand on one row, the lower value's stands there alone."""
        usual = self._y_formatter
        rows: dict[int, tuple[float, str]] = {}
        for tick, label in zip(*usual.get_ticks_and_labels(self._y_min, self._y_max), strict=True):
            _, row = self.get_pixel_from_coordinate(0.0, tick)
            rows.setdefault(row + (tick == self._y_min), (tick, label))
        self._y_formatter = FixedTicks(list(rows.values()))
        super()._render_y_ticks()
        self._y_formatter = usual


class CurvePlot(Plot):
    """A chart with a cursor; every curve has a letter where there are several."""

    HELP = "Left and right move the cursor, + and - zoom, r shows everything again."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Cursor", key_display="←→"),
        Binding("right,l", "step(1)", "Cursor right", show=False),
        Binding("shift+left,H", "step(-10)", "Cursor far left", show=False),
        Binding("shift+right,L", "step(10)", "Cursor far right", show=False),
        Binding("home", "edge(0)", "First point", show=False),
        Binding("end", "edge(-1)", "Last point", show=False),
        Binding("up,k", "pan_up", "Pan up", show=False),
        Binding("down,j", "pan_down", "Pan down", show=False),
        Binding("plus,equals_sign", "zoom_x_in", "Zoom", key_display="+-"),
        Binding("minus", "zoom_x_out", "Zoom out", show=False),
        Binding("r", "reset_scales", "Whole", show=False),
    ]

    @dataclass
    class Pointed(Message):
        """The cursor stands at `x`."""

        x: float

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CurvePlot.Pointed)

    def __init__(self) -> None:
        super().__init__(id="curves")
        self.chart = Chart("", "", "")
        self.logarithmic = False
        self.cursor: float | None = None
        self.xs: list[float] = []

    def show(self, chart: Chart, *, logarithmic: bool) -> None:
        """Draw another chart; the zoom stays where the curves are the same ones, grown."""
        fresh = [one.label for one in chart.curves] != [one.label for one in self.chart.curves]
        fresh = fresh or logarithmic != self.logarithmic
        self.chart, self.logarithmic = chart, logarithmic
        curves = [curve for curve in chart.drawable if not curve.level]
        self.xs = sorted({x for curve in curves for x, _ in curve.finite})
        if self.cursor is not None and not (self.xs and self.xs[0] <= self.cursor <= self.xs[-1]):
            self.cursor = None
        zoomed = None if fresh or self._auto_x_min or self._x_min == self._user_x_min else self._window()
        self._formatted()
        self._fit(chart)
        if zoomed is not None:
            self._x_min, self._x_max, self._y_min, self._y_max = zoomed
        self.redraw()

    def _formatted(self) -> None:
        self.set_x_formatter(WholeTicks() if all(x.is_integer() for x in self.xs) else FigureTicks())
        self.set_y_formatter(PowerTicks() if self.logarithmic else FigureTicks())

    def _fit(self, chart: Chart) -> None:
        ys = [placed(y, logarithmic=self.logarithmic) for curve in chart.drawable for _, y in curve.finite]
        self.set_xlimits(*limits(self.xs))
        self.set_ylimits(*limits([y for y in ys if y is not None], ROOM))

    def _window(self) -> tuple[float, float, float, float]:
        return self._x_min, self._x_max, self._y_min, self._y_max

    @property
    def visible_range(self) -> tuple[float, float]:
        """The part of the x axis that can be seen."""
        return self._x_min, self._x_max

    @property
    def columns(self) -> int:
        return max(self._scale_rectangle.width, 1)

    @on(PlotWidget.ScaleChanged)
    def redraw(self) -> None:
        """Draw what can be seen of the curves, thinned to the columns there are."""
        self.clear()
        several = sum(not curve.level and not curve.dots for curve in self.chart.drawable) > 1
        for curve in (one for one in self.chart.drawable if one.level):
            self._draw_level(curve, level_sign(self.chart, curve))
        drawn = [curve for curve in self.chart.drawable if not curve.level]
        for curve in reversed(drawn):  # the first on top
            self._draw(curve, curve_style(self.chart, curve), lettered=several)
        self._draw_cursor()

    def _draw_cursor(self) -> None:
        """The line alone: what lies under it stays as it is."""
        self._v_lines = [] if self.cursor is None else [VLinePlot(self.cursor, "bold bright_white")]
        self._v_lines_labels = [None] * len(self._v_lines)
        self._rerender()

    def _draw_level(self, curve: ChartCurve, sign: str) -> None:
        step = (self._x_max - self._x_min) / self.columns
        xs = [self._x_min + (i + 0.5) * step for i in range(self.columns)]
        heights = ((x, curve.height(x)) for x in xs)
        found = [(x, placed(y, logarithmic=self.logarithmic)) for x, y in heights if y is not None]
        there = [(x, y) for x, y in found if y is not None]
        if there:
            self.scatter([x for x, _ in there], [y for _, y in there], sign, "bright_white")

    def _draw(self, curve: ChartCurve, style: CurveStyle, *, lettered: bool) -> None:
        parts = pieces(curve, self._x_min, self._x_max, self.columns * 2, logarithmic=self.logarithmic)
        for part in parts:
            xs, ys = [x for x, _ in part], [y for _, y in part]
            if curve.dots:
                self.scatter(xs, ys, "·", style.colour)
            elif len(part) == 1:
                self.scatter(xs, ys, "•", style.colour)
            else:
                self.plot(xs, ys, style.colour, HiResMode.BRAILLE)
        seen = [point for part in parts for point in part if self._x_min <= point[0] <= self._x_max]
        if lettered and seen and not curve.dots:
            places = [seen[int(len(seen) * (i + style.offset) / LETTERED)] for i in range(LETTERED)]
            self.scatter([x for x, _ in places], [y for _, y in places], style.letter, f"bold {style.colour}")

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def action_step(self, steps: int) -> None:
        """Move the cursor by points that stand in columns of their own."""
        if not self.xs:
            return
        column = (self._x_max - self._x_min) / self.columns
        x = self.cursor if self.cursor is not None else self.xs[0 if steps > 0 else -1]
        for _ in range(abs(steps)):
            x = _further(self.xs, x, math.copysign(column / 2, steps))
        self.point_at(x)

    def action_edge(self, place: int) -> None:
        if self.xs:
            self.point_at(self.xs[place])

    @on(events.MouseMove)
    def hover(self, event: events.MouseMove) -> None:
        canvas = self.query_one("#plot")
        if event.button == 0 and self.xs and canvas.region.contains(event.screen_x, event.screen_y):
            x, _ = self.get_coordinate_from_pixel(event.screen_x - canvas.region.x, 0)
            self.point_at(nearest(self.xs, x))

    def point_at(self, x: float) -> None:
        """Put the cursor there."""
        if x != self.cursor:
            self.cursor = x
            self._draw_cursor()
            self.post_message(self.Pointed(x))


def _further(xs: Sequence[float], x: float, distance: float) -> float:
    """The next of sorted values in a direction, at least so far away; else the last one there."""
    if distance > 0:
        return xs[min(bisect_left(xs, x + distance), len(xs) - 1)]
    return xs[max(bisect_right(xs, x + distance) - 1, 0)]


class FixedTicks(NumericAxisFormatter):
    """Ticks that were chosen before, with their labels."""

    def __init__(self, chosen: Sequence[tuple[float, str]]) -> None:
        self.chosen = chosen

    def get_ticks_and_labels(self, *_: float) -> tuple[list[float], list[str]]:
        return [tick for tick, _ in self.chosen], [label for _, label in self.chosen]


class FigureTicks(NumericAxisFormatter):
    """Ticks with as many figures as tell them apart, however large or small."""

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        if len(ticks) < 2:
            return [f"{tick:.3g}" for tick in ticks]
        apart = ticks[1] - ticks[0]
        figures = math.ceil(math.log10(max(abs(tick) for tick in ticks) / apart)) + 1
        return [f"{round(tick / apart) * apart:.{max(figures, 1)}g}" for tick in ticks]


class WholeTicks(FigureTicks):
    """Ticks at whole numbers, such as layers and epochs, unless none is in sight."""

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        ticks = super().get_ticks(min_, max_, max_ticks)
        return [tick for tick in ticks if float(tick).is_integer()] or ticks

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        whole = all(float(tick).is_integer() for tick in ticks)
        return [f"{tick:.0f}" for tick in ticks] if whole else super().get_labels_for_ticks(ticks)


class PowerTicks(NumericAxisFormatter):
    """Ticks of values that are log10 of what their labels say."""

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        powers = range(math.ceil(min_), math.floor(max_) + 1)
        if len(powers) >= 3:
            return [float(one) for one in powers[:: math.ceil(len(powers) / max_ticks)]]
        between = [
            math.log10(digit) + power for power in range(math.floor(min_), math.ceil(max_)) for digit in (1, 2, 5)
        ]
        found = [one for one in between if min_ <= one <= max_]
        return found if len(found) >= 2 else super().get_ticks(min_, max_, max_ticks)

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [_power(tick) for tick in ticks]


def _power(tick: float) -> str:
    """0.001, 0.5, 1000, 1e5, 2e-7."""
    if abs(tick) >= 300:
        return f"1e{tick:.0f}"
    if -4 < tick < 5:
        return f"{float(f'{10**tick:.3g}'):g}"
    figures, _, power = f"{10**tick:.2e}".partition("e")
    return f"{float(figures):g}e{int(power)}"
