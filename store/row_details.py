"""One row with everything that hangs on it, for `show` and for detail screens."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from store.base import table
from store.columns import COLUMNS, stored_columns
from store.errors import NotFoundError, StoreError
from store.listing import as_dicts, cells
from store.marks import MARKED
from store.metrics import Metrics
from store.runs import Runs

Rows = list[dict[str, object]]


def show_row(session: Session, kind: str, row_id: int) -> dict[str, object]:
    """The row ("run", "runs", …) and what belongs to it, as nested dicts; NotFoundError.

    All have measurements and notes. A run adds attempt_list, needs, needed_by, relaunches, models, paths,
    bounds and curves (names); a model adds paths and bounds; a path adds segment_list.
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


def _rows(session: Session, name: str, where: ColumnElement[bool]) -> Rows:
    """Rows as list_rows gives them, also of tables that have no list of their own."""
    columns = COLUMNS.get(name) or stored_columns(table(name))
    query = select(*cells(columns)).where(where).order_by(*table(name).primary_key)
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
        return {"segment_list": _rows(session, "segments", table("segments").c.path_id == row_id)}
    return {}


def _of_run(session: Session, run_id: int) -> dict[str, object]:
    runs = Runs(session)
    made = {kind: _rows(session, kind, table(kind).c.run_id == run_id) for kind in ("models", "paths", "bounds")}
    return {
        "attempt_list": _rows(session, "attempts", table("attempts").c.run_id == run_id),
        "needs": runs.needs(run_id),
        "needed_by": runs.dependants(run_id),
        "relaunches": runs.relaunches(run_id),
        **made,
        "curves": Metrics(session).names(run_id),
    }
