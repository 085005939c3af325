"""Reading the catalogue and the machine in threads, on request and whenever the catalogue changes."""

import asyncio
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message
from textual.worker import get_current_worker

from store.errors import StoreError
from tui.app.lazy import imported
from tui.app.screens.app_screen import AppScreen
from tui.app.screens.browse.view import Query
from tui.app.widgets.machine import MachineStatus
from tui.shared.columns import Row
from tui.shared.location import Location

if TYPE_CHECKING:
    from tui.app.catalogue_reader import Order, Reader
    from tui.shared.details import Details

REST = 10  # a long order is read again after at least so many times the time it took
PAUSE = 0.08  # s without moving before details are read


@dataclass
class CatalogueOpened(Message):
    """The catalogue can be read."""

    reader: "Reader"


@dataclass
class Ordered(Message):
    """An order was read; `keep` says where the cursor goes."""

    order: "Order"
    keep: int | None


@dataclass
class Refused(Message):
    """A query could not be answered."""

    query: Query
    why: str


@dataclass
class RowsRead(Message):
    """Rows as they are now."""

    kind: str
    rows: list[Row]


@dataclass
class Counted(Message):
    """How many runs are in which state."""

    counts: dict[str, int]


@dataclass
class HostSeen(Message):
    """The machine's state was read."""

    machine: MachineStatus


@dataclass
class Detailed(Message):
    """Everything about a row was read; None: it is gone."""

    details: "Details | None"


class Live:
    """Reads in threads, and sends its screen what it read as messages."""

    def __init__(self, screen: AppScreen[None], location: Location) -> None:
        self.reader: Reader | None = None
        self.query: Query | None = None
        self._screen, self._place = screen, location
        self._shown = asyncio.Event()  # what was asked for is on the screen, or can't be
        self._shown.set()
        self._order_read = 0.0  # when, and how long it took
        self._order_took = 0.0
        self._stale = False  # something changed since

    # --- the catalogue -------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the catalogue; where it can't be, the application ends with the reason."""
        self._in_thread(self._open, "open")

    def _open(self) -> None:
        reader = imported("tui.app.catalogue_reader:Reader")
        trust = imported("tui.app.screens.browse.trust:Trust")(self._screen)
        try:
            self._screen.post_message(CatalogueOpened(reader.open(self._place, trust.confirm)))
        except StoreError as error:
            self._screen.app.call_from_thread(self._screen.app.exit, error)

    def close(self) -> None:
        if self.reader is not None:
            self.reader.close()

    # --- the order -----------------------------------------------------------------------------------------------

    def read(self, query: Query, keep: int | None) -> None:
        """Read the rows of a query; until they are shown the table is not what was asked for."""
        self.query = query
        self._shown.clear()
        self._start("order", self._read_order, query, keep)

    def mark_shown(self) -> None:
        """Note that the requested rows are shown now, or were refused."""
        self._shown.set()

    @property
    def awaits_rows(self) -> bool:
        """Whether requested rows are not yet shown."""
        return not self._shown.is_set()

    async def caught_up(self) -> None:
        """Wait until the requested rows are shown."""
        await self._shown.wait()

    def _read_order(self, reader: "Reader", query: Query, keep: int | None) -> None:
        worker = get_current_worker()
        begun = time.monotonic()
        try:
            first = reader.first(query)
            self._screen.post_message(Ordered(first, keep))
            if not first.complete and not worker.is_cancelled:
                self._screen.post_message(Ordered(reader.order(query), keep))
        except StoreError as error:
            self._screen.post_message(Refused(query, str(error)))
        self._note_time(begun)

    def _note_time(self, begun: float) -> None:
        self._order_took, self._order_read = time.monotonic() - begun, time.monotonic()

    # --- rows ----------------------------------------------------------------------------------------------------

    def read_rows(self, kind: str, ids: "array[int]") -> None:
        self._start("rows", self._read_rows, kind, ids)

    def _read_rows(self, reader: "Reader", kind: str, ids: "array[int]") -> None:
        try:
            self._screen.post_message(RowsRead(kind, reader.rows(kind, ids)))
        except StoreError as error:
            self._screen.app.call_from_thread(partial(self._screen.tell, str(error), wrong=True))

    def read_details(self, kind: str, row_id: int | None) -> None:
        """All about a row, once the cursor rests on it."""
        self._start("details", self._read_details, kind, row_id)

    def _read_details(self, reader: "Reader", kind: str, row_id: int | None) -> None:
        time.sleep(PAUSE)
        if get_current_worker().is_cancelled:
            return
        try:
            details = None if row_id is None else reader.details_of(kind, row_id)
        except StoreError:
            details = None
        self._screen.post_message(Detailed(details))

    # --- what changes meanwhile ----------------------------------------------------------------------------------

    def follow(self, kind: str, ids: "array[int]") -> None:
        """Check for changes to the catalogue; `ids` are the rows in the window."""
        going = any(one.group == "live" and one.is_running for one in self._screen.workers)
        if not going:
            self._start("live", self._follow, kind, ids)

    def _follow(self, reader: "Reader", kind: str, ids: "array[int]") -> None:
        """Where somebody wrote: rows in the window and counts now, the order when it is cheap enough."""
        query = self.query
        try:
            if reader.changes.any():
                self._stale = True
                self._screen.post_message(Counted(reader.counts()))
                self._screen.post_message(RowsRead(kind, reader.rows(kind, ids)))
            due = time.monotonic() > self._order_read + REST * self._order_took
            if self._stale and due and query is not None and query.kind == kind:
                begun = time.monotonic()
                order = reader.order(query)
                self._note_time(begun)
                self._stale = False
                self._screen.post_message(Ordered(order, None))
        except StoreError:
            self._stale = True  # busy or gone for a moment; the next look sees

    def read_host(self) -> None:
        self._start("host", self._read_host)

    def _read_host(self, reader: "Reader") -> None:
        self._screen.post_message(HostSeen(reader.machine()))

    def _start(self, group: str, reading: Callable[..., None], *given: object) -> None:
        """Call `reading` with the reader in a thread, once there is one."""
        if self.reader is not None:
            self._in_thread(partial(reading, self.reader, *given), group)

    def _in_thread(self, reading: Callable[[], None], group: str) -> None:
        """A newer reading of a group comes before an older one."""
        self._screen.run_worker(reading, group=group, exclusive=True, thread=True)
