"""Charts of some rows, one quantity at a time, read again while their runs go on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.binding import Binding
from textual.widgets import Static

from store import Runs
from store.states import FINISHED
from tui.app.lazy import imported
from tui.app.screens.app_screen import AppScreen
from tui.app.widgets.chart import CURVES, ChartView
from tui.shared.charts.charts import Chart, reading
from tui.shared.charts.from_catalogue import Quantity, charts, fullest
from tui.shared.formatting import clean, flowed

if TYPE_CHECKING:
    from core.engine.client import Client

KEYS = (
    Binding("e", "quantity", "Quantity"),
    Binding("t", "part", "Train/test"),
    Binding("s", "scale", "Scale"),
)
POLL = 1.0  # s between looks at runs that go on
SHARE = 4  # a look that takes long is followed by a pause this much longer
HIDDEN = ("", "test", "train")  # which part is hidden: both are shown first


@dataclass(frozen=True)
class ChartsRead:
    """Charts by quantity, and whether they still grow."""

    charts: dict[Quantity, Chart]
    live: bool


class FollowedCharts:
    """Draws in its screen's ChartView, with its title in #title and the values under the cursor in #reading."""

    def __init__(self, screen: AppScreen[Any], client: "Client", kind: str, ids: Sequence[int]) -> None:
        self._screen, self._client = screen, client
        self.kind, self.ids = kind, ids
        self.seen = ChartsRead({}, live=False)
        self.quantity: Quantity | None = None
        self.hidden = "test" if len(ids) > 1 else ""
        self._asked = 0.0

    @property
    def has_parts(self) -> bool:
        """Whether there is a train and a test part."""
        return self.kind in ("paths", "bounds")

    @property
    def _view(self) -> ChartView:
        return self._screen.query_one(ChartView)

    def read(self) -> None:
        """Read the charts, and draw them once they are there."""
        self._asked = time.monotonic()
        self._screen.ask(lambda: read_charts(self._client, self.kind, self.ids), self._show)

    def _show(self, seen: ChartsRead) -> None:
        """Draw what was read; look again where there will be more."""
        self.seen = seen
        if self.quantity not in seen.charts:
            most = fullest(seen.charts.values())
            self.quantity = next(one for one, chart in seen.charts.items() if chart is most)
        self._draw()
        if self._view.cursor is None and self.kind == "paths":
            self._view.cursor = highest(self.chart)
        self.show_reading()
        if seen.live:
            self._screen.set_timer(max(POLL, SHARE * (time.monotonic() - self._asked)), self.read)

    @property
    def chart(self) -> Chart | None:
        """What is drawn, all parts of it."""
        return None if self.quantity is None else self.seen.charts[self.quantity]

    def _draw(self) -> None:
        view, chart = self._view, self.chart
        if chart is None:
            return
        if view.chart is not None and view.chart.x != chart.x:
            view.cursor = None  # it stood on another axis
        view.chart = chart.without(self.hidden) if self.hidden else chart
        scale = ", logarithmic" if view.is_logarithmic else ""
        going = ", going on" if self.seen.live else ""
        title = f"{chart.title}: {chart.y}{scale}, over {chart.x}{going}{chart.named_lacking}"
        self._screen.query_one("#title", Static).update(clean(title))

    def next_quantity(self) -> None:
        found = list(self.seen.charts)
        if self.quantity is not None:
            self.quantity = found[(found.index(self.quantity) + 1) % len(found)]
            self._draw()

    def next_part(self) -> None:
        self.hidden = HIDDEN[(HIDDEN.index(self.hidden) + 1) % len(HIDDEN)]
        self._draw()

    def toggle_scale(self) -> None:
        self._view.logarithmic = not self._view.is_logarithmic
        self._draw()

    def show_reading(self) -> None:
        """Say what is under the cursor: everything of one row, what is drawn of several."""
        view = self._view
        if view.cursor is not None and view.chart is not None:
            same = [one for one in self.seen.charts.values() if one.x == view.chart.x]  # over the same axis
            charts = same if len(self.ids) == 1 else [view.chart]
            told = flowed(reading(charts, view.cursor), self._screen.size.width - 2)
            self._screen.query_one("#reading", Static).update(told)


def highest(chart: Chart | None) -> float | None:
    """Where the first curve is highest."""
    first = next((one for one in chart.drawable if not one.level), None) if chart else None
    return max(first.finite, key=lambda point: point[1])[0] if first is not None else None


def read_charts(client: "Client", kind: str, ids: Sequence[int]) -> ChartsRead:
    """Read the charts of some rows. Loads textual-plot too, since this happens in a thread."""
    imported(CURVES)
    with client.catalogue.read() as session:
        live = kind == "runs" and any(Runs(session).get(one).state not in FINISHED for one in ids)
        found = charts(client.catalogue, session, kind, ids)
    return ChartsRead({one: chart for one, chart in found.items() if chart.drawable} or found, live)
