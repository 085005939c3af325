"""Cancelling and deleting, after asking; copying and exporting."""

import shlex
from asyncio import to_thread
from typing import TYPE_CHECKING

from textual import work

from core.errors import ThalwegError
from store.errors import StoreError
from store.states import FINISHED
from tui.app.screens.leading import LeadingScreen
from tui.app.screens.rows import ASKING

if TYPE_CHECKING:
    from core.engine.client import Client
    from tui.app.screens.export import Export

MOST_COPIED = 1000  # rows


class TakingScreen(LeadingScreen):
    """Adds what ends runs, what takes rows away, and what takes them elsewhere."""

    @work(exclusive=True, group=ASKING)
    async def action_cancel(self) -> None:
        from tui.app.screens.asking import Confirm
        from tui.shared.marks import named

        rows = [(row_id, self.table.row(row_id)) for row_id in self.table.chosen]
        going = [row_id for row_id, row in rows if row is None or row["state"] not in FINISHED]
        question = f"Cancel {named('runs', going)}? What they wrote until then is kept."
        if await self.app.push_screen_wait(Confirm(question, "Cancel")):
            self._cancel(going)

    @work(group="taking")
    async def _cancel(self, run_ids: list[int]) -> None:
        try:
            told = await to_thread(_cancelled, self.client, run_ids)
        except StoreError as error:
            self.tell(str(error), wrong=True)
        else:
            self.tell(told)

    @work(exclusive=True, group=ASKING)
    async def action_delete(self) -> None:
        from tui.app.screens.asking import Confirm
        from tui.shared.marks import named

        kind, ids = self.kind, self.table.chosen
        if await self.app.push_screen_wait(Confirm(f"Delete {named(kind, ids)}? This cannot be undone.", "Delete")):
            self._delete(kind, ids)

    @work(group="taking")
    async def _delete(self, kind: str, ids: list[int]) -> None:
        from tui.shared.marks import named

        try:
            await to_thread(_deleted, self.client, kind, ids)
        except StoreError as error:
            self.tell(str(error), wrong=True)
        else:
            self.tell(f"deleted {named(kind, ids)}")

    # --- copying -------------------------------------------------------------------------------------------------

    @work(exclusive=True, group=ASKING)
    async def action_copy(self) -> None:
        from tui.app.screens.asking import Pick
        from tui.shared.requests import asked_by

        table, column = self.table, self.table.columns[self.table.column]
        row = table.row(table.row_id or 0)
        texts = {
            "cell": column.cell(row) if row else "",
            "row": self._rows_as_text(table.chosen),
            "ids": " ".join(map(str, table.chosen)),
            "command": self.command(),
        }
        begun = asked_by(self.place.command, str(row["spec"])) if row and self.kind == "runs" else ""
        if begun:
            texts["begun"] = begun
        choices = [
            ("cell", "c", f"this cell: {column.title}"),
            ("row", "r", "the rows, cells between tabs" if len(table.chosen) > 1 else "this row, cells between tabs"),
            ("ids", "i", "the ids" if len(table.chosen) > 1 else "the id"),
            ("command", "m", "the command that lists this table"),
            *([("begun", "s", "the command that starts this run")] if begun else []),
        ]
        what = await self.app.push_screen_wait(Pick("Copy what?", choices))
        if what is not None:
            self.app.copy_to_clipboard(texts[what])

    def _rows_as_text(self, ids: list[int]) -> str:
        rows = [self.table.row(row_id) for row_id in ids[:MOST_COPIED]]
        return "\n".join("\t".join(one.cell(row) for one in self.table.columns) for row in rows if row is not None)

    def command(self) -> str:
        """The command line that lists what the table shows."""
        view = self.session.view(self.kind)
        names = dict.fromkeys(name for one in self.table.columns for name in one.made_of)
        where = f" --where {shlex.quote(view.where)}" if view.where else ""
        columns = f" --columns {','.join(names)}" if view.columns else ""
        return f"{self.place.command} list {self.kind}{where} --sort {view.sort}{columns}"

    # --- exporting -----------------------------------------------------------------------------------------------

    @work(exclusive=True, group=ASKING)
    async def action_export(self) -> None:
        from tui.app.screens.export import ExportScreen

        wanted = await self.app.push_screen_wait(ExportScreen(self.kind, f"{len(self.table.ids):,}"))
        if wanted is not None:
            await self._export(wanted)

    @work(exclusive=True, group=ASKING)
    async def export(self, wanted: "Export") -> None:
        """Write the table; over a file that is there only once that was agreed to."""
        await self._export(wanted)

    async def _export(self, wanted: "Export") -> None:
        from tui.app.screens.asking import Confirm

        question = f"{wanted.file} is there already. Write over it?"
        if not wanted.file.exists() or await self.app.push_screen_wait(Confirm(question, "Write over it")):
            self._write(wanted)

    @work(exclusive=True, group="taking")
    async def _write(self, wanted: "Export") -> None:
        """Write the file, and say how many rows are where."""
        from store.export import Selection
        from tui.shared.table_export import write_file

        view = self.session.view(self.kind)
        names = tuple(dict.fromkeys(name for one in self.table.columns for name in one.made_of))
        chosen = Selection(self.kind) if wanted.whole else Selection(self.kind, view.where, view.sort, names)
        how = "json" if wanted.file.suffix == ".json" else "csv"
        try:
            count = await to_thread(write_file, self.client.catalogue, chosen, how, wanted.file)
        except (StoreError, ThalwegError) as error:
            self.tell(str(error), wrong=True)
        else:
            self.tell(f"{count:,} {self.kind} written to {wanted.file}")


def _cancelled(client: "Client", run_ids: list[int]) -> str:
    """Cancel what still goes; what came of it, in words."""
    from tui.shared.marks import named

    before = client.cancel(run_ids)
    asked = [run_id for run_id, state in before.items() if state not in FINISHED]
    ended = [run_id for run_id, state in before.items() if state in FINISHED]
    told = [f"Cancelling {named('runs', asked)}."] if asked else []
    return " ".join([*told, *([f"Ended before that: {named('runs', ended)}."] if ended else [])])


def _deleted(client: "Client", kind: str, ids: list[int]) -> None:
    from store import delete

    with client.catalogue.write() as session:
        delete(session, kind, ids)
