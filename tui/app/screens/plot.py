"""One chart that fills the screen: losses along paths, training curves, bounds layer by layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from tui.app.screens.app_screen import BACK, AppScreen
from tui.app.screens.beads import BeadsScreen
from tui.app.screens.followed_charts import KEYS, FollowedCharts
from tui.app.widgets.chart import ChartView
from tui.app.widgets.keys import Keys

if TYPE_CHECKING:
    from core.engine.client import Client


class PlotScreen(AppScreen[None]):
    """Draws rows of the catalogue, and follows runs while they go."""

    CSS_PATH = "plot.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [BACK, *KEYS, Binding("b", "beads", "Beads")]

    def __init__(self, client: "Client", kind: str, ids: Sequence[int]) -> None:
        super().__init__()
        self.client = client
        self.charts = FollowedCharts(self, client, kind, list(dict.fromkeys(ids)))

    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield ChartView()
        yield Static(id="reading", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        self.charts.read()

    def action_quantity(self) -> None:
        self.charts.next_quantity()

    def action_part(self) -> None:
        self.charts.next_part()

    def action_scale(self) -> None:
        self.charts.toggle_scale()

    def action_beads(self) -> None:
        self.app.push_screen(BeadsScreen(self.client, self.charts.ids[0]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only one path has beads to show, only paths and bounds have a train and a test part."""
        if action == "beads":
            return self.charts.kind == "paths" and len(self.charts.ids) == 1
        return action != "part" or self.charts.has_parts

    def on_curve_plot_pointed(self) -> None:
        self.charts.show_reading()

    def on_resize(self) -> None:
        self.charts.show_reading()
