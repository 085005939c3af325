"""A catalogue's revision: made new, or brought up to date under one lock after a backup."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from store import migrations
from store.connecting import connect
from store.errors import StoreError
from store.schema import VERSION_TABLE, metadata

# As Alembic writes it.
VERSION_DDL = (
    f"CREATE TABLE {VERSION_TABLE} ( version_num VARCHAR(32) NOT NULL, "
    f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num) )"
)


def is_current(engine: Engine, path: Path) -> bool:
    """Whether the catalogue has this version's tables; StoreError when it never can."""
    with engine.connect() as connection:
        return _revision(connection, path) == migrations.REVISIONS[-1]


def bring_up_to_date(path: Path, lock: Path) -> None:
    """Make the tables of an empty file, or upgrade those of an earlier version; `lock` is a file's name.

    An upgrade leaves the catalogue as it was in `PATH.backup-REVISION`.
    """
    # Rebuilding a table drops the old one, which foreign keys would forbid; they are checked at the end.
    engine = connect(path, foreign_keys=False)
    try:
        with _alone(lock):
            with engine.connect() as connection:
                revision = _revision(connection, path)
            if revision is not None and revision != migrations.REVISIONS[-1]:
                _back_up(path, path.with_name(f"{path.name}.backup-{revision}"))
            with engine.execution_options(write=True).begin() as connection:
                if revision is None:
                    _create(connection)
                else:
                    _upgrade(connection, path)
    finally:
        engine.dispose()


def _revision(connection: Connection, path: Path) -> str | None:
    """None for a file without tables."""
    tables = set(connection.scalars(text("SELECT name FROM sqlite_schema WHERE type = 'table'")))
    if not tables:
        return None
    if VERSION_TABLE not in tables:
        raise StoreError(f"{path} is an SQLite file but not a Thalweg catalogue; choose another with --catalogue.")
    revision = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    if revision not in migrations.REVISIONS:
        raise StoreError(
            f"The catalogue {path} was made by a newer version of Thalweg (revision {revision}, "
            f"this one knows {migrations.REVISIONS[-1]}); upgrade Thalweg or choose another with --catalogue."
        )
    return str(revision)


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    connection.execute(text(VERSION_DDL))
    stamp = text(f"INSERT INTO {VERSION_TABLE} VALUES (:revision)")  # noqa: S608
    connection.execute(stamp, {"revision": migrations.REVISIONS[-1]})


def _upgrade(connection: Connection, path: Path) -> None:
    from alembic import command, config  # noqa: PLC0415 - slow to import, and only old catalogues need it

    settings = config.Config()
    settings.set_main_option("script_location", str(migrations.LOCATION).replace("%", "%%"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
    if broken := connection.execute(text("PRAGMA foreign_key_check")).all():
        raise StoreError(
            f"The catalogue {path} could not be upgraded: {len(broken)} rows point at rows that are missing; "
            "it is as it was."
        )


def _back_up(source: Path, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(unfinished)) as copy:
        old.backup(copy)
    unfinished.rename(target)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold the lock file; whoever waited must look again whether there is still something to do."""
    lock.touch(mode=0o600)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
