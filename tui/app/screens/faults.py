"""Failed and stale runs by cause, with the last lines of their logs, and relaunching them."""

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from store.changes import Changes
from tui.app.screens.app_screen import BACK, AppScreen
from tui.app.screens.log import LogScreen
from tui.app.screens.relaunch import RelaunchScreen
from tui.app.widgets.keys import Keys
from tui.app.widgets.row_table import RowTable
from tui.shared.columns import Row, kind_and_summary, time_of
from tui.shared.faults import SHOWN, Faults, Group, cause_of, failed_runs, faults
from tui.shared.formatting import clean, counts_text, named, state_symbol, value
from tui.shared.log_reader import last_lines
from tui.shared.text_table import cut

if TYPE_CHECKING:
    from core.engine.client import Client

LAST_LINES = 12
LOOK = "changes"
POLL = 2.0  # s between looks at whether somebody wrote
TITLES = ("run", "state", "what", "when", "again as")
OTHERS = 46  # columns that are taken by all but what a line tells
NARROWEST = 16


class FaultsScreen(AppScreen[None]):
    """Failed and stale runs; relaunch one, those of one cause, the marked ones, or all that weren't yet.

    Of the runs for which `where` holds, a filter as in `--where`.
    """

    CSS_PATH = "faults.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        BACK,
        Binding("space", "mark", "Mark"),
        Binding("r", "relaunch", "Relaunch"),
        Binding("a", "relaunch_all", "Relaunch all failed"),
        Binding("L", "log", "Log"),
    ]

    def __init__(self, client: "Client", where: str = "") -> None:
        super().__init__()
        self.client, self.where = client, where
        self.changes = Changes(client.catalogue.path)
        self.found = Faults((), {}, {}, {})
        self.opened: set[int] | None = None  # None: what fits, to begin with
        self.marked: set[int] = set()

    def compose(self) -> ComposeResult:
        yield Static("reading ...", id="title", markup=False)
        yield RowTable()
        with Vertical(id="detail"):
            yield Static(id="cause", markup=False)
            yield Static(id="last", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        self.table.focus()
        self.set_interval(POLL, self.follow)
        self.follow()

    def on_unmount(self) -> None:
        self.changes.close()

    @property
    def table(self) -> RowTable:
        return self.query_one(RowTable)

    def follow(self) -> None:
        """Read again if the catalogue changed since last time.

        One look at a time: what a look has seen the next one doesn't see again, so none is cut off by another.
        """
        if self.is_current and all(one.group != LOOK or one.is_finished for one in self.workers):
            self.ask(self.changes.any, lambda changed: self.read() if changed else None, group=LOOK)

    def read(self) -> None:
        if self.is_current:
            opened = None if self.opened is None else set(self.opened)
            room = self.size.height // 2
            self.ask(lambda: faults(self.client, self.where, opened, room), self.show)

    def show(self, found: Faults) -> None:
        """List what was found, unless nothing changed."""
        if self.opened is None:
            self.opened = {one.key for one in found.groups if one.run_ids[0] in found.rows}
        if found == self.found and self.table.columns:
            return
        self.found = found
        self.draw()
        whose = f" with {clean(self.where)}" if self.where else ""
        title = (
            f"Runs{whose}: {counts_text(found.counts)}" if found.counts else f"No runs{whose} have failed or are stale."
        )
        self.query_one("#title", Static).update(title)

    def draw(self) -> None:
        """A line for every cause, with its runs below it where it is open."""
        self.marked &= {run_id for one in self.found.groups for run_id in one.run_ids}
        whole = {one.key for one in self.found.groups if self.marked.issuperset(one.run_ids)}
        lines = [line for one in self.found.groups for line in (self._head(one), *self._runs(one))]
        self.table.marked = self.marked | whole
        self.table.show(TITLES, lines)

    def _head(self, group: Group) -> tuple[int, list[str]]:
        sign = "▾" if group.key in (self.opened or ()) else "▸"
        told = cut(f"{len(group.run_ids):,} × {group.cause}", max(self.size.width - OTHERS, NARROWEST))
        return group.key, [sign, state_symbol(group.short, "utf-8"), told, "", ""]

    def _runs(self, group: Group) -> list[tuple[int, list[str]]]:
        rows = [self.found.rows[one] for one in group.run_ids[:SHOWN] if one in self.found.rows]
        return [(int(row["id"]), self._cells(row)) for row in rows]

    def _cells(self, row: Row) -> list[str]:
        told = cut(f"  {kind_and_summary(row)}", max(self.size.width - OTHERS, NARROWEST))
        return [value(row["id"]), "", told, time_of(row), value(self.found.again.get(int(row["id"])))]

    @property
    def current_group(self) -> Group | None:
        """The group at the cursor, or that of the run there."""
        at = self.table.row_id
        return next((one for one in self.found.groups if at == one.key or at in one.run_ids), None)

    @property
    def run_ids(self) -> list[int]:
        """The runs of the line at the cursor."""
        at, group = self.table.row_id, self.current_group
        return [] if at is None or group is None else list(group.run_ids) if at == group.key else [at]

    @on(DataTable.RowHighlighted)
    def show_cause(self) -> None:
        """The whole cause at the cursor, and the last lines of the run there, or of the newest."""
        group, ids = self.current_group, self.run_ids
        if group is None:
            return
        row = self.found.rows.get(ids[0])
        alone = row is not None and self.table.row_id == ids[0]
        told = f"run {ids[0]}: {cause_of(row)}" if alone and row else f"{named('runs', ids)}: {group.cause}"
        more = f"; the newest {SHOWN} are listed" if len(ids) > SHOWN and group.key in (self.opened or ()) else ""
        self.query_one("#cause", Static).update(told + more)
        self.ask(lambda: last_log_lines(self.client, ids[0]), self.query_one("#last", Static).update, group="log")

    def action_mark(self) -> None:
        ids = set(self.run_ids)
        self.marked = self.marked - ids if self.marked >= ids else self.marked | ids
        self.draw()
        self.table.action_cursor_down()

    @on(DataTable.RowSelected)
    def open_line(self) -> None:
        """Open or close a cause; go to the log of a run."""
        group = self.current_group
        if group is not None and self.table.row_id == group.key and self.opened is not None:
            self.opened ^= {group.key}
            self.read()
        else:
            self.action_log()

    def action_log(self) -> None:
        if self.run_ids:
            self.app.push_screen(LogScreen(self.client, self.run_ids[0]))

    def action_relaunch(self) -> None:
        chosen = sorted(self.marked) or self.run_ids
        if chosen:
            self.app.push_screen(RelaunchScreen(self.client, chosen), self.relaunched)

    def action_relaunch_all(self) -> None:
        """As `thalweg relaunch --failed`: everything failed that wasn't relaunched yet."""
        self.ask(lambda: failed_runs(self.client, self.where), self.relaunch, group="failed")

    def relaunch(self, run_ids: list[int]) -> None:
        if run_ids:
            self.app.push_screen(RelaunchScreen(self.client, run_ids), self.relaunched)
        else:
            self.tell("Every failed run was relaunched already.")

    def relaunched(self, new: list[int] | None) -> None:
        if new:
            self.marked.clear()
            self.found = Faults((), {}, {}, {})
            self.tell(f"Enqueued: {named('runs', new)}.")
            self.read()


def last_log_lines(client: "Client", run_id: int) -> str:
    """The end of a run's log."""
    return "\n".join(last_lines(client.log_file(run_id), LAST_LINES)) or "It wrote nothing."
