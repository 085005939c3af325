"""Machines that share a catalogue: whose attempts are whose, and runs of one that nobody hears of any more."""

import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from core.engine import machines, silent_machines
from core.engine.agent import Agent
from core.engine.client import Client
from core.engine.folders import attempt_folder
from core.engine.locks import NO_ROOM, AgentLock
from core.engine.machines import machine_id, this_machine
from core.engine.silent_machines import GIVE_UP_SECONDS, give_up
from core.results import BoundMade, Ended, Event, to_line
from store import Attempt, Bounds, Catalogue, ClaimedRun, Device, Machine, Runs, StoreError, delete
from store.run_tables import AttemptRow
from tests.store.filling import enqueue, joined_models, machine

LAPTOP = machine("laptop")
CPU = (Device("cpu", slots=9),)


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.setattr("core.engine.client.start_agent", lambda *_: None)
    return Catalogue.open(tmp_path / "catalogue.db")


def claimed(catalogue: Catalogue, by: Machine = LAPTOP, heard: timedelta = timedelta()) -> Attempt:
    """An attempt of a machine, which was heard of some time ago."""
    with catalogue.write() as session:
        enqueue(session)
        claim = Runs(session).claim(by, 1, CPU)
        assert isinstance(claim, ClaimedRun)
        session.execute(update(AttemptRow).values(heartbeat_at=datetime.now(UTC) - heard))
        return claim.attempt


def active(session: Session, whose: Machine) -> int:
    return len(Runs(session).active(whose))


LONG_AGO = timedelta(seconds=GIVE_UP_SECONDS + 5)


def test_a_machine_that_was_renamed_is_the_same_and_one_of_the_same_name_another(catalogue: Catalogue) -> None:
    claimed(catalogue)
    with catalogue.read() as session:
        assert active(session, replace(LAPTOP, host="laptop.local")) == 1
        assert active(session, machine("other", host="laptop")) == 0
        assert [one.host for one in Runs(session).elsewhere(machine("other"))] == ["laptop"]


def test_attempts_of_a_start_that_is_over_are_the_machine_s_and_those_of_its_living_twin_are_not(
    catalogue: Catalogue,
) -> None:
    claimed(catalogue, heard=timedelta(minutes=1))
    for began, mine in ((0, 1), (-120, 0)):
        restarted = replace(LAPTOP, boot="second", began=datetime.now(UTC) + timedelta(seconds=began))
        with catalogue.read() as session:
            assert active(session, restarted) == mine


def test_attempts_from_before_machines_were_known_go_by_the_host_s_name(catalogue: Catalogue) -> None:
    claimed(catalogue)
    with catalogue.write() as session:
        session.execute(update(AttemptRow).values(machine=None, boot_id=None))
    with catalogue.read() as session:
        assert active(session, machine("other", host="laptop")) == 1
        assert active(session, LAPTOP) == 1
        assert active(session, replace(LAPTOP, host="renamed")) == 0


def test_devices_are_counted_for_each_machine(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        for _ in range(3):
            enqueue(session)
        runs, one = Runs(session), [Device("cpu")]
        assert runs.claim(LAPTOP, 1, one) is not None
        assert runs.claim(replace(LAPTOP, host="renamed"), 1, one) is None
        assert runs.claim(machine("other", host="laptop"), 1, one) is not None


def test_the_system_s_id_is_one_machine_s_whatever_it_is_called_and_is_not_given_away(tmp_path: Path) -> None:
    file = tmp_path / "machine-id"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    assert machine_id(file) == machine_id(file)
    assert "0123456789abcdef" not in machine_id(file)


@pytest.mark.parametrize("text", ["", "uninitialized\n", None])
def test_without_a_system_s_id_one_is_kept_in_a_folder_of_this_machine(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "machine-id"
    if text is not None:
        file.write_text(text)
    found = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr("core.engine.machines._folders", lambda folder=tmp_path / name: [folder])
        found.append(machine_id(file))
        assert machine_id(file) == found[-1]
        assert [one.stat().st_mode & 0o077 for one in (tmp_path / name).iterdir()] == [0]
    assert len(set(found)) == 2


def test_an_id_that_somebody_else_left_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [tmp_path / name for name in ("theirs", "ours")]
    for place in places:
        place.mkdir()
    (tmp_path / "target").write_text("f" * 32)
    (places[0] / f".thalweg-machine-{os.getuid()}").symlink_to(tmp_path / "target")
    monkeypatch.setattr("core.engine.machines._folders", lambda: places)
    first = machine_id(tmp_path / "none")
    assert (places[1] / f".thalweg-machine-{os.getuid()}").is_file()
    assert machine_id(tmp_path / "none") == first


def test_a_network_file_system_keeps_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "file_system", lambda _: "nfs4")
    assert list(machines._folders()) == []


def test_a_run_of_a_machine_that_is_silent_for_ten_minutes_can_be_given_up(catalogue: Catalogue) -> None:
    attempt = claimed(catalogue, heard=LONG_AGO)
    (told,) = silent_machines.silent_runs(catalogue)
    assert told.startswith(f"Run {attempt.run_id} is at work on laptop, of whose agent nothing has been heard for 10 m")
    assert f"`thalweg cancel {attempt.run_id} --force`" in told
    give_up(catalogue, [attempt.run_id])
    with catalogue.read() as session:
        run = Runs(session).get(attempt.run_id)
        assert (run.state, run.cause_kind) == ("cancelled", "cancelled")
        assert str(run.cause).startswith("given up: it was at work on laptop, ")
        assert Runs(session).active(LAPTOP) == []
    assert silent_machines.silent_runs(catalogue) == []
    with catalogue.write() as session:
        enqueue(session)
        assert Runs(session).claim(LAPTOP, 1, [Device("cpu")]) is not None, "its device is free"


def beats(catalogue: Catalogue) -> None:
    with AgentLock(catalogue.files, LAPTOP) as lock:
        assert lock.take()


def ends(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        runs = Runs(session)
        runs.finish(runs.attempts(1)[0].id, "done")


@pytest.mark.parametrize(
    ("by", "meanwhile", "why"),
    [
        (LAPTOP, beats, "gave a sign of life 0 seconds ago; --force is for machines silent for 10 minutes"),
        (LAPTOP, ends, "Run 1 is done already"),
        (this_machine(), lambda _: None, "it is at work on this machine; `thalweg cancel 1` ends it"),
    ],
)
def test_a_run_that_can_be_reached_is_not_given_up_and_nothing_is_changed(
    by: Machine, meanwhile: Callable[[Catalogue], None], why: str, catalogue: Catalogue
) -> None:
    claimed(catalogue, by, heard=LONG_AGO)
    meanwhile(catalogue)
    with catalogue.write() as session:
        waits = enqueue(session)
    with pytest.raises(StoreError, match=why):
        give_up(catalogue, [waits, 1])
    with catalogue.read() as session:
        assert Runs(session).get(waits).state == "queued"
        assert Runs(session).get(1).cancel_requested_at is None


def returned(catalogue: Catalogue) -> Agent:
    """The agent of the laptop, back again."""
    agent = Agent(catalogue)
    agent.machine = LAPTOP
    agent.tick()
    assert agent.troubles == []
    return agent


def leave(catalogue: Catalogue, attempt: Attempt, *events: Event) -> None:
    """What a worker left whose process is gone."""
    folder = attempt_folder(catalogue.files / "runs", attempt.run_id, attempt.number)
    folder.mkdir(parents=True)
    (folder / "owner").write_text('{"pid": 1, "started": 0.0, "boot": "another"}')
    (folder / "events.jsonl").write_bytes(b"".join(map(to_line, events)))


def bound(model_id: int) -> BoundMade:
    return BoundMade(
        position=0,
        model_id=model_id,
        kind="rank",
        value=3.0,
        layer_count=1,
        summary="rank 3",
        seconds=0.1,
        measurements=[],
    )


def test_a_result_of_a_run_that_was_given_up_is_kept_when_its_machine_is_back(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        model_id = joined_models(session)[0]
    attempt = claimed(catalogue, heard=LONG_AGO)
    give_up(catalogue, [attempt.run_id])
    leave(catalogue, attempt, bound(model_id), Ended(state="done"))
    with catalogue.read() as session:
        assert Runs(session).given_up(LAPTOP)
        assert not Runs(session).given_up(machine("other"))
    returned(catalogue)
    with catalogue.read() as session:
        run = Runs(session).get(attempt.run_id)
        assert (run.state, run.cause, run.cause_kind, run.fraction) == ("done", None, None, 1.0)
        assert Runs(session).attempts(attempt.run_id)[0].state == "done"
        assert Bounds(session).get(1).value == 3.0
        assert not Runs(session).given_up(LAPTOP)


def test_a_finding_is_a_result_and_a_fault_leaves_the_run_given_up(catalogue: Catalogue) -> None:
    for kind, state in (("could not connect", "failed"), ("exception", "cancelled")):
        attempt = claimed(catalogue, heard=LONG_AGO)
        give_up(catalogue, [attempt.run_id])
        leave(catalogue, attempt, Ended(state="failed", cause_kind=kind, cause="so it ended"))
        agent = returned(catalogue)
        agent.tick()
        with catalogue.read() as session:
            assert Runs(session).get(attempt.run_id).state == state
            assert not Runs(session).given_up(LAPTOP), "nothing more is waited for"


def test_a_run_that_was_given_up_and_deleted_is_no_trouble_to_its_machine(catalogue: Catalogue) -> None:
    attempt = claimed(catalogue, heard=LONG_AGO)
    give_up(catalogue, [attempt.run_id])
    leave(catalogue, attempt, Ended(state="done"))
    with catalogue.write() as session:
        delete(session, "run", [attempt.run_id])
    assert not returned(catalogue)._work_left()


def test_an_agent_is_wanted_for_what_was_given_up_here(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr("core.engine.client.start_agent", lambda *_: started.append(1))
    attempt = claimed(catalogue, heard=LONG_AGO)
    give_up(catalogue, [attempt.run_id])
    Client(catalogue).ensure_agent()
    assert started == []
    monkeypatch.setattr("core.engine.client.this_machine", lambda: LAPTOP)
    Client(catalogue).ensure_agent()
    assert started == [1]


def test_an_agent_that_stops_is_silent_and_one_that_waits_says_for_what(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        client = Client(catalogue)
        assert client.agent_status() == "none"
        with AgentLock(catalogue.files, this_machine()) as lock:
            assert lock.take()
            assert client.agent_status() == "works"
            lock.announce("the disk is full: waiting for room")
            assert client.agent_status() == "the disk is full: waiting for room"
            os.utime(lock.file, (0, time.time() - 40))
            assert client.agent_status() == "the agent has been silent for 40 seconds"
            lock._beaten = 0.0
            lock.touch()
            lock.announce("")
            assert client.agent_status() == "works"
            with lock.file.open("r+") as opened:
                opened.truncate()  # as it is where there was no room for the first bytes
            assert client.agent_status() == NO_ROOM
        assert client.agent_status() == "none"


def test_whoever_looks_at_a_lock_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    with AgentLock(tmp_path, this_machine()) as lock:
        lock.file.touch()
        handle = os.open(lock.file, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_SH)  # as `held` does for an instant
        Timer(0.02, os.close, [handle]).start()
        assert lock.take()


def test_an_agent_of_an_earlier_version_keeps_its_place_and_locks_of_earlier_starts_go(tmp_path: Path) -> None:
    later = replace(LAPTOP, boot="second", began=datetime.now(UTC) + timedelta(seconds=1))
    with AgentLock(tmp_path, LAPTOP) as first, AgentLock(tmp_path, machine("other")) as other:
        assert first.take()
        assert other.take()
        with AgentLock(tmp_path, later) as lock:
            assert lock.take()
            assert not first.file.exists()
            assert first.lost()
            assert not other.lost()
    handle = os.open(tmp_path / "agent-laptop.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with AgentLock(tmp_path, LAPTOP) as lock:
        assert lock.is_held()
        assert not lock.take()
        os.close(handle)
        assert not lock.is_held()
        assert lock.take()
