"""Taking rows out of the catalogue, where nothing else stands on them."""

from collections.abc import Iterator, Sequence

from sqlalchemy import delete as delete_from
from sqlalchemy import select
from sqlalchemy.orm import Session

from store.base import table
from store.errors import StoreError
from store.marks import require, singular
from store.run_rows import FINISHED

# Table, its column, and what the row does with the one to be deleted.
DEPENDANTS = {
    "run": (
        ("models", "run_id", "was made by"),
        ("paths", "run_id", "was made by"),
        ("bounds", "run_id", "was made by"),
    ),
    "model": (("paths", "model_a", "joins"), ("paths", "model_b", "joins"), ("bounds", "model_id", "is of")),
    "path": (),
    "bound": (),
}
MARKS = (("tags", "kind"), ("notes", "kind"), ("measurements", "owner_kind"))


def delete(session: Session, kind: str, ids: Sequence[int]) -> None:
    """Delete runs, models, paths or bounds of these ids, with their marks.

    NotFoundError; StoreError, and nothing is deleted, where something needs one of them or a run goes on.
    Files of tensors stay until `thalweg doctor --prune`.
    """
    one = singular(kind)
    wanted = sorted(set(ids))
    for row_id in wanted:
        require(session, one, row_id)
        for reason in _reasons_to_stay(session, one, row_id, wanted):
            raise StoreError(f"The {one} {row_id} cannot be deleted: {reason}.")
    rows = table(f"{one}s")
    for row_id in wanted:
        for name, column in MARKS:
            marks = table(name)
            session.execute(delete_from(marks).where(marks.c[column] == one, marks.c.owner_id == row_id))
        session.execute(delete_from(rows).where(rows.c.id == row_id))


def _reasons_to_stay(session: Session, one: str, row_id: int, going: Sequence[int]) -> Iterator[str]:
    for name, column, relation in DEPENDANTS[one]:
        others = table(name)
        other = session.scalar(select(others.c.id).where(others.c[column] == row_id).order_by(others.c.id).limit(1))
        if other is not None:
            yield f"the {name.removesuffix('s')} {other} {relation} it; delete that first"
    if one == "run":
        runs, needs = table("runs"), table("run_dependencies")
        state = session.scalar(select(runs.c.state).where(runs.c.id == row_id))
        if state not in FINISHED:
            yield f"it is {state}; cancel it first"
        waiting = (
            select(runs.c.id)
            .join(needs, needs.c.run_id == runs.c.id)
            .where(needs.c.needs_run_id == row_id, runs.c.state.not_in(FINISHED), runs.c.id.not_in(going))
        )
        if (other := session.scalar(waiting.limit(1))) is not None:
            yield f"the run {other} waits for it; cancel that first"
