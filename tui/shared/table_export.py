"""Writing a table, for `thalweg export` and the screen: CSV, or JSON with typed values."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import store
from tui.shared.files import write_target
from tui.shared.json_values import decoded, plain

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from store import Catalogue
    from store.export import Selection, Stream

BATCH = 1000  # rows in memory at once


def write_file(catalogue: "Catalogue | None", chosen: "Selection", file_format: str, file: Path) -> int:
    """Write to `file`, whole or not at all; how many rows. Raises UsageError, FilterError."""
    with write_target(file) as draft, draft.open("w", newline="", encoding="utf-8") as stream:
        return write(catalogue, chosen, file_format, stream)


def write(catalogue: "Catalogue | None", chosen: "Selection", file_format: str, stream: "Stream") -> int:
    """Write as "csv", "raw csv" or "json"; where there is no catalogue yet, no rows. Raises FilterError."""
    store.select_cells(chosen.kind, chosen.where, chosen.sort, [])  # refuses what can't be understood
    if catalogue is None:
        stream.write("[]\n" if file_format == "json" else ",".join(one.name for one in chosen.columns()) + "\r\n")
        return 0
    with catalogue.read() as session:
        if file_format == "json":
            return write_json(session, chosen, stream)
        return store.write_columns(session, chosen, stream, raw=file_format == "raw csv")


def write_json(session: "Session", chosen: "Selection", stream: "Stream") -> int:
    """Write a list of objects, as `thalweg list --json` does, one row after the other; how many there were."""
    columns = chosen.columns()
    names = [column.name for column in columns]
    query = store.select_cells(chosen.kind, chosen.where, chosen.sort, store.cells(columns))
    count = 0
    stream.write("[")
    for row in session.execute(query, execution_options={"yield_per": BATCH}):
        document = plain(decoded(dict(zip(names, row, strict=True))))
        stream.write(",\n" if count else "\n")
        stream.write(json.dumps(document, allow_nan=False))
        count += 1
    stream.write("\n]\n")
    return count
