"""One chart that fills the screen: losses along paths, training curves, bounds layer by layer."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.types import CSSPathType
from textual.widgets import Static

from tui.app.screens.beads import BeadsScreen
from tui.app.screens.client_screen import ClientScreen
from tui.app.widgets.chart import ChartView
from tui.app.widgets.keys import Keys
from tui.shared.charts.charts import Chart, reading
from tui.shared.charts.from_catalogue import CHARTS, Quantity, fullest, quantities
from tui.shared.formatting import clean, flowed

if TYPE_CHECKING:
    from core.engine.client import Client


POLL = 1.0  # s between looks at runs that go on
SHARE = 4  # a look that takes long is followed by a pause this much longer
HIDDEN = ("", "test", "train")  # which part is hidden: both are shown first


@dataclass(frozen=True)
class Seen:
    """Charts by quantity, and whether they still grow."""

    charts: dict[Quantity, Chart]
    live: bool


class PlotScreen(ClientScreen[None]):
    """Draws rows of the catalogue, and follows runs while they go."""

    CSS_PATH: ClassVar[CSSPathType | None] = "plot.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "quantity", "Quantity"),
        Binding("t", "part", "Train/test"),
        Binding("s", "scale", "Scale"),
        Binding("b", "beads", "Beads"),
    ]

    quantity: reactive[Quantity | None] = reactive(None)
    hidden: reactive[str] = reactive("")

    def __init__(self, client: "Client", kind: str, ids: Sequence[int]) -> None:
        super().__init__(client)
        self.kind, self.ids = kind, list(dict.fromkeys(ids))
        self.set_reactive(PlotScreen.hidden, "test" if len(self.ids) > 1 else "")
        self.seen = Seen({}, live=False)
        self.asked = 0.0

    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield ChartView()
        yield Static(id="reading", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        self.look()

    def look(self) -> None:
        self.asked = time.monotonic()
        self.ask(lambda: look(self.client, self.kind, self.ids), self.show)

    def show(self, seen: Seen) -> None:
        """Draw what was read; look again where there will be more."""
        self.seen = seen
        if self.quantity not in seen.charts:
            most = fullest(seen.charts.values())
            quantity = next(one for one, chart in seen.charts.items() if chart is most)
            self.set_reactive(PlotScreen.quantity, quantity)
        self.draw()
        view = self.query_one(ChartView)
        if view.cursor is None and self.kind == "paths":
            view.cursor = highest(self.chart)
        self.read_off()
        if seen.live:
            self.set_timer(max(POLL, SHARE * (time.monotonic() - self.asked)), self.look)

    @property
    def chart(self) -> Chart | None:
        """What is drawn, all parts of it."""
        return None if self.quantity is None else self.seen.charts[self.quantity]

    def draw(self) -> None:
        view, chart = self.query_one(ChartView), self.chart
        if chart is None:
            return
        if view.chart is not None and view.chart.x != chart.x:
            view.cursor = None  # it stood on another axis
        view.chart = chart.without(self.hidden) if self.hidden else chart
        scale = ", logarithmic" if view.is_logarithmic else ""
        going = ", going on" if self.seen.live else ""
        title = f"{chart.title}: {chart.y}{scale}, over {chart.x}{going}{chart.named_lacking}"
        self.query_one("#title", Static).update(clean(title))

    def watch_quantity(self) -> None:
        self.draw()

    def watch_hidden(self) -> None:
        self.draw()

    def action_quantity(self) -> None:
        found = list(self.seen.charts)
        if self.quantity is not None:
            self.quantity = found[(found.index(self.quantity) + 1) % len(found)]

    def action_part(self) -> None:
        self.hidden = HIDDEN[(HIDDEN.index(self.hidden) + 1) % len(HIDDEN)]

    def action_scale(self) -> None:
        view = self.query_one(ChartView)
        view.logarithmic = not view.is_logarithmic
        self.draw()

    def action_beads(self) -> None:
        self.app.push_screen(BeadsScreen(self.client, self.ids[0]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only one path has beads to show, only paths have a train and a test part."""
        if action == "beads":
            return self.kind == "paths" and len(self.ids) == 1
        return action != "part" or self.kind in ("paths", "bounds")

    def on_curve_plot_pointed(self) -> None:
        self.read_off()

    def on_resize(self) -> None:
        self.read_off()

    def read_off(self) -> None:
        """Say what is under the cursor: everything of one row, what is drawn of several."""
        view = self.query_one(ChartView)
        if view.cursor is not None and view.chart is not None:
            same = [one for one in self.seen.charts.values() if one.x == view.chart.x]  # over the same axis
            charts = same if len(self.ids) == 1 else [view.chart]
            self.query_one("#reading", Static).update(flowed(reading(charts, view.cursor), self.size.width - 2))


def highest(chart: Chart | None) -> float | None:
    """Where the first curve is highest."""
    first = next((one for one in chart.drawable if not one.level), None) if chart else None
    return max(first.finite, key=lambda point: point[1])[0] if first is not None else None


def look(client: "Client", kind: str, ids: Sequence[int]) -> Seen:
    """Read the charts of some rows. Loads textual-plot too, since this happens in a thread."""
    import tui.app.widgets.curve_plot  # noqa: F401
    from store import Runs
    from store.states import FINISHED

    with client.catalogue.read() as session:
        live = kind == "runs" and any(Runs(session).get(one).state not in FINISHED for one in ids)
        charts = {name: CHARTS[kind](session, ids, name) for name in quantities(session, kind, ids)}
    return Seen({one: chart for one, chart in charts.items() if chart.drawable} or charts, live)
