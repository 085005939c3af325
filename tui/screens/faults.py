"""What failed, by a finding or a fault, or went stale: why, what it wrote last, and how to have it again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from tui.columns import short, what, when
from tui.logs import last_lines
from tui.references import settled
from tui.screens.client_screen import ClientScreen
from tui.screens.log import LogScreen
from tui.screens.relaunch import RelaunchScreen, named
from tui.texts import FOUND, apart, state, summed, value
from tui.widgets.keys import Keys
from tui.widgets.row_table import RowTable

if TYPE_CHECKING:
    from core.engine.client import Client

MOST = 500  # runs, the newest ones
LAST_LINES = 12
POLL = 2.0  # s
TITLES = ("run", "state", "kind", "what", "cause", "when", "again as")
Row = dict[str, Any]


@dataclass(frozen=True)
class Faults:
    """Runs that need somebody to look at them, newest first, and how many there are in all, by what they are called."""

    rows: list[Row]
    again: dict[int, int]
    counts: dict[str, int]


class FaultsScreen(ClientScreen[None]):
    """Failed and stale runs; relaunch one, the marked ones, or all that weren't yet."""

    CSS_PATH = "faults.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark"),
        Binding("r", "relaunch", "Relaunch"),
        Binding("a", "relaunch_all", "Relaunch all failed"),
        Binding("L", "log", "Log"),
    ]

    def __init__(self, client: "Client") -> None:
        super().__init__(client)
        self.found = Faults([], {}, {})

    def compose(self) -> ComposeResult:
        yield Static("reading ...", id="title", markup=False)
        yield RowTable()
        with Vertical(id="detail"):
            yield Static(id="cause", markup=False)
            yield Static(id="last", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        self.table.focus()
        self.set_interval(POLL, self.look)
        self.look()

    @property
    def table(self) -> RowTable:
        return self.query_one(RowTable)

    def look(self) -> None:
        if self.is_current:
            self.ask(lambda: faults(self.client), self.show)

    def show(self, found: Faults) -> None:
        """List what was found, unless nothing changed."""
        if found == self.found and self.table.columns:
            return
        self.found = found
        self.table.show(TITLES, [(int(row["id"]), self.cells(row)) for row in found.rows])
        count = sum(found.counts.values())
        more = f"; the newest {len(found.rows)} are shown" if count > len(found.rows) else ""
        title = f"Runs: {summed(found.counts)}{more}" if count else "Nothing failed, nothing is stale."
        self.query_one("#title", Static).update(title)

    def cells(self, row: Row) -> list[str]:
        again = self.found.again.get(int(row["id"]))
        cause = value(row["cause_kind"] or row["cause"])
        return [
            value(row["id"]),
            state(short(row), "utf-8"),
            value(row["kind"]),
            what(row),
            cause,
            when(row),
            value(again),
        ]

    @on(DataTable.RowHighlighted)
    def look_closer(self) -> None:
        """The whole cause of the run at the cursor, and its last lines."""
        run_id = self.table.row_id
        row = next((one for one in self.found.rows if one["id"] == run_id), None)
        if row is not None and run_id is not None:
            silent = "no sign of life; it may come back" if row["state"] == "stale" else "no cause is known"
            self.query_one("#cause", Static).update(f"run {run_id}: {value(row['cause'] or silent)}")
            self.ask(lambda: written_last(self.client, run_id), self.query_one("#last", Static).update, group="log")

    def action_mark(self) -> None:
        self.table.mark()

    @on(DataTable.RowSelected)
    def action_log(self) -> None:
        if self.table.row_id is not None:
            self.app.push_screen(LogScreen(self.client, self.table.row_id))

    def action_relaunch(self) -> None:
        if self.table.chosen:
            self.app.push_screen(RelaunchScreen(self.client, self.table.chosen), self.relaunched)

    def action_relaunch_all(self) -> None:
        """As `thalweg relaunch --failed`: everything failed that wasn't relaunched yet."""
        self.ask(lambda: failed(self.client), self.relaunch, group="failed")

    def relaunch(self, run_ids: list[int]) -> None:
        if run_ids:
            self.app.push_screen(RelaunchScreen(self.client, run_ids), self.relaunched)
        else:
            self.notify("No failed run is left that was not relaunched already.", markup=False)

    def relaunched(self, new: list[int] | None) -> None:
        if new:
            self.table.marked.clear()
            self.found = Faults([], {}, {})
            self.notify(f"Enqueued: {named(new)}.", markup=False)
            self.look()


def faults(client: "Client") -> Faults:
    """The newest runs that failed or are stale, each with its newest relaunch."""
    from store import Runs, list_rows

    where = "state=failed,stale"
    with client.catalogue.read() as session:
        rows = settled(session, list_rows(session, "runs", where, "-id", MOST))
        newest = {int(str(row["id"])): Runs(session).newest_relaunch(int(str(row["id"]))) for row in rows}
        counts = apart(Runs(session).counts(), Runs(session).findings())
    shown = {name: count for name, count in counts.items() if count and name in (*FOUND, "failed", "stale")}
    return Faults(rows, {old: new for old, new in newest.items() if new != old}, shown)


def failed(client: "Client") -> list[int]:
    from store import Runs

    with client.catalogue.read() as session:
        return Runs(session).failed_not_relaunched()


def written_last(client: "Client", run_id: int) -> str:
    """The end of a run's log."""
    return "\n".join(last_lines(client.log_file(run_id), LAST_LINES)) or "It wrote nothing."
