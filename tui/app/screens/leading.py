"""Where one gets from a table: to what a row hangs together with, and to the other screens."""

from asyncio import to_thread
from itertools import combinations
from typing import TYPE_CHECKING

from textual import work

from tui.app.screens.marking import MarkingScreen
from tui.app.screens.rows import ASKING
from tui.app.session import Session
from tui.shared.columns import Row, references_of
from tui.shared.location import Location
from tui.shared.references import settled_names

if TYPE_CHECKING:
    from core.engine.client import Client
    from core.specs.runs import Reference

DIGITS = "123456789"
MOST_OFFERED = 12  # rows whose models are offered for a new run, two by two


class LeadingScreen(MarkingScreen):
    """Adds jumps along the lineage and the screens for plots, comparisons, logs, faults, launching."""

    def __init__(self, place: Location, session: Session, where: str | None = None) -> None:
        super().__init__(place, session, where)
        self.came_from: list[tuple[str, int]] = []

    # --- lineage -------------------------------------------------------------------------------------------------

    @work(exclusive=True, group=ASKING)
    async def action_related(self) -> None:
        from tui.app.screens.asking import Pick
        from tui.shared.details import read

        assert self.reader is not None
        assert self.table.row_id is not None
        details = await to_thread(read, self.reader.client, self.kind, self.table.row_id)
        choices = [
            (f"{link.kind} {link.row_id}", DIGITS[place : place + 1], f"{link.what} {link.row_id}")
            for place, link in enumerate(details.links)
        ]
        if not choices:
            self.tell("Nothing hangs together with this row.")
            return
        answer = await self.app.push_screen_wait(Pick(f"Related to {details.title}", choices))
        if answer is not None:
            kind, _, row_id = answer.partition(" ")
            self.action_go(kind, int(row_id))

    def action_go(self, kind: str, row_id: int) -> None:
        """Go to a row of any kind; a filter that hides it is put aside."""
        if self.table.row_id is not None:
            self.came_from.append((self.kind, self.table.row_id))
        self._go(kind, row_id)

    def action_back(self) -> None:
        self._go(*self.came_from.pop())

    def _go(self, kind: str, row_id: int) -> None:
        view = self.session.view(kind)
        if view.where:
            self.tell(f"The filter {view.where} is put aside; / and the arrow up bring it back.")
            self.session.remember_filter(view.where)
            view.filter_by("")
        self.open_view(kind, keep=row_id)

    # --- other screens -------------------------------------------------------------------------------------------

    @property
    def client(self) -> "Client":
        assert self.reader is not None
        return self.reader.client

    def run_ids(self) -> list[int]:
        """The runs chosen, or those that made what is chosen."""
        if self.kind == "runs":
            return self.table.chosen
        rows = [self.table.row(row_id) for row_id in self.table.chosen]
        return sorted({row["run_id"] for row in rows if row is not None})

    def action_plot(self) -> None:
        from tui.app.screens.plot import PlotScreen

        self.app.push_screen(PlotScreen(self.client, self.kind, self.table.chosen))

    def action_compare(self) -> None:
        from tui.app.screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(self.client, self.kind, self.table.chosen))

    def action_log(self) -> None:
        from tui.app.screens.log import LogScreen

        self.app.push_screen(LogScreen(self.client, self.run_ids()[0]))

    def action_faults(self) -> None:
        from tui.app.screens.faults import FaultsScreen

        where = self.session.view("runs").where if self.kind == "runs" else ""
        self.app.push_screen(FaultsScreen(self.client, where))

    @work(exclusive=True, group=ASKING)
    async def action_launch(self) -> None:
        """Ask what to start, then for its options; models that are chosen are filled in."""
        from core.specs.kinds import KINDS
        from tui.app.screens.asking import Pick
        from tui.app.screens.launch import LaunchScreen

        choices = [(name, *one.entry) for name, one in KINDS.items() if one.title]
        kind = await self.app.push_screen_wait(Pick("Start what?", choices))
        prefill = None if kind is None else await self._prefill(kind)
        if kind is not None and prefill is not None:
            self._show_new(await self.app.push_screen_wait(LaunchScreen(self.client, kind, prefill)))

    async def _prefill(self, kind: str) -> dict[str, object] | None:
        """What the chosen rows say of a new run: what it reads, or the network and the data; None: none is wanted."""
        from core.specs.kinds import KINDS

        chosen, run = self.table.chosen, KINDS[kind]
        rows = [row for row in map(self.table.row, chosen[:MOST_OFFERED]) if row is not None]
        if not run.inputs:
            return {name: rows[0].get(name) for name in run.positional} if rows else {}
        if len(chosen) > MOST_OFFERED:
            self.tell(f"At most {MOST_OFFERED} rows can be started from; {len(chosen):,} are marked.", wrong=True)
            return None
        names, ref = run.positional, run.reads(run.positional[0])
        there = await to_thread(_named_by, self.client, self.kind, rows, ref)
        if run.several(names[0]):
            return {names[0]: " ".join(there)}
        if len(there) <= len(names):
            return dict(zip(names, there, strict=False))
        return await self._one_of(list(combinations(there, len(names))), names, ref.noun)

    async def _one_of(
        self, offered: list[tuple[str, ...]], names: tuple[str, ...], noun: str
    ) -> dict[str, object] | None:
        """Ask which of the models or paths (`noun`), or of their pairs, is meant."""
        from tui.app.screens.asking import Pick

        title = "Connect which two?" if len(names) > 1 else f"Which {noun}?"
        choices = [(str(place), DIGITS[place : place + 1], " to ".join(some)) for place, some in enumerate(offered)]
        answer = await self.app.push_screen_wait(Pick(title, choices))
        return None if answer is None else dict(zip(names, offered[int(answer)], strict=True))

    @work(exclusive=True, group=ASKING)
    async def action_relaunch(self) -> None:
        from tui.app.screens.relaunch import RelaunchScreen

        self._show_new(await self.app.push_screen_wait(RelaunchScreen(self.client, self.table.chosen)))

    def _show_new(self, run_ids: list[int] | None) -> None:
        if run_ids:
            self.tell(f"Enqueued: {', '.join(map(str, run_ids[:8]))}{' …' if len(run_ids) > 8 else ''}.")
            self._go("runs", run_ids[0])


def _named_by(client: "Client", kind: str, rows: list[Row], ref: "type[Reference]") -> list[str]:
    """The models or paths that rows are about, as a command line names them."""
    with client.catalogue.read() as session:
        names = [one for row in rows for one in references_of(kind, row, ref.noun)]
        return list(dict.fromkeys(settled_names(session, names, ref)))
