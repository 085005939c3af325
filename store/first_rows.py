"""A first look at a catalogue, before SQLAlchemy is loaded: a few whole rows, for a screen that opens at once."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

KINDS = ("runs", "models", "paths", "bounds")
PATIENCE_SECONDS = 0.05  # the full list comes anyway


def glance(path: Path, kind: str, ids: Sequence[int], limit: int) -> list[dict[str, Any]]:
    """The rows with these `ids`, in their order; without ids the newest `limit`.

    Columns as in the table: what `list_rows` computes (tags, attempts) is missing. Nothing where the catalogue
    can't be read right now: whoever opens it properly learns why.
    """
    assert kind in KINDS, kind
    if ids:
        query = f"SELECT * FROM {kind} WHERE id IN ({','.join('?' * len(ids))})"  # noqa: S608
    else:
        listed = "WHERE role != 'helper'" if kind == "models" else ""
        query = f"SELECT * FROM {kind} {listed} ORDER BY id DESC LIMIT {limit:d}"  # noqa: S608
    try:
        with closing(_connected(path)) as connection:
            rows = [dict(row) for row in connection.execute(query, list(ids))]
    except (sqlite3.Error, OverflowError):
        return []
    place = {row_id: position for position, row_id in enumerate(ids)}
    return sorted(rows, key=lambda row: place[row["id"]]) if ids else rows


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)
    connection.row_factory = sqlite3.Row
    return connection
