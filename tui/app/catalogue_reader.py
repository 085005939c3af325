"""Reading the catalogue for the table, in threads: an order of ids, the rows in the window, counts by state."""

import sqlite3
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from sqlalchemy.orm import Session

from core.engine.client import Client
from core.engine.devices import devices
from core.engine.network_files import Trust
from store import Catalogue, Runs
from store.changes import Changes
from store.listing import every_id, list_ids, rows_of
from tui.app.screens.browse.view import Query
from tui.app.widgets.machine import MachineStatus
from tui.shared import details
from tui.shared.columns import Row
from tui.shared.formatting import count_words
from tui.shared.location import Location
from tui.shared.references import settle_references

FIRST = 200  # ids read before all others
WINDOW = 60  # rows read with them: more than most terminals show
MOST = 2_000_000  # rows in a table; 16 MB of ids


@dataclass(frozen=True)
class Order:
    """The ids that a query found, the first rows of them, and whether these are all."""

    query: Query
    ids: "array[int]"
    rows: list[Row]
    complete: bool


@dataclass
class Reader:
    """The catalogue and the engine, opened for the screen. Its methods are for threads."""

    client: Client
    changes: Changes
    _devices: tuple[str, ...] = ()
    _busy: set[sqlite3.Connection] = field(default_factory=set)

    @classmethod
    def open(cls, location: Location, trust: Trust) -> "Reader":
        """Raises StoreError."""
        client = Client(Catalogue.open(location.path), trust=trust)
        return cls(client, Changes(location.path))

    @property
    def readonly(self) -> bool:
        return self.client.catalogue.readonly

    def first(self, query: Query) -> Order:
        """The beginning of an order, with its rows. Raises FilterError, StoreError."""
        with self._session() as session:
            ids = list_ids(session, query.kind, query.where, query.sort, FIRST)
            rows = _rows(session, query.kind, ids[:WINDOW])
        return Order(query, ids, rows, complete=len(ids) < FIRST)

    def order(self, query: Query) -> Order:
        """All of an order, up to MOST."""
        with self._session() as session:
            if not query.where and query.sort == "-id":
                ids = every_id(session, query.kind)[::-1]
            else:
                ids = list_ids(session, query.kind, query.where, query.sort, MOST)
        return Order(query, ids, [], complete=True)

    def rows(self, kind: str, ids: "array[int]") -> list[Row]:
        with self._session() as session:
            return _rows(session, kind, ids)

    def details_of(self, kind: str, row_id: int) -> details.Details:
        """All about a row. Raises NotFoundError where it is gone."""
        return details.read(self.client, kind, row_id)

    def counts(self) -> dict[str, int]:
        """How many runs are in each state, findings apart."""
        with self._session() as session:
            return count_words(Runs(session).counts(), Runs(session).findings())

    def machine(self) -> MachineStatus:
        """The host's state; makes sure that an agent is alive if a run waits."""
        self.client.ensure_agent()
        if not self._devices:
            self._devices = tuple(device.name for device in devices())
        memory = psutil.virtual_memory()
        return MachineStatus(self.client.agent_status(), self._devices, memory.total - memory.available, memory.total)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session that `stop` can interrupt."""
        with self.client.catalogue.read() as session:
            connection = session.connection().connection.driver_connection
            assert isinstance(connection, sqlite3.Connection)
            self._busy.add(connection)
            try:
                yield session
            finally:
                self._busy.discard(connection)

    def close(self) -> None:
        """Interrupt running queries, which fail with StoreError, so that leaving is quick."""
        for connection in tuple(self._busy):
            connection.interrupt()
        self.changes.close()
        self.client.catalogue.close()


def _rows(session: Session, kind: str, ids: "array[int]") -> list[Row]:
    rows = rows_of(session, kind, ids)
    return settle_references(session, rows) if kind == "runs" else rows
