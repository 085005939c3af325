"""The browsed catalogue: what the table shows, which rows are chosen, and the ways to ask and notify the person."""

from array import array
from asyncio import to_thread
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from textual.message import Message
from textual.screen import Screen

from core.errors import ThalwegError
from store.first_rows import glance
from store.states import FINISHED
from tui.app.screens.app_screen import AppScreen
from tui.app.screens.browse.live import Live
from tui.app.screens.browse.view import TableView
from tui.app.session import Session
from tui.app.widgets.catalogue_table import TOP, CatalogueTable
from tui.app.widgets.details_pane import DetailsPane
from tui.app.widgets.keys import Views
from tui.app.widgets.prompt import Prompt
from tui.shared import named_filters
from tui.shared.columns import Row
from tui.shared.location import Location

if TYPE_CHECKING:
    from core.engine.client import Client

GLANCE = 100  # rows of the first look
ASKING = "asking"  # the group of workers that only ask a person, one screen after the other

Answer = TypeVar("Answer")


class ViewChanged(Message):
    """The view changed and has to be remembered."""


class Browser:
    """What actions work with. It updates the table, the tabs and the pane from the view."""

    def __init__(self, screen: AppScreen[None], location: Location, session: Session) -> None:
        self.screen, self.location, self.session = screen, location, session
        self.view = TableView(session)
        self.live = Live(screen, location)

    # --- what is there -------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        return self.view.kind

    @property
    def table(self) -> CatalogueTable:
        return self.screen.query_one(CatalogueTable)

    @property
    def pane(self) -> DetailsPane:
        return self.screen.query_one(DetailsPane)

    @property
    def prompt(self) -> Prompt:
        return self.screen.query_one(Prompt)

    @property
    def tabs(self) -> Views:
        return self.screen.query_one(Views)

    @property
    def client(self) -> "Client":
        assert self.live.reader is not None
        return self.live.reader.client

    @property
    def encoding(self) -> str:
        return self.screen.app.console.encoding

    def named_filters(self) -> dict[str, str]:
        """Those of this view; none if their file can't be read, which is reported."""
        try:
            return named_filters.filters_of(self.kind)
        except ThalwegError as error:
            self.tell(str(error), wrong=True)
            return {}

    @property
    def unfinished(self) -> list[int]:
        """The chosen runs that have not ended, or whose state isn't known here."""
        known = [(row_id, self.table.row(row_id)) for row_id in self.table.chosen]
        return [row_id for row_id, row in known if row is None or row["state"] not in FINISHED]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The catalogue's columns behind those of the table."""
        return tuple(dict.fromkeys(name for one in self.table.columns for name in one.made_of))

    async def chosen_rows(self, most: int) -> list[Row]:
        """The first of the chosen rows, as the catalogue has them now; those that are gone are left out."""
        assert self.live.reader is not None
        ids = self.table.chosen[:most]
        rows = {row["id"]: row for row in await to_thread(self.live.reader.rows, self.kind, array("q", ids))}
        return [rows[one] for one in ids if one in rows]

    # --- what is shown -------------------------------------------------------------------------------------------

    def glance(self) -> None:
        """The rows that were seen last, or the newest, painted before the catalogue is opened properly."""
        table, left, usual = self.table, self.view.view, self.view.is_default
        known = usual or left.seen  # of another filter or order nobody knows yet which rows it has
        rows = glance(self.location.path, self.kind, () if usual else left.seen, GLANCE) if known else []
        whole = [{name: row.get(name) for column in table.columns for name in column.made_of} | row for row in rows]
        table.empty, table.partial = "…" if not rows else "", True
        table.order(array("q", (row["id"] for row in rows)), whole, keep=left.cursor)

    def read(self, where: str | None = None, keep: int | None = None) -> None:
        """Read the view's rows anew; `where` instead of its filter, while one is being typed."""
        self.live.read(self.view.query(where), keep)

    def show_view(self) -> None:
        """Tabs, columns and order as the view says."""
        tabs, table = self.tabs, self.table
        tabs.kind, tabs.where = self.kind, self.view.view.where
        table.sort = self.view.view.sort
        table.show_columns(self.view.columns(self.encoding))

    def open_view(self, kind: str, keep: int | None = None) -> None:
        """Turn to a kind's table."""
        self.note_cursor()
        self.session.kind = kind
        table = self.table
        table.mark_only(set())
        table.column = 0
        table.forget()
        self.show_view()
        table.empty = "…"
        table.order(array("q"))
        self.read(keep=self.view.view.cursor if keep is None else keep)
        table.focus()
        self._changed()

    def go_to_row(self, kind: str, row_id: int) -> None:
        """Go to a row of any kind; a filter that hides it is put aside, and `back` leads here again."""
        if self.table.row_id is not None:
            self.view.came_from.append((self.kind, self.table.row_id))
        self.show_row(kind, row_id)

    def show_row(self, kind: str, row_id: int) -> None:
        """Turn to a kind's table, at this row."""
        if where := self.view.reveal(kind):
            self.tell(f"The filter {where} was cleared; press / and the up arrow to bring it back.")
        self.open_view(kind, keep=row_id)

    def sort_by(self, sort: str) -> None:
        """Order the view by this, as in `--sort`."""
        self.view.sort_by(sort)
        self.show_view()
        self.read(keep=TOP)
        self._changed()

    def filter_by(self, where: str) -> None:
        """Keep only rows for which this holds, as in `--where`."""
        self.view.filter_by(where)
        self.tabs.where = where
        self.read()
        self._changed()

    def change_columns(self, names: list[str] | None) -> None:
        """Show other columns, none meaning ours; None leaves them. Can be taken back."""
        if names is not None and names != [one.name for one in self.table.columns]:
            self.view.choose_columns(names)
            self.show_view()
            self._changed()
            self.screen.refresh_bindings()

    def describe(self) -> None:
        """Bring the pane to the row under the cursor, once the cursor rests."""
        if self.pane.display:
            self.live.read_details(self.kind, self.table.row_id)

    def note_cursor(self) -> None:
        """Note how the view is left."""
        if not self.live.awaits_rows:
            self.view.note(self.table.row_id, self.table.visible_ids())

    def save_cursor(self) -> None:
        """Note it now and then, so that a kill loses seconds of it at most."""
        if self.view.view.cursor != self.table.row_id:
            self.note_cursor()
            self._changed()

    def _changed(self) -> None:
        self.screen.post_message(ViewChanged())

    # --- the person ----------------------------------------------------------------------------------------------

    def tell(self, text: str, *, wrong: bool = False) -> None:
        self.screen.tell(text, wrong=wrong)

    async def show_question(self, question: Screen[Answer]) -> Answer | None:
        """Put a screen over the table until it is answered or left."""
        return await self.screen.app.push_screen_wait(question)

    def start_conversation(self, conversation: Coroutine[Any, Any, None]) -> None:
        """Ask the person, one screen after the other, while all else goes on."""
        self.screen.run_worker(conversation, group=ASKING, exclusive=True)

    @property
    def conversing(self) -> bool:
        return any(one.group == ASKING and one.is_running for one in self.screen.workers)

    def open_screen(self, other: Screen[Any]) -> None:
        """Put a screen over the table that has no answer."""
        self.screen.app.push_screen(other)

    def in_background(self, action: Callable[[], Answer], then: Callable[[Answer], object]) -> None:
        """Do something in a thread, then call `then` here; refusals are shown."""
        self.screen.ask(action, then, group="background", exclusive=False)
