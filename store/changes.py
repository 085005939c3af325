"""Whether somebody wrote to the catalogue since last time: one cheap question for screens that follow it."""

import sqlite3
from contextlib import suppress
from pathlib import Path


class Changes:
    """A connection of its own, for SQLite's `data_version`; usable from one thread at a time, any thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._seen: int | None = None

    def any(self) -> bool:
        """True where another connection committed since the last call, and on the first."""
        before = self._seen
        with suppress(sqlite3.Error):  # busy just now: the next look sees it
            self._seen = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return self._seen != before

    def close(self) -> None:
        self._connection.close()
