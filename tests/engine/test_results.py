"""The lines of a journal: numbers that are not finite, results that can't be read, what a full disk tore."""

import errno
import os
from math import inf, nan
from pathlib import Path

import pytest

from core.engine.ingest import ingest, read_lines
from core.engine.worker.journal import Journal
from core.results import (
    AnyEvent,
    Beat,
    BoundMade,
    CertificateMade,
    CurveSaid,
    Ended,
    Environment,
    Measurement,
    MetricsSaid,
    as_loss,
    beyond_rounding,
    from_line,
    to_line,
)
from store import Bounds, Catalogue, Metrics, Runs
from store.runs import Device
from tests.store.filling import enqueue, joined_models, machine

BOUND = BoundMade(
    position=0,
    model_id=1,
    kind="rank",
    value=inf,
    layer_count=1,
    summary='a name such as "Infinity"',
    seconds=0.5,
    measurements=[Measurement(name="loss", value=-inf, layer=1), Measurement(name="loss", value=2.5, draw=0)],
)


@pytest.mark.parametrize(
    "event",
    [
        BOUND,
        MetricsSaid(points=[("train_loss", 1, inf, 0.5), ("train_loss", 2, None, 0.6)]),
        Beat(at=17.5, message="Infinity"),
        Ended(state="done"),
    ],
)
def test_a_line_reads_back_as_it_was(event: object) -> None:
    assert from_line(to_line(event)) == event


def test_a_loss_that_is_not_a_number_is_infinite_and_anything_else_is_not_measured() -> None:
    assert as_loss(nan) == inf
    assert as_loss(-inf) == -inf
    line = to_line(BoundMade(**{**vars_of(BOUND), "value": nan}))
    assert from_line(line) == BoundMade(**{**vars_of(BOUND), "value": None})


@pytest.mark.parametrize(
    ("excess", "drift", "told"),
    [(2.0, 1.0, 2.0), (1.0, 1.0, 0.0), (0.5, 1.0, 0.0), (0.5, None, 0.5), (-0.5, 1.0, -0.5), (0.0, None, 0.0)],
)
def test_a_level_that_rises_by_rounding_alone_rises_by_nothing(excess: float, drift: float | None, told: float) -> None:
    assert beyond_rounding(excess, drift) == told


def vars_of(event: BoundMade) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


@pytest.fixture
def running(tmp_path: Path) -> tuple[Catalogue, int, Path]:
    """A catalogue with one running attempt, its run and the attempt's folder."""
    catalogue = Catalogue.open(tmp_path / "catalogue.sqlite")
    with catalogue.write() as session:
        run_id = enqueue(session)
        Runs(session).claim(machine(), 1, [Device("cpu", 1)])
    return catalogue, run_id, tmp_path


def state_of(catalogue: Catalogue, run_id: int) -> tuple[str, str | None, str | None]:
    with catalogue.read() as session:
        run = Runs(session).get(run_id)
    return run.state, run.cause_kind, run.cause


def take(catalogue: Catalogue, run_id: int, folder: Path) -> None:
    with catalogue.read() as session:
        attempt = Runs(session).attempts(run_id)[-1]
    ingest(catalogue, attempt, folder)


def test_a_result_that_cannot_be_read_fails_its_run_with_its_text(running: tuple[Catalogue, int, Path]) -> None:
    catalogue, run_id, folder = running
    bad = b'{"event":"bound","position":0,"model_id":1,"kind":"rank","value":null,"seconds":null}\n'
    (folder / "events.jsonl").write_bytes(to_line(Beat(at=1.0)) + bad + to_line(Ended(state="done")))
    take(catalogue, run_id, folder)
    state, kind, cause = state_of(catalogue, run_id)
    assert (state, kind) == ("failed", "bad result")
    assert cause is not None
    assert '"kind":"rank"' in cause


@pytest.mark.parametrize(
    "torn", [b'{"event":"bea', b'{"event":"beat","at":12', b'{"event":"metrics","points":[["a",1', b"{"]
)
def test_what_a_full_disk_tore_is_passed_over(running: tuple[Catalogue, int, Path], torn: bytes) -> None:
    catalogue, run_id, folder = running
    (folder / "events.jsonl").write_bytes(torn + b"\n" + to_line(Ended(state="done")))
    take(catalogue, run_id, folder)
    assert state_of(catalogue, run_id) == ("done", None, None)


NEVER = {
    "a certificate of a path that is gone": to_line(
        CertificateMade(path_id=99, kind="exact", level=1.0, seen=0.5, drift=0.0, residual=0.0, pieces=1)
    ),
    "a bound of a model that is gone": to_line(BoundMade(**{**vars_of(BOUND), "model_id": 99})),
    "bytes that are no text": b'{"event":"bound","kind":"\xff"}\n',
    "an end of an unknown state": b'{"event":"ended","state":"asleep"}\n',
}


@pytest.mark.parametrize("line", NEVER.values(), ids=NEVER)
def test_a_result_that_the_catalogue_never_takes_fails_its_run(
    line: bytes, running: tuple[Catalogue, int, Path]
) -> None:
    catalogue, run_id, folder = running
    (folder / "events.jsonl").write_bytes(line + to_line(Ended(state="done")))
    take(catalogue, run_id, folder)
    assert state_of(catalogue, run_id)[:2] == ("failed", "bad result")


def test_infinite_numbers_reach_the_catalogue(running: tuple[Catalogue, int, Path]) -> None:
    catalogue, run_id, folder = running
    with catalogue.write() as session:
        model_id = joined_models(session)[0]
    bound = BoundMade(**{**vars_of(BOUND), "model_id": model_id})
    said = MetricsSaid(points=[("train_loss", 1, inf, 0.5)])
    (folder / "events.jsonl").write_bytes(to_line(said) + to_line(bound))
    take(catalogue, run_id, folder)
    with catalogue.read() as session:
        assert Metrics(session).curve(run_id, "train_loss") == [(1, inf, 0.5)]
        assert Bounds(session).get(1).value == inf


def sayings(folder: Path) -> list[AnyEvent]:
    batch = read_lines(folder / "events.jsonl", 0)
    assert batch is not None
    assert batch.unread is None
    return [event for event in batch.events if not isinstance(event, Beat)]


def test_what_could_not_be_written_a_second_ago_is_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, write, room = Journal(tmp_path), os.write, [10]

    def nearly_full(handle: int, data: bytes) -> int:
        """As a disk is that has room for some bytes of a line, and then for none."""
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(handle, data[: room[0]])
        room[0] -= written
        return written

    with monkeypatch.context() as patched:
        patched.setattr("core.engine.worker.journal.os.write", nearly_full)
        journal.metric("train_loss", 1, 0.5, unit="epoch", family="loss")
        with pytest.raises(OSError, match="No space"):
            journal.write(Environment(facts={}))
        journal.metric("train_loss", 2, nan, unit="epoch", family="loss")
    journal.write(Ended(state="done"))
    journal.close()
    meaning, first, environment, second, end = sayings(tmp_path)
    assert meaning == CurveSaid(name="train_loss", unit="epoch", family="loss")
    assert isinstance(first, MetricsSaid)
    assert isinstance(second, MetricsSaid)
    assert [one.points[0][:3] for one in (first, second)] == [("train_loss", 1, 0.5), ("train_loss", 2, inf)]
    assert (environment, end) == (Environment(facts={}), Ended(state="done"))


def test_a_result_is_on_the_disk_when_the_journal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, synced = Journal(tmp_path), []
    monkeypatch.setattr("core.engine.worker.journal.os.fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    journal.write(Ended(state="done"))
    assert synced == [(tmp_path / "events.jsonl").stat().st_size]
    assert sayings(tmp_path) == [Ended(state="done")]
    journal.close()
