"""Several rows in one chart and side by side: the options that differ, and the outcomes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.types import CSSPathType
from textual.widgets import Static

from tui.app.screens.app_screen import BACK, AppScreen
from tui.app.screens.followed_charts import KEYS, FollowedCharts
from tui.app.widgets.chart import ChartView
from tui.app.widgets.keys import Keys
from tui.app.widgets.row_table import CellTable, put
from tui.shared.comparison import Comparison, cell_texts, compare_rows
from tui.shared.formatting import clean

if TYPE_CHECKING:
    from core.engine.client import Client

MOST = 12  # what can be told apart in one chart


class CompareScreen(AppScreen[None]):
    """Two to twelve runs, models, paths or bounds."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["plot.tcss", "compare.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [BACK, *KEYS]

    def __init__(self, client: "Client", kind: str, ids: Sequence[int]) -> None:
        super().__init__()
        chosen = list(dict.fromkeys(ids))
        self.client, self.left_out = client, len(chosen) - MOST
        self.charts = FollowedCharts(self, client, kind, chosen[:MOST])

    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield ChartView()
        yield Static(id="reading", markup=False)
        yield CellTable(fixed_columns=1)
        yield Keys()

    def on_mount(self) -> None:
        self.charts.read()
        if self.left_out > 0:
            self.tell(f"The first {MOST} are compared; {self.left_out} more are left out.")
        self.ask(self.read, self.tabulate, group="comparison")

    def read(self) -> Comparison:
        with self.client.catalogue.read() as session:
            return compare_rows(session, self.charts.kind, self.charts.ids)

    def tabulate(self, found: Comparison) -> None:
        """The outcomes first, then the options that differ."""
        rows = []
        for title, cells in (("results", found.outcome), ("options that differ", found.differing)):
            rows.append([Text(title, "bold"), *[Text()] * len(found.heads)])
            rows += [[Text(f"  {clean(name)}"), *map(Text, cell_texts(name, row))] for name, row in cells.items()]
        put(self.query_one(CellTable), ["", *found.heads], rows)

    def action_quantity(self) -> None:
        self.charts.next_quantity()

    def action_part(self) -> None:
        self.charts.next_part()

    def action_scale(self) -> None:
        self.charts.toggle_scale()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only paths and bounds have a train and a test part."""
        return action != "part" or self.charts.has_parts

    def on_curve_plot_pointed(self) -> None:
        self.charts.show_reading()

    def on_resize(self) -> None:
        self.charts.show_reading()
