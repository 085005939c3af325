"""Certificates of paths: every attempt to say how high the loss on a path can be; `paths` shows the strongest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint, case, func, insert, literal, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import MANAGED, NEVER_REUSED, Base, fetch, insert_row, now, refuse_unknown, table

#: Kinds from the strongest to the weakest; a path of which nothing is known comes last.
STRENGTHS = ("exact", "identity", "enclosed", "sampled")
PROVEN = ("exact", "identity", "enclosed")
#: Columns that a path and its certificate both have, of pieces and what is proven on them.
PIECES = (
    *("slack", "pieces", "passes", "error_level", "test_level", "test_error_level"),
    *("penalised_level", "ridge", "l1"),
)
#: What the factors of `penalised_level` are.
RIDGE = "factor of the squared weights in penalised_level; empty: there is none"
L1 = "factor of the absolute weights in penalised_level; empty: there is none"
#: Columns of a segment that say what a certificate found of it.
FOUND = ("verdict", "reason", "bound", "residual", "certificate", "seen", "pieces")
#: Columns of a path's first certificate, and the path's own that say the same.
FIRST = {
    "path_id": "id",
    "run_id": "run_id",
    "kind": "certificate",
    "level": "level",
    "seen": "max_train_loss",
    "drift": "drift",
    "residual": "residual",
    **{name: name for name in PIECES},
    "created_at": "created_at",
}


@dataclass(frozen=True)
class CertificateRecord:
    """Every column of `certificates` (meanings and units: CertificateRow)."""

    id: int
    path_id: int
    run_id: int
    kind: str | None
    level: float | None
    seen: float | None
    drift: float | None
    residual: float | None
    pieces: int | None
    slack: float | None
    passes: int | None
    error_level: float | None
    test_level: float | None
    test_error_level: float | None
    penalised_level: float | None
    ridge: float | None
    l1: float | None
    artifact: str | None
    created_at: datetime


class CertificateRow(Base):
    __tablename__ = "certificates"
    __table_args__ = (UniqueConstraint("path_id", "run_id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True, doc="number of the certificate")
    path_id: Mapped[int] = mapped_column(ForeignKey("paths.id", ondelete="CASCADE"), doc="path it is of")
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True, doc="run that made it")
    kind: Mapped[str | None] = mapped_column(doc="sort of proof: exact, identity, enclosed or sampled")
    level: Mapped[float | None] = mapped_column(doc="bound of the train loss on the whole path")
    seen: Mapped[float | None] = mapped_column(doc="largest mean train loss seen")
    drift: Mapped[float | None] = mapped_column(doc="what rounding adds to the level; empty: not proven, or not known")
    residual: Mapped[float | None] = mapped_column(doc="largest departure from the claims, found by the checker")
    pieces: Mapped[int | None] = mapped_column(doc="number of pieces that were decided one by one")
    slack: Mapped[float | None] = mapped_column(
        doc="level above the largest train loss seen; empty: not proven, or not known"
    )
    passes: Mapped[int | None] = mapped_column(doc="passes over the train set that its proof cost; empty: no search")
    error_level: Mapped[float | None] = mapped_column(
        doc="bound of the train error on the whole path, 0 to 1; empty: not proven"
    )
    test_level: Mapped[float | None] = mapped_column(doc="bound of the test loss on the whole path")
    test_error_level: Mapped[float | None] = mapped_column(doc="bound of the test error on the whole path, 0 to 1")
    penalised_level: Mapped[float | None] = mapped_column(
        doc="bound of the train loss with its penalty on the whole path"
    )
    ridge: Mapped[float | None] = mapped_column(doc=RIDGE)
    l1: Mapped[float | None] = mapped_column(doc=L1)
    artifact: Mapped[str | None] = mapped_column(
        ForeignKey("artifacts.sha256"), index=True, doc="sha256 of the file of its pieces; empty: there is none"
    )
    created_at: Mapped[datetime] = mapped_column(doc="time it was added, UTC")


def strength(kind: ColumnElement[str | None]) -> ColumnElement[int]:
    """0 for the strongest kind of certificate, and more for weaker ones."""
    return case({name: place for place, name in enumerate(STRENGTHS)}, value=kind, else_=len(STRENGTHS))


def by_strength() -> tuple[ColumnElement[Any], ...]:
    """The order of a path's certificates, the one that the path shows first: by kind, then level, then age.

    A level that isn't proven is only what was seen, and a lower one is no better: of these the oldest comes first.
    """
    rows = table("certificates").c
    level = case((rows.kind.in_(PROVEN), rows.level))
    unrounded = case((rows.kind.in_(PROVEN) & rows.drift.is_(None), 1), else_=0)
    return (strength(rows.kind), unrounded, level.asc().nulls_last(), rows.id.asc())


class Certificates:
    """Reads and writes inside the caller's transaction; it never commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, path_id: int, artifact: str | None = None) -> None:
        """Unless a path has a certificate, add its first: what the path itself says.

        `artifact` is the file of its pieces.
        """
        if not self.of(path_id):  # a path written by an agent older than this table has none
            paths = table("paths").c
            own = select(*(paths[name] for name in FIRST.values()), literal(artifact)).where(paths.id == path_id)
            self._session.execute(insert(CertificateRow).from_select([*FIRST, "artifact"], own))

    def add(self, run_id: int, values: Mapping[str, object], segments: Sequence[Mapping[str, object]] = ()) -> int:
        """Add what a run found of the path `values["path_id"]`, unless it was added before; the certificate's id.

        If it is the strongest, the path shows it from now on, and each segment what `segments` say of its `position`.
        (An agent that resumes a run of an older version's has none.)
        """
        certificates = table("certificates")
        refuse_unknown(values, {column.key for column in certificates.columns} - MANAGED, "certificates")
        path_id = int(str(values["path_id"]))
        self.begin(path_id)
        mine = (certificates.c.run_id == run_id) & (certificates.c.path_id == path_id)
        if (known := self._session.scalar(select(certificates.c.id).where(mine))) is not None:
            return int(known)
        added = insert_row(self._session, "certificates", {**values, "run_id": run_id, "created_at": now()})
        if (strongest := self.of(path_id)[0]).id == added:
            self._show(strongest, segments)
        return added

    def of(self, path_id: int) -> list[CertificateRecord]:
        """All certificates of a path, the strongest first."""
        return fetch(
            self._session, CertificateRecord, "certificates", CertificateRow.path_id == path_id, order=by_strength()
        )

    def _show(self, one: CertificateRecord, segments: Sequence[Mapping[str, object]]) -> None:
        """Let the path show a certificate, and its segments what that says of them."""
        rows = table("segments")
        for segment in segments:
            mine = (rows.c.path_id == one.path_id) & (rows.c.position == segment["position"])
            self._session.execute(update(rows).where(mine).values({name: segment[name] for name in FOUND}))
        paths = table("paths").c
        excess = None if one.level is None else one.level - func.max(paths.train_loss_a, paths.train_loss_b)
        judged = (paths.on == "train_loss") & paths.threshold.is_not(None)
        shown = {
            "certificate": one.kind,
            "certified": one.kind in PROVEN,
            "level": one.level,
            "drift": one.drift,
            "residual": one.residual,
            "excess": excess,
            **{name: getattr(one, name) for name in PIECES},
            "connected": case((judged, literal(one.level) <= paths.threshold), else_=paths.connected),
        }
        self._session.execute(update(table("paths")).where(paths.id == one.path_id).values(shown))
