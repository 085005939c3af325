"""Networks that runs trained or imported; their weights are artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import NEVER_REUSED, Base, add_once, fetch, fetch_one

#: What a model is for. Helpers (beads, oracles, restricted networks) are left out of lists unless they are asked for.
ROLES = ("trained", "imported", "aligned", "merged", "helper")


@dataclass(frozen=True)
class ModelRecord:
    """Every column of `models` (meanings and units: ModelRow)."""

    id: int
    run_id: int
    position: int
    name: str | None
    network: str | None
    data: str | None
    loss: str | None
    architecture: str | None
    data_fingerprint: str | None
    parameters: int | None
    seed: int | None
    dtype: str | None
    train_loss: float | None
    train_error: float | None
    test_loss: float | None
    test_error: float | None
    epochs: int | None
    reached: bool | None
    seconds: float | None
    artifact: str | None
    created_at: datetime
    starred: bool
    role: str
    source: str | None


class ModelRow(Base):
    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("run_id", "position"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True, doc="number of the model")
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), doc="run that made it")
    position: Mapped[int] = mapped_column(doc="place among the models of its run, from 0")
    name: Mapped[str | None] = mapped_column(index=True, doc="name given by a person")
    network: Mapped[str | None] = mapped_column(index=True, doc="network, as requested")
    data: Mapped[str | None] = mapped_column(index=True, doc="data set, as requested")
    loss: Mapped[str | None] = mapped_column(doc="loss it was trained with: cross-entropy, square, …")
    architecture: Mapped[str | None] = mapped_column(doc="fingerprint of the parameters' names and shapes")
    data_fingerprint: Mapped[str | None] = mapped_column(doc="fingerprint of the data it was trained on")
    parameters: Mapped[int | None] = mapped_column(doc="number of parameters")
    seed: Mapped[int | None] = mapped_column(doc="seed of its random numbers")
    dtype: Mapped[str | None] = mapped_column(doc="number type of the weights: float32, …")
    train_loss: Mapped[float | None] = mapped_column(index=True, doc="mean loss over the train set")
    train_error: Mapped[float | None] = mapped_column(doc="share of train samples classified wrongly, 0 to 1")
    test_loss: Mapped[float | None] = mapped_column(doc="mean loss over the test set")
    test_error: Mapped[float | None] = mapped_column(index=True, doc="share of test samples classified wrongly, 0 to 1")
    epochs: Mapped[int | None] = mapped_column(doc="passes over the train set")
    reached: Mapped[bool | None] = mapped_column(
        doc="whether the requested loss was reached; empty: none was requested"
    )
    seconds: Mapped[float | None] = mapped_column(doc="time of training, s")
    artifact: Mapped[str | None] = mapped_column(
        ForeignKey("artifacts.sha256"), index=True, doc="sha256 of the file of its weights"
    )
    created_at: Mapped[datetime] = mapped_column(index=True, doc="time it was added, UTC")
    starred: Mapped[bool] = mapped_column(default=False, server_default="0", doc="marked by a person")
    role: Mapped[str] = mapped_column(
        default="trained",
        server_default="trained",
        index=True,
        doc="what it is for: trained, imported, aligned, merged or helper",
    )
    source: Mapped[str | None] = mapped_column(doc="file that it was imported from, and how that was read: JSON")


class Models:
    """Reads and writes inside the caller's transaction; it never commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, run_id: int, values: Mapping[str, object]) -> int:
        """Add the model at `values["position"]` (default 0) of a run; its id, also when it was there."""
        model_id, _ = add_once(self._session, "models", run_id, values)
        return model_id

    def get(self, model_id: int) -> ModelRecord:
        """The model of this id; NotFoundError."""
        return fetch_one(self._session, ModelRecord, "model", model_id)

    def made_by(self, run_id: int) -> list[ModelRecord]:
        """The models that a run left, by their place within it."""
        return fetch(self._session, ModelRecord, "models", ModelRow.run_id == run_id)
