"""One row with everything related to it, for `show` and for detail screens."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from store.base import table
from store.certificates import by_strength
from store.columns import COLUMNS, stored_columns
from store.errors import NotFoundError, StoreError
from store.listing import as_dicts, cells
from store.marks import MARKED
from store.metrics import Metrics
from store.runs import Runs

Rows = list[dict[str, object]]
MADE = ("models", "paths", "bounds", "certificates")  # what runs leave


def show_row(session: Session, kind: str, row_id: int) -> dict[str, object]:
    """The row ("run", "runs", …) and what belongs to it, as nested dicts; NotFoundError.

    All have measurements and notes. A run adds attempt_list, needs, needed_by, relaunches, models, paths,
    bounds, certificates and curves (names); a model adds paths and bounds; a path adds segment_list and certificates,
    of which the first is the one that it shows; a bound adds artifact_bytes, the size of its file.
    """
    one = kind.removesuffix("s")
    if one not in MARKED:
        raise StoreError(f"{kind!r} cannot be shown; choose one of {', '.join(MARKED)}.")
    found = _rows(session, f"{one}s", table(f"{one}s").c.id == row_id)
    if not found:
        raise NotFoundError(one, row_id)
    notes, measured = table("notes").c, table("measurements").c
    marks = {
        "measurements": _rows(session, "measurements", (measured.owner_kind == one) & (measured.owner_id == row_id)),
        "notes": _rows(session, "notes", (notes.kind == one) & (notes.owner_id == row_id)),
    }
    return found[0] | _belongings(session, one, row_id) | marks


def _rows(session: Session, name: str, where: ColumnElement[bool], order: Sequence[ColumnElement[Any]] = ()) -> Rows:
    """Rows as list_rows gives them, also of tables that have no list of their own."""
    columns = COLUMNS.get(name) or stored_columns(table(name))
    query = select(*cells(columns)).where(where).order_by(*(order or table(name).primary_key))
    return as_dicts(session, columns, query)


def _belongings(session: Session, one: str, row_id: int) -> dict[str, object]:
    paths, bounds = table("paths").c, table("bounds").c
    if one == "run":
        return _of_run(session, row_id)
    if one == "model":
        joined = or_(paths.model_a == row_id, paths.model_b == row_id)
        measured = _rows(session, "bounds", bounds.model_id == row_id)
        return {"paths": _rows(session, "paths", joined), "bounds": measured}
    if one == "path":
        certificates = _rows(session, "certificates", table("certificates").c.path_id == row_id, by_strength())
        segments = _rows(session, "segments", table("segments").c.path_id == row_id)
        return {"segment_list": segments, "certificates": certificates}
    if one == "bound":
        return {"artifact_bytes": session.scalar(_size_of_file(row_id))}
    return {}


def _size_of_file(bound_id: int) -> Select[tuple[int]]:
    bounds, artifacts = table("bounds").c, table("artifacts").c
    return (
        select(artifacts.bytes).join(table("bounds"), bounds.artifact == artifacts.sha256).where(bounds.id == bound_id)
    )


def _of_run(session: Session, run_id: int) -> dict[str, object]:
    runs = Runs(session)
    made = {kind: _rows(session, kind, table(kind).c.run_id == run_id) for kind in MADE}
    return {
        "attempt_list": _rows(session, "attempts", table("attempts").c.run_id == run_id),
        "needs": runs.needs(run_id),
        "needed_by": runs.dependants(run_id),
        "relaunches": runs.relaunches(run_id),
        **made,
        "curves": Metrics(session).names(run_id),
    }
