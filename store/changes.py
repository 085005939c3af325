"""Whether the catalogue was written to since last time: one cheap question for screens that follow it."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Lock


class Changes:
    """A connection of its own, for SQLite's `data_version`; usable from any thread, and closed from any."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._one_at_a_time = Lock()  # sqlite3 crashes where a connection is closed under a question
        self._seen: int | None = None
        self._asked = False

    def any(self) -> bool:
        """True where another connection committed since the last call, and on the first; nothing new once closed."""
        with self._one_at_a_time:
            before, first = self._seen, not self._asked
            self._asked = True
            with suppress(sqlite3.Error):  # busy just now: the next look sees it; or nobody can write
                self._seen = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return first or self._seen != before

    def close(self) -> None:
        with self._one_at_a_time:
            self._asked = True
            self._connection.close()
