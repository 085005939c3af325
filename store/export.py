"""CSV (RFC 4180): every column of every row, streamed; SQLite and the csv module format it, no loop here."""

import csv
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, String, Text, case, cast, func, literal_column, type_coerce
from sqlalchemy.orm import Session

from store.columns import Column, called, columns_of
from store.listing import select_cells

BATCH = 2000  # rows in memory at once
# A spreadsheet takes cells that begin like this for formulas, and text from a run could be anything.
RISKY = ("'='", "'+'", "'-'", "'@'", "char(9)", "char(13)")


class Stream(Protocol):
    """What text is written to."""

    def write(self, text: str, /) -> int: ...


def write_csv(
    session: Session,
    kind: str,
    stream: Stream,
    where: str | None = None,
    sort: str | None = None,
    raw: bool = False,
) -> int:
    """Write the kind's rows with a header; how many rows there were. Open the stream with newline="".

    Numbers keep full precision, empty cells are empty, booleans are true and false, times ISO-8601. Text
    that a spreadsheet would run gets a leading ' unless `raw`. FilterError as for list_rows.
    """
    return write_columns(session, Selection(kind, where, sort), stream, raw=raw)


@dataclass(frozen=True)
class Selection:
    """A part of the catalogue: a kind's rows, filtered and in order; without `names` every column."""

    kind: str
    where: str | None = None
    sort: str | None = None
    names: tuple[str, ...] = ()

    def columns(self) -> list[Column]:
        """Each once. Raises FilterError for a name that is none, StoreError for an unknown kind."""
        asked = {one.name: one for name in self.names for one in called(name, self.kind)}
        return list((asked or columns_of(self.kind)).values())


def write_columns(session: Session, chosen: Selection, stream: Stream, *, raw: bool = False) -> int:
    """As write_csv, with the requested columns, in their order."""
    columns = chosen.columns()
    query = select_cells(chosen.kind, chosen.where, chosen.sort, [_cell(column, raw) for column in columns])
    writer = csv.writer(stream, lineterminator="\r\n")
    result = session.execute(query, execution_options={"yield_per": BATCH})
    writer.writerow(column.name for column in columns)
    count = 0
    for rows in result.partitions():
        writer.writerows(rows)
        count += len(rows)
    return count


def _cell(column: Column, raw: bool) -> ColumnElement[Any]:
    if column.type == "boolean":
        return case((column.sql.is_(True), "true"), (column.sql.is_(False), "false"))
    if column.type == "time":
        return type_coerce(column.sql, Text())
    if raw or column.type not in {"text", "tags"}:
        return column.sql
    risky = func.substr(column.sql, 1, 1).in_([literal_column(letter) for letter in RISKY])
    return case((risky, cast("'", String).concat(column.sql)), else_=column.sql)
