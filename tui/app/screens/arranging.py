"""How the table is arranged: which view, filter, order and columns; and the pane beside it."""

import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message
from textual.worker import get_current_worker

from store.errors import StoreError
from tui.app.screens.rows import RowsScreen
from tui.app.widgets.catalogue_table import TOP, CatalogueTable
from tui.app.widgets.details_pane import DetailsPane
from tui.app.widgets.keys import Views
from tui.shared.details import Details

if TYPE_CHECKING:
    from tui.app.catalogue_reader import Reader

REMEMBER_SECONDS = 5.0  # between looks at whether the cursor is elsewhere
PAUSE = 0.08  # s without moving before details are read


class ArrangingScreen(RowsScreen):
    """Adds views to turn to, filters, orders, columns, and details of the row under the cursor."""

    @dataclass
    class Detailed(Message):
        """All about a row; None: it is gone."""

        details: Details | None

    class Arranged(Message):
        """The views are arranged otherwise than before: to be remembered."""

    @on(RowsScreen.Opened)
    def follow_time(self) -> None:
        """Note now and then where the cursor is, so that a kill loses seconds of it at most."""
        self.set_interval(REMEMBER_SECONDS, self._note_cursor)

    def _note_cursor(self) -> None:
        if self.stands and self.session.view(self.kind).cursor != self.table.row_id:
            self.keep_view()
            self.post_message(self.Arranged())

    def keep_view(self) -> None:
        """Note how the view is left."""
        view = self.session.view(self.kind)
        if not self.awaits_rows:
            view.cursor, view.seen = self.table.row_id, list(self.table.visible_ids())

    def open_view(self, kind: str, keep: int | None = None) -> None:
        """Turn to a kind's table."""
        self.keep_view()
        self.session.kind = kind
        table = self.table
        table.mark_only(set())
        table.column = 0
        table.forget()
        self.show_view()
        table.empty = "…"
        table.order(array("q"))
        self.ask(keep=self.session.view(kind).cursor if keep is None else keep)
        table.focus()
        self.post_message(self.Arranged())

    def sort_by(self, sort: str) -> None:
        """Order the view by this, as in `--sort`."""
        view = self.session.view(self.kind)
        view.sort, view.seen = sort, []
        self.show_view()
        self.ask(keep=TOP)
        self.post_message(self.Arranged())

    def filter_by(self, where: str) -> None:
        """Keep only rows for which this holds, as in `--where`."""
        self.session.view(self.kind).filter_by(where)
        self.session.remember_filter(where)
        self.query_one(Views).where = where
        self.ask()
        self.post_message(self.Arranged())

    def choose_columns(self, names: list[str]) -> None:
        """Show these columns, in this order."""
        self.session.view(self.kind).columns = names
        self.show_view()
        self.post_message(self.Arranged())

    # --- the pane ------------------------------------------------------------------------------------------------

    @on(CatalogueTable.Moved)
    def follow_cursor(self) -> None:
        self.refresh_bindings()
        self.describe()

    @on(RowsScreen.Read)
    def renew_details(self) -> None:
        self.describe()

    @on(CatalogueTable.Marked)
    def follow_marks(self) -> None:
        self.query_one(Views).marked = len(self.table.marked)
        self.refresh_bindings()

    def describe(self) -> None:
        """Bring the pane to the row under the cursor, once the cursor rests."""
        if self.query_one(DetailsPane).display and self.reader is not None:
            self._read_details(self.reader, self.kind, self.table.row_id)

    @work(thread=True, exclusive=True, group="details")
    def _read_details(self, reader: "Reader", kind: str, row_id: int | None) -> None:
        from tui.shared.details import read

        time.sleep(PAUSE)
        if get_current_worker().is_cancelled:
            return
        try:
            details = None if row_id is None else read(reader.client, kind, row_id)
        except StoreError:
            details = None
        self.post_message(self.Detailed(details))

    @on(Detailed)
    def show_details(self, message: Detailed) -> None:
        self.query_one(DetailsPane).show(message.details)
