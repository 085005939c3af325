"""Deleting rows from the catalogue that nothing else needs."""

import re
from collections.abc import Iterator, Sequence

from sqlalchemy import delete as delete_from
from sqlalchemy import select
from sqlalchemy.orm import Session

from store.base import among, table
from store.errors import StoreError
from store.marks import require
from store.states import FINISHED

# Table, its column, and what the row does with the one to be deleted. A certificate goes with its path.
DEPENDANTS = {
    "run": (
        ("models", "run_id", "was made by"),
        ("paths", "run_id", "was made by"),
        ("bounds", "run_id", "was made by"),
        ("certificates", "run_id", "has a certificate made by"),
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
    one = require(session, kind, ids)
    for row_id, reason in _reasons_to_stay(session, one, ids):
        raise StoreError(f"The {one} {row_id} cannot be deleted: {reason}.")
    for name, column in MARKS:
        marks = table(name)
        session.execute(delete_from(marks).where(marks.c[column] == one, among(marks.c.owner_id, ids)))
    rows = table(f"{one}s")
    session.execute(delete_from(rows).where(among(rows.c.id, ids)))


def _reasons_to_stay(session: Session, one: str, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Rows that can't go, each with why: of every sort of reason the first."""
    for name, column, relation in DEPENDANTS[one]:
        others = table(name)
        whose, shown = ("path", others.c.path_id) if name == "certificates" else (name.removesuffix("s"), others.c.id)
        held = select(others.c[column], shown).where(among(others.c[column], ids))
        for row_id, other in session.execute(held.order_by(others.c[column], shown).limit(1)):
            yield row_id, f"the {whose} {other} {relation} it; delete that first"
    if one == "run":
        yield from _reasons_to_run(session, ids)
    elif one in ("model", "path"):
        yield from _reasons_to_read(session, one, ids)


def _reasons_to_read(session: Session, one: str, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Rows that a run reads which has not ended."""
    runs, wanted = table("runs"), set(ids)
    going = select(runs.c.id, runs.c.state, runs.c.spec).where(runs.c.state.not_in(FINISHED)).order_by(runs.c.id)
    for run_id, state, spec in session.execute(going):
        read = {int(row_id) for row_id in re.findall(rf'{{"{one}":(\d+)}}', spec)} & wanted
        if read:
            yield min(read), f"the run {run_id}, which is {state}, reads it; cancel that first"


def _reasons_to_run(session: Session, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    runs, needs = table("runs"), table("run_dependencies")
    going = select(runs.c.id, runs.c.state).where(among(runs.c.id, ids), runs.c.state.not_in(FINISHED))
    for run_id, state in session.execute(going.order_by(runs.c.id).limit(1)):
        yield run_id, f"it is {state}; cancel it first"
    waiting = (
        select(needs.c.needs_run_id, runs.c.id)
        .join(needs, needs.c.run_id == runs.c.id)
        .where(among(needs.c.needs_run_id, ids), runs.c.state.not_in(FINISHED), ~among(runs.c.id, ids))
    )
    for run_id, other in session.execute(waiting.order_by(needs.c.needs_run_id, runs.c.id).limit(1)):
        yield run_id, f"the run {other} waits for it; cancel that first"
