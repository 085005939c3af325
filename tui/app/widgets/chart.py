"""A chart with its legend and the claims of a path's segments; textual-plot is loaded when one is shown."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.reactive import reactive
from textual.widgets import Static

from tui.app.lazy import imported
from tui.app.widgets.curve_styles import curve_style, level_sign
from tui.shared.charts.charts import Chart, ChartSegment, legend_text
from tui.shared.formatting import GAP, clean

if TYPE_CHECKING:
    from tui.app.widgets.curve_plot import CurvePlot

CURVES = "tui.app.widgets.curve_plot:CurvePlot"  # loads numpy
LEAST = (24, 5)  # columns and rows below which nothing could be seen
CLAIMS = {
    "invariant": "=",
    "convex": "u",
    "data-invariant": "~",
    "identity": "≡",
    "bounded": "<",
    "enclosed": "^",
    "sampled": "·",
}
MARGIN = 10  # columns left of a plot's first
NARROWEST = 3  # columns of segments that get borders


class ChartView(Vertical):
    """Shows `chart`; `logarithmic` None means where the values lie far apart."""

    DEFAULT_CSS = """
    ChartView { height: 1fr; }
    ChartView #nothing { color: $foreground-muted; padding: 0 1; }
    ChartView #claims { height: 2; }
    ChartView #names { height: auto; max-height: 40%; padding: 0 1; scrollbar-size-vertical: 1; }
    ChartView #names:focus { background: $boost; }
    ChartView #key { height: auto; }
    """

    chart: reactive[Chart | None] = reactive(None)
    logarithmic: reactive[bool | None] = reactive(None)
    cursor: reactive[float | None] = reactive(None)

    def compose(self) -> ComposeResult:
        yield Static("reading ...", id="nothing", markup=False)
        yield Static(id="claims", markup=False)
        with VerticalScroll(id="names", can_focus=False):
            yield Static(id="key", markup=False)

    @property
    def plot(self) -> "CurvePlot | None":
        return next((child for child in self.children if child.id == "curves"), None)  # type: ignore[return-value]

    @property
    def is_logarithmic(self) -> bool:
        if self.logarithmic is None:
            return self.chart is not None and self.chart.logarithmic
        return self.logarithmic

    async def watch_chart(self) -> None:
        if self.chart is not None and self.plot is None:
            plot: CurvePlot = imported(CURVES)()
            await self.mount(plot, before=0)
            plot.focus()
        self._draw()

    def watch_logarithmic(self) -> None:
        self._draw()

    def watch_cursor(self) -> None:
        if self.plot is not None and self.cursor is not None:
            self.plot.point_at(self.cursor)

    def on_curve_plot_pointed(self, message: "CurvePlot.Pointed") -> None:
        self.cursor = message.x

    def on_resize(self) -> None:
        self._arrange()

    def on_plot_widget_scale_changed(self) -> None:
        self._draw_claims()

    def _draw(self) -> None:
        if self.chart is not None and self.plot is not None:
            self.plot.show(self.chart, logarithmic=self.is_logarithmic)
            self._arrange()
            self.watch_cursor()

    def _arrange(self) -> None:
        """Show what there is room for."""
        if self.chart is None or self.plot is None:
            return
        small = self.size.width < LEAST[0] or self.size.height < LEAST[1]
        empty = all(one.level for one in self.chart.drawable)
        nothing = self.query_one("#nothing", Static)
        nothing.update(f"no finite {clean(self.chart.y)} to draw yet" if empty else "too small to draw")
        nothing.display = small or empty
        self.plot.display = not nothing.display
        roomy = self.plot.display and self.size.height >= 2 * LEAST[1]
        self.query_one("#key", Static).update(_in_columns(list(_legend(self.chart)), self.size.width - 3))
        self.query_one("#names").display = roomy
        if self.plot.display and self.screen.focused is None:
            self.plot.focus()
        self.query_one("#claims").display = roomy and bool(self.chart.stretches)
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        if not self.query("#names"):
            return  # the screen was left before it was drawn
        names = self.query_one("#names")
        names.can_focus = names.max_scroll_y > 0  # only to see what there is no room for
        self._draw_claims()

    def _draw_claims(self) -> None:
        """The claims below the part of the x axis that can be seen."""
        if self.chart is not None and self.plot is not None and self.chart.stretches:
            row = claims_row(self.chart.stretches, self.plot.visible_range, self.plot.columns)
            told = "   ".join(
                f"{sign(name)} {name}" for name in dict.fromkeys(one.claim for one in self.chart.stretches)
            )
            text = Text(" " * MARGIN + row + "\n" + " " * MARGIN, no_wrap=True).append(f"segments: {told}", "dim")
            self.query_one("#claims", Static).update(text)


def sign(claim: str) -> str:
    return CLAIMS.get(claim, "?")


def claims_row(stretches: Sequence[ChartSegment], shown: tuple[float, float], columns: int) -> str:
    """One sign a column for the claim of the segment there; a bar where a segment begins, if they are wide."""
    low, high = shown
    places = [low + (i + 0.5) * (high - low) / columns for i in range(columns)]
    segments = [next((one for one in stretches if one.start <= x < one.end), None) for x in places]
    wide = len(set(map(id, segments))) * NARROWEST <= columns
    return "".join(
        " " if one is None else "|" if wide and i and one is not segments[i - 1] else sign(one.claim)
        for i, one in enumerate(segments)
    )


def _in_columns(texts: Sequence[Text], width: int) -> Text:
    """As many beside each other as fit, read from left to right."""
    if not texts:
        return Text()
    widest = max(text.cell_len for text in texts)
    beside = max((width + len(GAP)) // (widest + len(GAP)), 1)
    lines = []
    for first in range(0, len(texts), beside):
        line = texts[first : first + beside]
        for text in line[:-1]:
            text.pad_right(widest - text.cell_len)
        lines.append(Text(GAP).join(line))
    return Text("\n").join(lines)


def _legend(chart: Chart) -> Iterator[Text]:
    """A line for every curve: its letter, its colour, its name and what it goes through."""
    levels = [one for one in chart.drawable if one.level]
    others = [one for one in chart.drawable if not one.level]
    lines = sum(not one.dots for one in others)
    for one in [*others, *levels]:
        text = Text()
        if one.level:
            text.append(level_sign(chart, one) * 2)
        else:
            seen = curve_style(chart, one)
            text.append(seen.letter if lines > 1 and not one.dots else "", f"bold {seen.colour}")
            text.append("··" if one.dots else "━━", seen.colour)
        yield text.append(f" {legend_text(one)}")
