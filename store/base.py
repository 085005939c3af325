"""What all tables share: names of constraints, UTC times, and adding what a run made exactly once."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Dialect,
    Float,
    MetaData,
    Result,
    SQLColumnExpression,
    Table,
    Text,
    func,
    insert,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from store.errors import NotFoundError

Record = TypeVar("Record")

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
# Ids never change meaning, so SQLite must not give the id of a deleted row away again.
NEVER_REUSED = {"sqlite_autoincrement": True}
MANAGED = frozenset({"id", "run_id", "created_at", "starred"})  # ours to set, not the caller's


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime as ISO-8601 text of fixed width, so that text order is time order."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return iso(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


class Base(DeclarativeBase):
    """Base of all rows; `doc` of a column is its help text."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UtcTime, str: Text, float: Float}  # noqa: RUF012


def now() -> datetime:
    """The time, aware, UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """`moment` (aware) as 2026-11-01T12:34:56.123456Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def table(name: str) -> Table:
    """The table of this name; the module that declares it must have been imported."""
    return Base.metadata.tables[name]


def among(column: SQLColumnExpression[Any], ids: Iterable[int]) -> ColumnElement[bool]:
    """That a column is one of these numbers, however many: they travel as one value."""
    return column.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))


def fetch(
    session: Session,
    record: type[Record],
    name: str,
    *where: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]] = (),
) -> list[Record]:
    """Rows of table `name`, by default in order of its primary key, as frozen records with the same fields."""
    rows = table(name)
    found = session.execute(select(rows).where(*where).order_by(*(order or rows.primary_key)))
    return [record(**row._mapping) for row in found]


def fetch_one(session: Session, record: type[Record], kind: str, row_id: int) -> Record:
    """The row of this id in the table of `kind`s ("run"); NotFoundError."""
    found = fetch(session, record, f"{kind}s", table(f"{kind}s").c.id == row_id)
    if not found:
        raise NotFoundError(kind, row_id)
    return found[0]


def changed(result: Result[Any]) -> int:
    """How many rows a statement changed."""
    assert isinstance(result, CursorResult)
    return result.rowcount


def insert_row(session: Session, name: str, values: Mapping[str, object]) -> int:
    """Insert one row into table `name`; its id."""
    inserted = session.execute(insert(table(name)).values(values))
    assert isinstance(inserted, CursorResult)
    assert inserted.inserted_primary_key
    return int(inserted.inserted_primary_key[0])


def add_once(session: Session, name: str, run_id: int, values: Mapping[str, object]) -> tuple[int, bool]:
    """Insert into table `name` what run `run_id` made at `values["position"]`; (id, whether it is new).

    What is already there is left as it is. ValueError names keys that are no columns.
    """
    made = table(name)
    refuse_unknown(values, {column.key for column in made.columns} - MANAGED, name)
    position = values.get("position", 0)
    same = (made.c.run_id == run_id) & (made.c.position == position)
    if (known := session.scalar(select(made.c.id).where(same))) is not None:
        return int(known), False
    complete = {**values, "run_id": run_id, "position": position, "created_at": now()}
    return insert_row(session, name, complete), True


def made_at(session: Session, name: str, run_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """The ids of what some runs left in table `name`, by run and place within it."""
    made = table(name)
    query = select(made.c.run_id, made.c.position, made.c.id).where(among(made.c.run_id, run_ids))
    return {(run_id, position): row_id for run_id, position, row_id in session.execute(query)}


def add_parts(session: Session, name: str, owner: Mapping[str, object], parts: list[dict[str, object]]) -> None:
    """Insert rows that belong to an owner: `owner` gives the columns all of them share."""
    part_table = table(name)
    allowed = {column.key for column in part_table.columns} - set(owner) - {"id"}
    keys = sorted({key for part in parts for key in part})
    refuse_unknown(dict.fromkeys(keys), allowed, name)
    if parts:
        blank = dict.fromkeys(keys)
        session.execute(insert(part_table), [{**blank, **part, **owner} for part in parts])


def refuse_unknown(values: Mapping[str, object], allowed: set[str], name: str) -> None:
    """ValueError when `values` has a key outside `allowed`: a promise between our own packages."""
    if unknown := sorted(set(values) - allowed):
        raise ValueError(f"{name} has no settable columns {unknown}; it has {sorted(allowed)}.")
