"""Paths between models: what was measured along them, what was certified; their knots are artifacts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import NEVER_REUSED, Base, add_once, add_parts, fetch, fetch_one
from store.certificates import L1, RIDGE, Certificates


@dataclass(frozen=True)
class PathRecord:
    """Every column of `paths` (meanings and units: PathRow)."""

    id: int
    run_id: int
    position: int
    name: str | None
    model_a: int
    model_b: int
    method: str | None
    network: str | None
    data: str | None
    on: str | None
    threshold: float | None
    connected: bool | None
    train_loss_a: float | None
    train_loss_b: float | None
    stored_train_loss_a: float | None
    stored_train_loss_b: float | None
    bn: str | None
    max_train_loss: float | None
    mean_train_loss: float | None
    integral_train_loss: float | None
    train_error_a: float | None
    train_error_b: float | None
    max_train_error: float | None
    mean_train_error: float | None
    integral_train_error: float | None
    test_loss_a: float | None
    test_loss_b: float | None
    max_test_loss: float | None
    mean_test_loss: float | None
    integral_test_loss: float | None
    test_error_a: float | None
    test_error_b: float | None
    max_test_error: float | None
    mean_test_error: float | None
    integral_test_error: float | None
    level: float | None
    drift: float | None
    excess: float | None
    certified: bool | None
    certificate: str | None
    residual: float | None
    slack: float | None
    pieces: int | None
    passes: int | None
    error_level: float | None
    test_level: float | None
    test_error_level: float | None
    penalised_level: float | None
    ridge: float | None
    l1: float | None
    barrier: float | None
    barrier_interpolated: float | None
    length: float | None
    normalized_length: float | None
    beads: int | None
    segments: int
    dtype: str | None
    forward_passes: float | None
    seconds: float | None
    artifact: str | None
    created_at: datetime
    starred: bool


@dataclass(frozen=True)
class SegmentRecord:
    """One piece of a path and why it is safe."""

    path_id: int
    position: int
    kind: str
    claim: str | None
    verdict: str | None
    reason: str | None
    bound: float | None
    residual: float | None
    length: float | None
    certificate: str | None
    seen: float | None
    pieces: int | None


@dataclass(frozen=True)
class ProfilePointRecord:
    """Losses and errors at one t of a path."""

    path_id: int
    t: float
    segment: int | None
    train_loss: float | None
    train_error: float | None
    test_loss: float | None
    test_error: float | None


def _measured(text: str, *, index: bool = False) -> Mapped[float | None]:
    return mapped_column(index=index, doc=text)


class PathRow(Base):
    __tablename__ = "paths"
    __table_args__ = (UniqueConstraint("run_id", "position"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True, doc="number of the path")
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), doc="run that made it")
    position: Mapped[int] = mapped_column(doc="place among the paths of its run, from 0")
    name: Mapped[str | None] = mapped_column(doc="name given by a person")
    model_a: Mapped[int] = mapped_column(ForeignKey("models.id"), index=True, doc="model at t = 0")
    model_b: Mapped[int] = mapped_column(ForeignKey("models.id"), index=True, doc="model at t = 1")
    method: Mapped[str | None] = mapped_column(index=True, doc="method that made it")
    network: Mapped[str | None] = mapped_column(index=True, doc="network of both models")
    data: Mapped[str | None] = mapped_column(index=True, doc="data set it was measured on")
    on: Mapped[str | None] = mapped_column(doc="quantity the threshold is for: train_loss, …")
    threshold: Mapped[float | None] = _measured("largest level that counts as connected; empty: none was requested")
    connected: Mapped[bool | None] = mapped_column(
        doc="whether the level is at most the threshold, and proven where prove=on"
    )
    train_loss_a: Mapped[float | None] = _measured("mean train loss at model_a, computed in float64")
    train_loss_b: Mapped[float | None] = _measured("mean train loss at model_b, computed in float64")
    stored_train_loss_a: Mapped[float | None] = _measured(
        "the same with the statistics that model_a is stored with; empty: the network has no batch-norm"
    )
    stored_train_loss_b: Mapped[float | None] = _measured(
        "the same with the statistics that model_b is stored with; empty: the network has no batch-norm"
    )
    bn: Mapped[str | None] = mapped_column(
        doc="statistics of batch-norms along it: data (recomputed), lerp, fold; empty: the network has none"
    )
    max_train_loss: Mapped[float | None] = _measured("largest mean train loss seen", index=True)
    mean_train_loss: Mapped[float | None] = _measured("train loss averaged over t")
    integral_train_loss: Mapped[float | None] = _measured("train loss integrated over the path's length")
    train_error_a: Mapped[float | None] = _measured("train error at model_a, 0 to 1")
    train_error_b: Mapped[float | None] = _measured("train error at model_b, 0 to 1")
    max_train_error: Mapped[float | None] = _measured("largest train error seen, 0 to 1")
    mean_train_error: Mapped[float | None] = _measured("train error averaged over t, 0 to 1")
    integral_train_error: Mapped[float | None] = _measured("train error integrated over the path's length")
    test_loss_a: Mapped[float | None] = _measured("mean test loss at model_a")
    test_loss_b: Mapped[float | None] = _measured("mean test loss at model_b")
    max_test_loss: Mapped[float | None] = _measured("largest mean test loss seen")
    mean_test_loss: Mapped[float | None] = _measured("test loss averaged over t")
    integral_test_loss: Mapped[float | None] = _measured("test loss integrated over the path's length")
    test_error_a: Mapped[float | None] = _measured("test error at model_a, 0 to 1")
    test_error_b: Mapped[float | None] = _measured("test error at model_b, 0 to 1")
    max_test_error: Mapped[float | None] = _measured("largest test error seen, 0 to 1")
    mean_test_error: Mapped[float | None] = _measured("test error averaged over t, 0 to 1")
    integral_test_error: Mapped[float | None] = _measured("test error integrated over the path's length")
    level: Mapped[float | None] = _measured("bound of the train loss on the whole path", index=True)
    drift: Mapped[float | None] = _measured("what rounding adds to the level; empty: not proven, or not known")
    excess: Mapped[float | None] = _measured("level above the larger end's train loss")
    certified: Mapped[bool | None] = mapped_column(index=True, doc="whether the level is proven, not only sampled")
    certificate: Mapped[str | None] = mapped_column(doc="sort of proof: exact, identity, enclosed or sampled")
    residual: Mapped[float | None] = _measured("largest departure from the claims, found by the checker")
    slack: Mapped[float | None] = _measured("level above the largest train loss seen; empty: not proven, or not known")
    pieces: Mapped[int | None] = mapped_column(doc="number of pieces that were decided one by one; empty: not known")
    passes: Mapped[int | None] = mapped_column(doc="passes over the train set that its proof cost; empty: no search")
    error_level: Mapped[float | None] = _measured(
        "bound of the train error on the whole path, 0 to 1; empty: not proven"
    )
    test_level: Mapped[float | None] = _measured("bound of the test loss on the whole path")
    test_error_level: Mapped[float | None] = _measured("bound of the test error on the whole path, 0 to 1")
    penalised_level: Mapped[float | None] = _measured("bound of the train loss with its penalty on the whole path")
    ridge: Mapped[float | None] = _measured(RIDGE)
    l1: Mapped[float | None] = _measured(L1)
    barrier: Mapped[float | None] = _measured("largest train loss above the larger end", index=True)
    barrier_interpolated: Mapped[float | None] = _measured(
        "largest train loss above the ends' losses, interpolated along t"
    )
    length: Mapped[float | None] = _measured("Euclidean length in parameter space", index=True)
    normalized_length: Mapped[float | None] = _measured("length over the ends' distance")
    beads: Mapped[int | None] = mapped_column(doc="interior models that were trained")
    segments: Mapped[int] = mapped_column(doc="number of segments")
    dtype: Mapped[str | None] = mapped_column(doc="number type of the profile: float32, …")
    forward_passes: Mapped[float | None] = _measured("passes over the train set that measuring it cost")
    seconds: Mapped[float | None] = _measured("time of construction, s")
    artifact: Mapped[str | None] = mapped_column(
        ForeignKey("artifacts.sha256"), index=True, doc="sha256 of the file of its segments"
    )
    created_at: Mapped[datetime] = mapped_column(index=True, doc="time it was added, UTC")
    starred: Mapped[bool] = mapped_column(default=False, server_default="0", doc="marked by a person")


class SegmentRow(Base):
    __tablename__ = "segments"

    path_id: Mapped[int] = mapped_column(ForeignKey("paths.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    claim: Mapped[str | None]
    verdict: Mapped[str | None]
    reason: Mapped[str | None]
    bound: Mapped[float | None]
    residual: Mapped[float | None]
    length: Mapped[float | None]
    certificate: Mapped[str | None] = mapped_column(
        doc="sort of proof: exact, identity, enclosed or sampled; empty: not known"
    )
    seen: Mapped[float | None] = mapped_column(doc="largest mean train loss seen on it")
    pieces: Mapped[int | None] = mapped_column(doc="number of pieces it was cut into, each decided by itself")


class ProfilePointRow(Base):
    __tablename__ = "profile_points"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    path_id: Mapped[int] = mapped_column(
        ForeignKey("paths.id", ondelete="CASCADE"), primary_key=True, doc="path it is a point of"
    )
    t: Mapped[float] = mapped_column(primary_key=True, doc="place on the path, 0 to 1")
    segment: Mapped[int | None] = mapped_column(doc="its segment, from 0")
    train_loss: Mapped[float | None] = mapped_column(doc="mean loss over the train set")
    train_error: Mapped[float | None] = mapped_column(doc="share of train samples classified wrongly, 0 to 1")
    test_loss: Mapped[float | None] = mapped_column(doc="mean loss over the test set")
    test_error: Mapped[float | None] = mapped_column(doc="share of test samples classified wrongly, 0 to 1")


class Paths:
    """Reads and writes inside the caller's transaction; it never commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        run_id: int,
        values: Mapping[str, object],
        segments: Sequence[Mapping[str, object]],
        points: Sequence[Mapping[str, object]],
        pieces: str | None = None,
    ) -> int:
        """Add the path at `values["position"]` (default 0) of a run; its id, also when it was there.

        `segments` get their positions in the order given; `points` need distinct `t`; `pieces` is the artifact of what
        its certificate was found on.
        """
        counted = {"pieces": len(segments), **values, "segments": len(segments)}
        path_id, is_new = add_once(self._session, "paths", run_id, counted)
        if is_new:
            owner = {"path_id": path_id}
            numbered = [{**segment, "position": place} for place, segment in enumerate(segments)]
            add_parts(self._session, "segments", owner, numbered)
            add_parts(self._session, "profile_points", owner, [dict(point) for point in points])
            Certificates(self._session).begin(path_id, pieces)
        return path_id

    def get(self, path_id: int) -> PathRecord:
        """The path of this id; NotFoundError."""
        return fetch_one(self._session, PathRecord, "path", path_id)

    def made_by(self, run_id: int) -> list[PathRecord]:
        """The paths that a run left, by their place within it."""
        return fetch(self._session, PathRecord, "paths", PathRow.run_id == run_id)

    def segments(self, path_id: int) -> list[SegmentRecord]:
        """The path's segments, from model_a to model_b."""
        return fetch(self._session, SegmentRecord, "segments", SegmentRow.path_id == path_id)

    def points(self, path_id: int) -> list[ProfilePointRecord]:
        """The path's profile in order of t."""
        return fetch(self._session, ProfilePointRecord, "profile_points", ProfilePointRow.path_id == path_id)
