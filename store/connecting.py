"""Connections to a catalogue's file, and what their errors mean to a user."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from store.errors import StoreError

BUSY_TIMEOUT = 30_000  # ms
MEANINGS = (
    ("locked", "is busy: another program kept it locked for 30 s; try again when that has ended"),
    ("full", "cannot be written: the disk is full; make room or choose another file with --catalogue"),
    ("readonly", "cannot be written: the file or its folder is read-only; choose another with --catalogue"),
    ("not a database", "is not an SQLite file; choose another with --catalogue"),
    (
        "malformed",
        "is damaged; restore a backup, or salvage it with SQLite's own `.recover`",
    ),
    ("unable to open", "cannot be opened; check that its folder exists and that you may write there"),
    ("disk i/o", "cannot be read or written: the disk reports an error; check the disk and free space"),
)


def connect(path: Path, *, mode: str = "rw", foreign_keys: bool = True) -> Engine:
    """An engine for an existing file; `mode` is "rw", "ro" or "immutable".

    Transactions begin IMMEDIATE under `execution_options(write=True)`; under others writing is an error.
    """
    options = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    address = f"{path.absolute().as_uri()}?{options}"

    def open_file() -> sqlite3.Connection:
        opened = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        try:
            opened.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
            opened.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
            opened.execute("PRAGMA mmap_size = 0")
            opened.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            opened.close()
            raise
        return opened

    engine = create_engine("sqlite+pysqlite:///", creator=open_file, poolclass=QueuePool, max_overflow=20)
    event.listen(engine, "begin", _begin)
    return engine


def write_ahead(engine: Engine) -> None:
    """Turn the file's write-ahead log on, where it isn't: from then on readers wait for no writer."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode = WAL")


def _begin(connection: Connection) -> None:
    # Reading first and writing later in one plain transaction loses against other writers: never allow it.
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(not write)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn the database's errors into StoreError, one sentence each."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"The catalogue {path} {_meaning(str(error.orig))}.") from error
    except OverflowError as error:
        raise StoreError("A number is too large for the catalogue, which keeps 64 bits.") from error
    except sqlite3.Error as error:
        raise StoreError(f"The catalogue {path} {_meaning(str(error))}.") from error


def _meaning(text: str) -> str:
    lowered = text.lower()
    return next((meaning for sign, meaning in MEANINGS if sign in lowered), f"refused the change: {text}")
