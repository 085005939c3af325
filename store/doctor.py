"""The health of a catalogue: what is damaged, what is missing, what can go."""

import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from store.artifacts import SUFFIX, UNFINISHED, digest_of
from store.base import table
from store.catalogue import Catalogue
from store.run_tables import ACTIVE

YOUNG = 3600.0  # s; a file this new may belong to a row that is just being written


@dataclass(frozen=True)
class Finding:
    """Something about the catalogue; `level` is "error" (data lost or wrong) or "note" (can be tidied)."""

    level: str
    text: str


@dataclass(frozen=True)
class Pruned:
    """What `prune` took away; sizes in bytes."""

    files: int
    bytes: int


def examine(catalogue: Catalogue) -> list[Finding]:
    """Look at the database and compare it with the files; empty means good health. Changes nothing."""
    with catalogue.read() as session:
        try:
            return [
                *_damage(session),
                *_lost(catalogue, session),
                *_spare(catalogue, session),
                *_leases(session),
            ]
        except DatabaseError as error:
            return [Finding("error", f"The database cannot be read ({error.orig}); restore a backup.")]


def prune(catalogue: Catalogue, *, young: float = YOUNG) -> Pruned:
    """Delete artifacts that nothing points at, folders of deleted runs and leftovers, unless `young` (seconds)."""
    with catalogue.write() as session:
        for sha256 in _unused(session):
            if _age(catalogue.artifacts.path(sha256)) > young:
                session.execute(delete(table("artifacts")).where(table("artifacts").c.sha256 == sha256))
    # Rows go first, so that none is left without its file. Under the write lock nobody adds a row between our
    # looking and our deleting; and a file whose row is still to come is young, as putting it renews its time.
    with catalogue.write() as session:
        going = [path for path in _without_row(catalogue, session) if _age(path) > young]
        size = sum(path.stat().st_size for path in going)
        for path in going:
            path.unlink()
        for folder in _runs_gone(catalogue, session):
            if _age(folder) > young:
                shutil.rmtree(folder)
    return Pruned(len(going), size)


def _damage(session: Session) -> Iterator[Finding]:
    for message in session.scalars(text("PRAGMA integrity_check")):
        if message != "ok":
            yield Finding("error", f"The database is damaged ({message}); restore a backup.")
    for name, row_id, parent, _ in session.execute(text("PRAGMA foreign_key_check")):
        yield Finding("error", f"Row {row_id} of {name} points at a row of {parent} that is missing.")


def _lost(catalogue: Catalogue, session: Session) -> Iterator[Finding]:
    artifacts = table("artifacts")
    for sha256, size in session.execute(select(artifacts.c.sha256, artifacts.c.bytes)):
        path = catalogue.artifacts.path(sha256)
        if not path.is_file():
            yield Finding("error", f"The file {path} is missing.")
        elif path.stat().st_size != size:
            yield Finding("error", f"The file {path} is of {path.stat().st_size} bytes where {size} were written.")
        elif digest_of(path) != sha256:
            yield Finding("error", f"The content of {path} is not what was written (its sha256 differs).")


def _spare(catalogue: Catalogue, session: Session) -> Iterator[Finding]:
    for path in _without_row(catalogue, session):
        what = "was left unfinished" if UNFINISHED in path.name else "belongs to no row"
        yield Finding("note", f"The file {path} {what}; `thalweg doctor --prune` deletes it an hour after its making.")
    if gone := _runs_gone(catalogue, session):
        what = "1 folder of a deleted run is" if len(gone) == 1 else f"{len(gone)} folders of deleted runs are"
        yield Finding("note", f"{what} left; `thalweg doctor --prune` tidies up.")
    if unused := _unused(session):
        what = "1 artifact" if len(unused) == 1 else f"{len(unused)} artifacts"
        yield Finding("note", f"Nothing points at {what}; `thalweg doctor --prune` tidies up.")


def _runs_gone(catalogue: Catalogue, session: Session) -> list[Path]:
    """Folders (logs, checkpoints) of runs that were deleted."""
    known = {str(run_id) for run_id in session.scalars(select(table("runs").c.id))}
    folders = (catalogue.files / "runs").glob("*")
    return sorted(folder for folder in folders if folder.name.isdecimal() and folder.name not in known)


def _leases(session: Session) -> Iterator[Finding]:
    leases, attempts = table("device_leases"), table("attempts")
    query = select(leases.c.host, leases.c.device, attempts.c.run_id).join(attempts)
    for host, device, run_id in session.execute(query.where(attempts.c.state.not_in(ACTIVE))):
        yield Finding("error", f"The device {device} of {host} is still leased to run {run_id}, which has ended.")


def _unused(session: Session) -> set[str]:
    """Artifacts that have a row, but no model, path, bound or certificate."""
    known = select(table("artifacts").c.sha256)
    users = [table(name).c.artifact for name in ("models", "paths", "bounds", "certificates")]
    used = [select(artifact).where(artifact.is_not(None)) for artifact in users]
    return set(session.scalars(known.except_(*used)))


def _without_row(catalogue: Catalogue, session: Session) -> list[Path]:
    known = {catalogue.artifacts.path(sha256) for sha256 in session.scalars(select(table("artifacts").c.sha256))}
    stored = set(catalogue.artifacts.root.glob(f"??/*{SUFFIX}"))
    unfinished = catalogue.artifacts.root.glob(f"{UNFINISHED}*")
    return sorted((stored - known) | set(unfinished))


def _age(path: Path) -> float:
    """Seconds since the file was last put; a missing file is as old as can be."""
    return time.time() - path.stat().st_mtime if path.exists() else math.inf
