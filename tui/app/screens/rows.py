"""A table over the catalogue that stays true: views, filter, order, columns, the pane; reading never waits."""

import asyncio
import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.worker import get_current_worker

from store.errors import StoreError
from store.first_rows import glance
from tui.app.screens.trusting import TrustingScreen
from tui.app.session import Session
from tui.app.widgets.catalogue_table import TOP, CatalogueTable
from tui.app.widgets.details_pane import DetailsPane
from tui.app.widgets.keys import Keys, Views
from tui.app.widgets.machine import Machine, MachineLine
from tui.app.widgets.prompt import Prompt
from tui.shared.columns import Row, Shown, offered, on_screen
from tui.shared.formatting import clean
from tui.shared.location import Location

if TYPE_CHECKING:
    from tui.app.catalogue_reader import Asked, Order, Reader

WIDE = 110  # columns: the pane stands beside the table, not below
ROOMY = 140  # columns: the pane is there without being asked for
GLANCE = 100  # rows of the first look
LIVE_SECONDS = 0.5  # between looks at what changed
HOST_SECONDS = 2.0
REST = 10  # a long order is read again after at least so many times the time it took
CLOCK_SECONDS = 20  # between renewals of "5 min ago"
ASKING = "asking"  # the group of workers that only ask a person, one screen after the other
EMPTY = "Nothing here yet. n starts a run; `thalweg quickstart` is a first look."


class RowsScreen(TrustingScreen):
    """Shows one kind at a time. Subclasses add what can be done with the rows."""

    @dataclass
    class Opened(Message):
        """The catalogue can be read."""

        reader: "Reader"

    @dataclass
    class Ordered(Message):
        """An order was read; `keep` is where the cursor goes."""

        order: "Order"
        keep: int | None

    @dataclass
    class Refused(Message):
        """What was asked for could not be read."""

        asked: "Asked"
        why: str

    @dataclass
    class Read(Message):
        """Rows as they are now."""

        kind: str
        rows: list[Row]

    @dataclass
    class Counted(Message):
        """How many runs are in which state."""

        counts: dict[str, int]

    @dataclass
    class HostSeen(Message):
        machine: Machine

    def __init__(self, place: Location, session: Session, where: str | None = None) -> None:
        super().__init__()
        self.place, self.session = place, session
        if where is not None:
            session.kind = "runs"
            session.view("runs").filter_by(where)
        self.reader: Reader | None = None
        self.asked: Asked | None = None
        self._shown = asyncio.Event()  # what was asked for is on the screen, or can't be
        self._shown.set()
        self._order_read = 0.0  # when, and how long it took
        self._order_took = 0.0
        self._stale = False  # something changed since

    @property
    def kind(self) -> str:
        return self.session.kind

    @property
    def table(self) -> CatalogueTable:
        return self.query_one(CatalogueTable)

    @property
    def stands(self) -> bool:
        """Whether the table is there: timers go on while the screen is taken down."""
        return bool(self.query(CatalogueTable))

    def compose(self) -> ComposeResult:
        yield Views(self.place.shown)
        with Container(id="body"):
            yield CatalogueTable()
            yield DetailsPane()
        yield Prompt()
        yield MachineLine()
        yield Keys()

    def on_mount(self) -> None:
        self.show_view()
        self._glance()
        self.table.focus()
        self.call_after_refresh(self._open)

    def on_resize(self, event: events.Resize) -> None:
        width, pane = event.size.width, self.session.pane
        self.query_one("#body").set_class(width >= WIDE, "wide")
        self.query_one(DetailsPane).display = width >= ROOMY if pane is None else pane

    def _glance(self) -> None:
        """The rows that were seen last, or the newest, painted before the catalogue is opened properly."""
        view = self.session.view(self.kind)
        usual = not view.where and view.sort == "-id"
        known = usual or view.seen  # of another filter or order nobody knows yet which rows it has
        rows = glance(self.place.path, self.kind, () if usual else view.seen, GLANCE) if known else []
        whole = [
            {name: row.get(name) for column in self.table.columns for name in column.made_of} | row for row in rows
        ]
        self.table.empty, self.table.partial = "…" if not rows else "", True
        self.table.order(array("q", (row["id"] for row in rows)), whole, keep=view.cursor)

    @work(thread=True, group="open")
    def _open(self) -> None:
        from tui.app.catalogue_reader import Reader

        try:
            self.post_message(self.Opened(Reader.open(self.place, self.trusts)))
        except StoreError as error:
            self.app.call_from_thread(self.app.exit, error)

    def on_unmount(self) -> None:
        if self.reader is not None:
            self.reader.close()

    @on(Opened)
    def begin(self, message: Opened) -> None:
        self.reader = message.reader
        self.ask(keep=self.session.view(self.kind).cursor)
        self._look_at_host()
        self.set_interval(LIVE_SECONDS, self._look)
        self.set_interval(HOST_SECONDS, self._look_at_host)
        self.set_interval(CLOCK_SECONDS, self.table.renew)
        self.refresh_bindings()

    # --- the order -----------------------------------------------------------------------------------------------

    def ask(self, where: str | None = None, keep: int | None = None) -> None:
        """Read the view's rows anew; `where` instead of its filter, while one is being typed."""
        from tui.app.catalogue_reader import Asked

        view = self.session.view(self.kind)
        self.asked = Asked(self.kind, view.where if where is None else where, view.sort)
        self._shown.clear()
        if self.reader is not None:
            self._read_order(self.reader, self.asked, keep)

    @property
    def awaits_rows(self) -> bool:
        """Whether the table is not yet what was asked for."""
        return not self._shown.is_set()

    async def caught_up(self) -> None:
        """Wait for what earlier keys asked for, rows or a question."""
        await self._shown.wait()
        while self.is_active and (self.table.marking or self._asks()):
            await asyncio.sleep(0.005)

    def _asks(self) -> bool:
        return any(one.group == ASKING and one.is_running for one in self.workers)

    @work(thread=True, exclusive=True, group="order")
    def _read_order(self, reader: "Reader", asked: "Asked", keep: int | None) -> None:
        worker = get_current_worker()
        begun = time.monotonic()
        try:
            first = reader.first(asked)
            self.post_message(self.Ordered(first, keep))
            if not first.complete and not worker.is_cancelled:
                self.post_message(self.Ordered(reader.order(asked), keep))
        except StoreError as error:
            self.post_message(self.Refused(asked, str(error)))
        self._order_took, self._order_read = time.monotonic() - begun, time.monotonic()

    @on(Ordered)
    def show_order(self, message: Ordered) -> None:
        order = message.order
        if order.asked != self.asked:
            return  # an answer to an earlier question
        table, views = self.table, self.query_one(Views)
        table.empty = "No rows match." if order.asked.where else EMPTY
        placed = not order.rows and (message.keep == TOP or message.keep in table.ids)  # by the order's beginning
        if order.rows:
            table.forget()
        table.partial = not order.complete
        table.order(order.ids, order.rows, keep=None if placed else message.keep)
        if order.complete and table.marked:
            table.mark_only(table.marked & set(order.ids))
        views.where = order.asked.where
        views.count = f"{len(order.ids):,}{'' if order.complete else ' or more'}"
        if self.query_one(Prompt).sign == "/":
            self.query_one(Prompt).refuse("")
        if order.complete or not message.keep or message.keep in table.ids:
            self._shown.set()

    @on(Refused)
    def tell_refusal(self, message: Refused) -> None:
        prompt = self.query_one(Prompt)
        if message.asked != self.asked:
            return
        self._shown.set()
        self.table.marking = False
        if prompt.open:
            prompt.refuse(message.why)
        else:
            self.tell(message.why, wrong=True)
            view = self.session.view(self.kind)
            if view.where or view.sort != "-id":  # of an earlier sitting, perhaps
                view.filter_by("")
                view.sort = "-id"
                self.show_view()
                self.ask()

    @on(CatalogueTable.Wanted)
    def read_wanted(self, message: CatalogueTable.Wanted) -> None:
        if self.reader is not None:
            self._read_rows(self.reader, self.kind, message.ids)

    @work(thread=True, exclusive=True, group="rows")
    def _read_rows(self, reader: "Reader", kind: str, ids: "array[int]") -> None:
        try:
            self.post_message(self.Read(kind, reader.rows(kind, ids)))
        except StoreError as error:
            self.app.call_from_thread(self.tell, str(error), wrong=True)

    @on(Read)
    def show_rows(self, message: Read) -> None:
        if message.kind == self.kind:
            self.table.put(message.rows)
            self.refresh_bindings()

    # --- what changes meanwhile ----------------------------------------------------------------------------------

    def _look(self) -> None:
        if (
            self.reader is not None
            and self.stands
            and not any(one.group == "live" and one.is_running for one in self.workers)
        ):
            self._live(self.reader, self.kind, self.table.visible_ids())

    @work(thread=True, group="live")
    def _live(self, reader: "Reader", kind: str, ids: "array[int]") -> None:
        """Where somebody wrote: rows in the window and counts now, the order when it is cheap enough."""
        asked = self.asked
        try:
            if reader.changes.any():
                self._stale = True
                self.post_message(self.Counted(reader.counts()))
                self.post_message(self.Read(kind, reader.rows(kind, ids)))
            due = time.monotonic() > self._order_read + REST * self._order_took
            if self._stale and due and asked is not None and asked.kind == kind:
                begun = time.monotonic()
                order = reader.order(asked)
                self._order_took, self._order_read, self._stale = time.monotonic() - begun, time.monotonic(), False
                self.post_message(self.Ordered(order, None))
        except StoreError:
            self._stale = True  # busy or gone for a moment; the next look sees

    @on(Counted)
    def show_counts(self, message: Counted) -> None:
        self.query_one(MachineLine).counts = message.counts

    @work(thread=True, exclusive=True, group="host")
    def _look_at_host(self) -> None:
        if self.reader is not None:
            self.post_message(self.HostSeen(self.reader.machine()))

    @on(HostSeen)
    def show_host(self, message: HostSeen) -> None:
        self.query_one(MachineLine).machine = message.machine

    # --- the view -----------------------------------------------------------------------------------

    def show_view(self) -> None:
        view, table, views = self.session.view(self.kind), self.table, self.query_one(Views)
        views.kind, views.where = self.kind, view.where
        table.sort = view.sort
        table.show_columns(self.shown(view.columns))

    def shown(self, names: list[str]) -> list[Shown]:
        """The columns of these names; our choice where there are none."""
        ours = at_first = on_screen(self.kind, self.app.console.encoding)
        if not set(names) <= {one.name for one in ours}:
            ours = offered(self.kind, self.app.console.encoding)
        known = {one.name: one for one in ours}
        return [known[name] for name in names if name in known] or list(at_first)

    def tell(self, text: str, *, wrong: bool = False) -> None:
        """Say something that came from outside: never markup, nor anything that a terminal obeys."""
        self.notify(clean(text), severity="error" if wrong else "information", markup=False)
