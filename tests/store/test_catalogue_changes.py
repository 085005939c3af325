"""A screen that follows the catalogue sees what others write, and can leave at any moment."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from store.changes import Changes

LEAVING = """
import sys, threading
from pathlib import Path
from store.changes import Changes

for _ in range(300):
    changes, asked, left = Changes(Path(sys.argv[1])), threading.Event(), threading.Event()

    def look():
        while not left.is_set():
            changes.any()
            asked.set()

    thread = threading.Thread(target=look)
    thread.start()
    asked.wait()
    changes.close()
    left.set()
    thread.join()
"""


def database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (x)")
    return connection


def test_what_others_write_is_seen_once(tmp_path: Path) -> None:
    other, changes = database(tmp_path / "c.db"), Changes(tmp_path / "c.db")
    assert [changes.any(), changes.any()] == [True, False]
    other.execute("INSERT INTO t VALUES (1)")
    assert [changes.any(), changes.any()] == [True, False]
    changes.close()
    assert not changes.any()
    other.close()


def test_where_it_cannot_be_asked_the_first_look_still_is_something_new(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"x" * 4096)
    changes = Changes(tmp_path / "c.db")
    assert [changes.any(), changes.any()] == [True, False]


def test_closing_under_a_question_crashes_nobody(tmp_path: Path) -> None:
    database(tmp_path / "c.db").close()
    done = subprocess.run([sys.executable, "-c", LEAVING, str(tmp_path / "c.db")], check=False, timeout=60)
    assert done.returncode == 0
