"""Curves that runs draw while they go: millions of points, so plain tuples in and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base

# A restart draws its steps again: the newest attempt's numbers are the ones that led to the result.
UPSERT = (
    "INSERT INTO metrics (run_id, name, step, value, seconds) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (run_id, name, step) DO UPDATE SET value = excluded.value, seconds = excluded.seconds"
)


class MetricRow(Base):
    __tablename__ = "metrics"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, doc="run that drew it"
    )
    name: Mapped[str] = mapped_column(primary_key=True, doc="name of the curve: train_loss, …")
    step: Mapped[int] = mapped_column(primary_key=True, doc="place on the curve: step or epoch")
    value: Mapped[float | None] = mapped_column(doc="the value, in the curve's own unit")
    seconds: Mapped[float | None] = mapped_column(doc="time since the attempt began, s")


class CurveRow(Base):
    __tablename__ = "curves"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, doc="run that drew it"
    )
    name: Mapped[str] = mapped_column(primary_key=True, doc="name of the curve, as in metrics")
    unit: Mapped[str] = mapped_column(doc="what its steps count: epoch, layer, beads")
    family: Mapped[str] = mapped_column(doc="what it is drawn together with: loss, gaps, …")
    position: Mapped[int | None] = mapped_column(doc="model of the run that it is of, where that makes several")


@dataclass(frozen=True)
class CurveRecord:
    """A curve's name and meaning (CurveRow); of a run that said none its steps are steps, and it is its own family."""

    name: str
    unit: str
    family: str
    position: int | None


class Metrics:
    """Reads and writes inside the caller's transaction; it never commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, run_id: int, points: Sequence[tuple[str, int, float, float | None]]) -> None:
        """Add points (name, step, value, seconds) of a run; a point that is there takes the new value."""
        if points:
            rows = [(run_id, *point) for point in points]
            self._session.connection().exec_driver_sql(UPSERT, rows)

    def curve(self, run_id: int, name: str) -> list[tuple[int, float, float | None]]:
        """The curve's points (step, value, seconds) in order of step; a value that was no number is nan."""
        mine = (MetricRow.run_id == run_id) & (MetricRow.name == name)
        query = select(MetricRow.step, MetricRow.value, MetricRow.seconds).where(mine).order_by(MetricRow.step)
        rows = self._session.execute(query)
        return [(step, nan if value is None else value, seconds) for step, value, seconds in rows]

    def describe(self, run_id: int, name: str, unit: str, family: str, position: int | None = None) -> None:
        """Say what a curve of a run means; what was said of it before is replaced."""
        self._session.merge(CurveRow(run_id=run_id, name=name, unit=unit, family=family, position=position))

    def names(self, run_id: int) -> list[str]:
        """Names of the run's curves, sorted."""
        return [one.name for one in self.curves(run_id)]

    def curves(self, run_id: int) -> list[CurveRecord]:
        """The run's curves, by name."""
        drawn = select(MetricRow.name).where(MetricRow.run_id == run_id).distinct().subquery()
        said = (CurveRow.run_id == run_id) & (CurveRow.name == drawn.c.name)
        query = (
            select(drawn.c.name, CurveRow.unit, CurveRow.family, CurveRow.position)
            .select_from(drawn)
            .outerjoin(CurveRow, said)
            .order_by(drawn.c.name)
        )
        return [
            CurveRecord(name, unit or "step", family or name, position)
            for name, unit, family, position in self._session.execute(query)
        ]
