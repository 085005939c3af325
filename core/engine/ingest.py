"""From a worker's lines to rows: the only place where results enter the catalogue.

Reading a line twice changes nothing: the offset moves in the same transaction as the rows, and results are
kept once for each place within their run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import FINDINGS
from core.results import (
    AnyEvent,
    Beat,
    BoundMade,
    CertificateMade,
    CurveSaid,
    Ended,
    Environment,
    MetricsSaid,
    ModelMade,
    PathMade,
    from_line,
)
from store import Attempt, Bounds, Catalogue, Certificates, Metrics, Models, Paths, Runs, StoreError

TEXT = 300  # characters of a line that can't be read, in the cause
#: Results that may lie in files, and what artifacts they leave.
WITH_FILES = {ModelMade: "model", PathMade: "path", CertificateMade: "certificate", BoundMade: "bound"}
CHUNK = 4 << 20  # bytes of lines that one transaction takes in


@dataclass(frozen=True)
class Batch:
    """Complete lines from the journal, and the offset of the next ones."""

    events: list[AnyEvent]
    offset: int
    unread: str | None = None  # why a result among them can't be read, with its text


def ingest(catalogue: Catalogue, attempt: Attempt, folder: Path) -> bool:
    """Take in what the worker has reported since last time; whether there was anything.

    Raises StoreError, with nothing changed, where the catalogue can't be written now. A result that it will never take
    fails the run.
    """
    batch = read_lines(folder / "events.jsonl", attempt.offset)
    if batch is None:
        return False
    files = {
        event.file: WITH_FILES[type(event)]
        for event in batch.events
        if isinstance(event, ModelMade | PathMade | CertificateMade | BoundMade) and event.file is not None
    }
    files |= {
        event.pieces_file: "certificate"
        for event in batch.events
        if isinstance(event, PathMade) and event.pieces_file is not None
    }
    brought = {name: catalogue.artifacts.bring(folder / name) for name in files if (folder / name).exists()}
    try:
        with catalogue.write() as session:
            for name, sha256 in brought.items():
                catalogue.artifacts.record(sha256, session, files[name])
            Results(session, attempt.run_id, brought).add(batch.events)
            _follow(Runs(session), attempt, batch)
    except (StoreError, ValueError, LookupError) as error:
        if isinstance(error, StoreError) and not isinstance(error.__cause__, IntegrityError | OverflowError):
            raise
        with catalogue.write() as session:
            _follow(Runs(session), attempt, replace(batch, events=[], unread=str(error)))
    for name in brought:  # the catalogue has its copy; a line read again without its file is passed over
        (folder / name).unlink()
    return True


def read_lines(file: Path, offset: int) -> Batch | None:
    """The complete lines behind `offset`, up to a chunk; None where there are none."""
    try:
        with file.open("rb") as opened:
            opened.seek(offset)
            data = opened.read(CHUNK)
            while data and b"\n" not in data and (more := opened.read(CHUNK)):
                data += more
    except FileNotFoundError:
        return None
    end = data.rfind(b"\n") + 1
    if end == 0:
        return None
    events: list[AnyEvent] = []
    unread = None
    for line in data[:end].splitlines():
        try:
            events.append(from_line(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if _is_result(line):
                unread = unread or f"{error}: {line[:TEXT].decode(errors='replace')}"
    return Batch(events, offset + end, unread)


def _is_result(line: bytes) -> bool:
    """Whether a line that can't be read is a whole one, and says more than that the job lives.

    What a full disk tore is not whole, and its job knows that it could not write it.
    """
    return line.endswith(b"}") and not line.startswith((b'{"event":"beat"', b'{"event":"metrics"'))


@dataclass(frozen=True)
class Results:
    """Adds a run's results within one transaction; `brought` are its artifacts by file name."""

    session: Session
    run_id: int
    brought: dict[str, str]

    def add(self, events: Sequence[AnyEvent]) -> None:
        said = [point for event in events if isinstance(event, MetricsSaid) for point in event.points]
        points = [(name, step, value, seconds) for name, step, value, seconds in said if value is not None]
        if points:
            Metrics(self.session).add(self.run_id, points)
        for event in events:
            match event:
                case CurveSaid():
                    Metrics(self.session).describe(self.run_id, event.name, event.unit, event.family, event.position)
                case ModelMade() if event.file in self.brought:
                    Models(self.session).add(self.run_id, {**_columns(event), "artifact": self.brought[event.file]})
                case PathMade() if event.file in self.brought:
                    self._add_path(event)
                case CertificateMade():
                    values = {**_columns(event), "artifact": self.brought.get(event.file or "")}
                    segments = values.pop("segments")
                    Certificates(self.session).add(self.run_id, values, segments)
                case BoundMade():
                    values = {**_columns(event), "artifact": self.brought.get(event.file or "")}
                    measurements = values.pop("measurements")
                    Bounds(self.session).add(self.run_id, values, measurements)

    def _add_path(self, event: PathMade) -> None:
        values = {
            **event.values,
            "position": event.position,
            "model_a": event.model_a,
            "model_b": Models(self.session).made_by(self.run_id)[0].id if event.model_b is None else event.model_b,
            "artifact": self.brought[event.file],
        }
        segments = [msgspec.structs.asdict(one) for one in event.segments]
        points = [msgspec.structs.asdict(one) for one in event.points]
        pieces = self.brought.get(event.pieces_file or "")
        Paths(self.session).add(self.run_id, values, segments, points, pieces)


def _columns(event: ModelMade | BoundMade | CertificateMade) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(event)
    if (source := values.get("source")) is not None:
        values["source"] = msgspec.json.encode(source).decode()
    return {name: value for name, value in values.items() if name not in ("event", "file")}


def _follow(runs: Runs, attempt: Attempt, batch: Batch) -> None:
    """Progress, environment and the end, as far as this batch contains them."""
    last = next((event for event in reversed(batch.events) if isinstance(event, Beat)), None)
    if last is None:
        runs.beat(attempt.id, offset=batch.offset, at=datetime.now(UTC))
    else:
        runs.beat(
            attempt.id,
            offset=batch.offset,
            at=datetime.fromtimestamp(last.at, UTC),
            fraction=last.fraction,
            eta_seconds=last.eta_seconds,
            message=last.message,
        )
    if batch.unread is not None:
        runs.finish(attempt.id, "failed", f"A result of this run can't be read: {batch.unread}", "bad result")
    for event in batch.events:
        match event:
            case Environment():
                runs.environment(attempt.id, msgspec.json.encode(event.facts).decode())
            case Ended():
                outcome = "finding" if event.state == "failed" and event.cause_kind in FINDINGS else None
                runs.finish(attempt.id, event.state, event.cause, event.cause_kind, outcome=outcome)
