"""What a catalogue's file is made of, for comparing two of them."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

BETWEEN_DEFINITIONS = re.compile(r", (?![^(]*\))")  # commas outside of parentheses


def schema(path: Path) -> dict[str, str]:
    """The statement behind every table and index; of a table in order of the alphabet.

    SQLite writes a column that was added behind all others, and the name of a table that was made anew in quotes, which
    changes nothing of what the table can do.
    """
    with closing(sqlite3.connect(path)) as opened:
        rows = opened.execute("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    plain = {name: (kind, " ".join(sql.split())) for name, kind, sql in rows}
    return {name: in_order(sql) if kind == "table" else sql for name, (kind, sql) in plain.items()}


def in_order(sql: str) -> str:
    """A table's statement with its columns and constraints in order of the alphabet."""
    head, _, rest = sql.partition("(")
    body, _, tail = rest.rpartition(")")
    unquoted = head.replace('"', "")
    return f"{unquoted}({', '.join(sorted(BETWEEN_DEFINITIONS.split(body.strip())))}){tail}"
