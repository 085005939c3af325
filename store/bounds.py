"""Quantities computed of one model, and the measurements they rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import NEVER_REUSED, Base, add_once, add_parts, fetch, fetch_one


@dataclass(frozen=True)
class Bound:
    """Every column of `bounds` (meanings and units: BoundRow)."""

    id: int
    run_id: int
    position: int
    model_id: int
    kind: str
    value: float | None
    layer_count: int | None
    summary: str | None
    seconds: float | None
    artifact: str | None
    created_at: datetime
    starred: bool


@dataclass(frozen=True)
class Measurement:
    """One number of a bound, model, path or run (meanings: MeasurementRow)."""

    id: int
    owner_kind: str
    owner_id: int
    name: str
    layer: int | None
    draw: int | None
    value: float | None
    family: str
    role: str
    draws: str


class BoundRow(Base):
    __tablename__ = "bounds"
    __table_args__ = (UniqueConstraint("run_id", "position"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True, doc="number of the bound")
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), doc="run that made it")
    position: Mapped[int] = mapped_column(doc="place among the bounds of its run, from 0")
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), index=True, doc="model it is of")
    kind: Mapped[str] = mapped_column(index=True, doc="quantity that was computed")
    value: Mapped[float | None] = mapped_column(index=True, doc="its value, in the quantity's own unit")
    layer_count: Mapped[int | None] = mapped_column(doc="number of layers it was computed for")
    summary: Mapped[str | None] = mapped_column(doc="the result in words")
    seconds: Mapped[float | None] = mapped_column(doc="time of computation, s")
    artifact: Mapped[str | None] = mapped_column(
        ForeignKey("artifacts.sha256"), index=True, doc="sha256 of the file of its grid; empty: there is none"
    )
    created_at: Mapped[datetime] = mapped_column(index=True, doc="time it was added, UTC")
    starred: Mapped[bool] = mapped_column(default=False, server_default="0", doc="marked by a person")


class MeasurementRow(Base):
    __tablename__ = "measurements"
    __table_args__ = (
        CheckConstraint("owner_kind IN ('bound', 'model', 'path', 'run')", name="owner_kind_known"),
        Index(None, "owner_kind", "owner_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_kind: Mapped[str]
    owner_id: Mapped[int]
    name: Mapped[str]
    layer: Mapped[int | None] = mapped_column(doc="layer it is of, from 0; empty: of the whole")
    draw: Mapped[int | None] = mapped_column(doc="draw it is of, from 0; empty: there are no draws")
    value: Mapped[float | None]
    family: Mapped[str] = mapped_column(server_default="", doc="what it is drawn together with; empty: its own name")
    role: Mapped[str] = mapped_column(
        server_default="value", doc="value, verdict, assumption, or aside: about a verdict"
    )
    draws: Mapped[str] = mapped_column(server_default="draw", doc="what its draws are: draw, or point of a curve")


class Bounds:
    """Reads and writes inside the caller's transaction; it never commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, run_id: int, values: Mapping[str, object], measurements: Sequence[Mapping[str, object]] = ()) -> int:
        """Add the bound at `values["position"]` (default 0) of a run; its id, also when it was there.

        A measurement has `name`, `value` and where they apply `layer` and `draw`.
        """
        bound_id, is_new = add_once(self._session, "bounds", run_id, values)
        if is_new:
            owner = {"owner_kind": "bound", "owner_id": bound_id}
            add_parts(self._session, "measurements", owner, [dict(one) for one in measurements])
        return bound_id

    def get(self, bound_id: int) -> Bound:
        """The bound of this id; NotFoundError."""
        return fetch_one(self._session, Bound, "bound", bound_id)

    def measurements(self, owner_kind: str, owner_id: int) -> list[Measurement]:
        """What was measured of a "bound", "model", "path" or "run", in the order it was added."""
        mine = (MeasurementRow.owner_kind == owner_kind) & (MeasurementRow.owner_id == owner_id)
        return fetch(self._session, Measurement, "measurements", mine)
