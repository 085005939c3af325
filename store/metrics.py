"""Curves that runs draw while they go: millions of points, so plain tuples in and out."""

from collections.abc import Sequence
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

    def names(self, run_id: int) -> list[str]:
        """Names of the run's curves, sorted."""
        query = select(MetricRow.name).where(MetricRow.run_id == run_id).distinct().order_by(MetricRow.name)
        return list(self._session.scalars(query))
