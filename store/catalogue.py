"""A catalogue: one SQLite file and the folder of tensors beside it."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from store.artifacts import ArtifactFolder
from store.connecting import connect, translate_errors, write_ahead
from store.errors import StoreError
from store.filesystems import refuse_unsuitable
from store.statistics import renew_statistics
from store.upgrading import bring_up_to_date, is_current

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Catalogue:
    """Opened by `Catalogue.open`; usable from several threads, closed by `close` or as a context manager."""

    def __init__(self, path: Path, engine: Engine, *, readonly: bool) -> None:
        self.path = path
        self.files = companion(path)
        self.artifacts = ArtifactFolder(self.files / "artifacts")
        self.readonly = readonly
        self._engine = engine
        self._wrote = False
        self._writer = engine.execution_options(write=True)

    @classmethod
    def open(cls, path: Path, *, create: bool = True, readonly: bool = False) -> "Catalogue":
        """Open the catalogue at `path`; made when missing, unless `create` is False; upgraded when old.

        Where the file or its folder can only be read, or with `readonly`, nothing is made or upgraded and
        `write` is refused. StoreError says what is wrong with the place or the file.
        """
        try:
            refuse_unsuitable(path)
            if not path.exists():
                if readonly or not create:
                    raise StoreError(f"There is no catalogue at {path}; `thalweg train` makes one.")
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)
            with translate_errors(path):
                if readonly or not _writable(path):
                    return cls(path, _open_to_read(path), readonly=True)
                return cls(path, _open_to_write(path), readonly=False)
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"The catalogue {path} cannot be used ({reason}: {error.filename}); choose another with --catalogue."
            ) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the catalogue and cannot change it; it waits for nobody."""
        with translate_errors(self.path), Session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that alone may write; committed at the end, rolled back on any error."""
        if self.readonly:
            raise StoreError(f"The catalogue {self.path} can only be read; choose another with --catalogue.")
        with translate_errors(self.path), Session(self._writer) as session, session.begin():
            session.connection()  # takes the lock now, so that what is read below stays true
            self._wrote = True
            yield session

    def close(self) -> None:
        """Close all connections; sessions in use must have ended."""
        if self._wrote:
            with suppress(DBAPIError):  # somebody else is writing: they will count
                renew_statistics(self._engine)
        self._engine.dispose()

    def __enter__(self) -> "Catalogue":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def companion(path: Path) -> Path:
    """The folder beside a catalogue's file."""
    return path.with_name(f"{path.name}.files")


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _open_to_write(path: Path) -> Engine:
    files = companion(path)
    engine = connect(path)
    try:
        current = is_current(engine, path)  # what is no catalogue is refused before anything is changed
        files.mkdir(mode=0o700, exist_ok=True)
        _make_private(files)
        write_ahead(engine)
        if not current:
            bring_up_to_date(path, files / "upgrade.lock")
    except BaseException:
        engine.dispose()
        raise
    return engine


def _make_private(files: Path) -> None:
    """Make private what earlier versions left readable; deeper files are behind these folders."""
    for path in (files, *files.iterdir()):
        with suppress(OSError):  # it is another's, or gone by now
            mode = path.lstat().st_mode
            if mode & OTHERS and not stat.S_ISLNK(mode):
                path.chmod(stat.S_IMODE(mode) & ~OTHERS)


def _open_to_read(path: Path) -> Engine:
    try:
        return _readable(path, "ro")
    except DBAPIError:
        unread = path.with_name(f"{path.name}-wal")
        if unread.exists() and unread.stat().st_size > 0:
            raise
        # SQLite wants to make a file beside the catalogue even to read it, unless told that nobody writes.
        return _readable(path, "immutable")


def _readable(path: Path, mode: str) -> Engine:
    engine = connect(path, mode=mode)
    try:
        if is_current(engine, path):
            return engine
        raise StoreError(f"The catalogue {path} is of an earlier version; open it once where it can be written.")
    except BaseException:
        engine.dispose()
        raise
