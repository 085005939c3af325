"""The queue: who starts what, and how it ends."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from store import Catalogue, ClaimedRun, Device, FilterError, NotFoundError, Runs, list_rows
from store.base import table
from tests.store.filling import enqueue, finished_run, machine

CPU = (Device("cpu"),)
MANY = (Device("cpu", slots=1000),)
WORKER = """
import pathlib, sys
from store import Catalogue, Device, Runs
from tests.store.filling import machine
with Catalogue.open(pathlib.Path(sys.argv[1])) as catalogue:
    while True:
        with catalogue.write() as session:
            claim = Runs(session).claim(machine(sys.argv[2]), 1, [Device("cpu")])
        if claim is None:
            break
        print(claim.run.id)
        with catalogue.write() as session:
            assert Runs(session).finish(claim.attempt.id, "done")
"""


def take(session: Session, devices: tuple[Device, ...] = CPU, host: str = "here") -> ClaimedRun:
    claim = Runs(session).claim(machine(host), 7, devices)
    assert claim is not None
    return claim


def test_six_processes_claim_300_jobs_once_each(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        wanted = {enqueue(session) for _ in range(300)}
    command = [sys.executable, "-W", "error", "-c", WORKER, str(catalogue.path)]
    workers = [
        subprocess.Popen([*command, f"host{n}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for n in range(6)
    ]
    answers = [worker.communicate(timeout=120) for worker in workers]
    assert [error for _, error in answers] == [""] * 6
    claimed = Counter(int(line) for output, _ in answers for line in output.split())
    assert set(claimed) == wanted
    assert set(claimed.values()) == {1}
    with catalogue.read() as session:
        assert Runs(session).counts()["done"] == 300
        assert not Runs(session).any_queued()


def test_the_oldest_run_that_can_start_is_claimed(session: Session) -> None:
    first = enqueue(session)
    waiting = enqueue(session, needs=(first,))
    free = enqueue(session)
    assert take(session, MANY).run.id == first
    assert take(session, MANY).run.id == free
    assert Runs(session).claim(machine(), 7, MANY) is None
    Runs(session).finish(Runs(session).attempts(first)[0].id, "done")
    assert take(session, MANY).run.id == waiting
    assert Runs(session).needs(waiting) == [first]
    assert Runs(session).dependants(first) == [waiting]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [(None, "cuda:0"), ("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cuda:7", None)],
)
def test_a_run_gets_the_device_it_asked_for(session: Session, wanted: str | None, given: str | None) -> None:
    enqueue(session, device_requested=wanted)
    claim = Runs(session).claim(machine(), 7, (Device("cuda:0"), Device("cuda:1"), Device("cpu")))
    assert (claim.attempt.device if claim else None) == given


def test_a_device_takes_as_many_runs_as_it_has_slots(session: Session) -> None:
    for _ in range(4):
        enqueue(session)
    devices = (Device("cuda:0", slots=1), Device("cpu", slots=2))
    claims = [take(session, devices) for _ in range(3)]
    assert [claim.attempt.device for claim in claims] == ["cuda:0", "cpu", "cpu"]
    assert Runs(session).claim(machine(), 7, devices) is None
    Runs(session).finish(claims[1].attempt.id, "done")
    assert take(session, devices).attempt.device == "cpu"
    enqueue(session)
    assert take(session, devices, host="there").attempt.device == "cuda:0"


def test_a_failed_input_fails_what_needs_it_down_the_chain(session: Session) -> None:
    runs = Runs(session)
    bad = finished_run(session, "failed")
    second = enqueue(session, needs=(bad,))
    third = enqueue(session, needs=(second,))
    other = enqueue(session)
    assert runs.fail_blocked() == [second, third]
    assert runs.get(second).cause == f"input failed: run {bad} (it broke)"
    assert runs.get(third).cause == f"input failed: run {bad} (it broke)"
    assert runs.get(third).cause_kind == "input failed"
    assert runs.get(other).state == "queued"
    assert runs.fail_blocked() == []
    cancelled = enqueue(session)
    last = enqueue(session, needs=(cancelled,))
    runs.request_cancel([cancelled])
    assert runs.fail_blocked() == [last]
    assert f"run {cancelled} (cancelled while queued)" in str(runs.get(last).cause)


def test_an_attempt_lives_goes_silent_and_comes_back(session: Session) -> None:
    runs = Runs(session)
    run_id = enqueue(session)
    attempt = take(session).attempt
    runs.started(attempt.id, 123, 1.5, machine().boot)
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    runs.beat(attempt.id, offset=10, at=at, fraction=0.5, eta_seconds=9.0, message="half")
    runs.environment(attempt.id, '{"torch": "2.10"}')
    (now,) = runs.active(machine())
    assert (now.pid, now.pid_started, now.boot_id, now.offset, now.heartbeat_at) == (123, 1.5, machine().boot, 10, at)
    assert now.environment == '{"torch": "2.10"}'
    assert runs.active(machine("there")) == []
    runs.stale(attempt.id)
    assert runs.get(run_id).state == runs.active(machine())[0].state == "stale"
    runs.beat(attempt.id, offset=20, at=at)
    assert runs.get(run_id).state == "running"
    assert (runs.get(run_id).fraction, runs.get(run_id).message) == (0.5, "half")
    runs.stale(attempt.id)
    assert runs.finish(attempt.id, "done")
    assert not runs.finish(attempt.id, "failed", "too late")
    assert not runs.requeue(attempt.id, "too late")
    runs.stale(attempt.id)
    runs.beat(attempt.id, offset=30, at=at, fraction=0.1)
    run = runs.get(run_id)
    assert (run.state, run.fraction, run.cause, run.eta_seconds) == ("done", 1.0, None, None)
    assert run.seconds is not None
    assert run.seconds >= 0
    assert runs.attempts(run_id)[0].offset == 30
    assert runs.active(machine()) == []


def test_an_automatic_restart_is_a_new_attempt(session: Session) -> None:
    runs = Runs(session)
    run_id = enqueue(session)
    first = take(session).attempt
    assert runs.requeue(first.id, "killed by signal 9")
    assert runs.get(run_id).state == "queued"
    second = take(session).attempt
    assert second.number == 2
    assert [attempt.state for attempt in runs.attempts(run_id)] == ["failed", "running"]
    runs.beat(first.id, offset=5, at=datetime.now(UTC), message="a ghost")
    assert runs.get(run_id).message is None
    assert runs.finish(second.id, "failed", "killed again", "killed", 9)
    assert (runs.get(run_id).cause_kind, runs.attempts(run_id)[1].exit_signal) == ("killed", 9)
    assert session.scalar(select(table("device_leases").c.attempt_id)) is None


def test_a_failure_is_a_fault_unless_it_is_a_finding_and_nothing_else_has_an_outcome(session: Session) -> None:
    runs = Runs(session)
    done, fault = finished_run(session), finished_run(session, "failed")
    found = enqueue(session)
    runs.finish(take(session).attempt.id, "failed", "3 gaps left", "could not connect", outcome="finding")
    blocked = enqueue(session, needs=(found,))
    runs.fail_blocked()
    cancelled = enqueue(session)
    runs.request_cancel([cancelled])
    again = enqueue(session)
    runs.requeue(take(session).attempt.id, "the machine was restarted")
    outcomes = [runs.get(one).outcome for one in (done, fault, found, blocked, cancelled, again)]
    assert outcomes == [None, "fault", "finding", "fault", None, None]
    assert runs.findings() == {"could not connect": 1}
    assert [row["id"] for row in list_rows(session, "runs", "outcome=fault")] == [fault, blocked]
    assert [row["id"] for row in list_rows(session, "runs", "state=failed outcome!=fault")] == [found]
    with pytest.raises(FilterError, match="finding, fault"):
        list_rows(session, "runs", "outcome=failed")


def test_cancelling_waits_for_a_running_run_only(session: Session) -> None:
    runs = Runs(session)
    running, queued = enqueue(session), enqueue(session)
    attempt = take(session).attempt
    assert runs.request_cancel([running, queued]) == {running: "running", queued: "queued"}
    assert (runs.get(running).state, runs.get(queued).state) == ("running", "cancelled")
    asked = runs.get(running).cancel_requested_at
    runs.request_cancel([running])
    assert runs.get(running).cancel_requested_at == asked
    assert [one.id for one in runs.cancel_requested(machine())] == [attempt.id]
    assert runs.cancel_requested(machine("there")) == []
    assert runs.requeue(attempt.id, "killed by signal 15")
    assert runs.get(running).state == "cancelled"
    ended = runs.get(running)
    assert runs.request_cancel([running]) == {running: "cancelled"}
    assert runs.get(running) == ended
    with pytest.raises(NotFoundError):
        runs.request_cancel([running, 99])


def test_relaunches_are_followed_to_the_newest(session: Session) -> None:
    runs = Runs(session)
    first = finished_run(session, "failed")
    second = finished_run(session, "failed", relaunch_of=first)
    third = enqueue(session, relaunch_of=second)
    assert runs.newest_relaunches([first, third]) == {first: third, third: third}
    assert runs.failed_not_relaunched() == []
    assert runs.relaunches(first) == [second]
    with pytest.raises(NotFoundError):
        enqueue(session, relaunch_of=99)
    with pytest.raises(NotFoundError):
        enqueue(session, needs=(99,))


def test_counts_name_every_state(session: Session) -> None:
    enqueue(session)
    counts = Runs(session).counts()
    assert counts == {"queued": 1, "running": 0, "done": 0, "failed": 0, "stale": 0, "cancelled": 0}
