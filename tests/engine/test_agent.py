"""Agents as real processes: started by need, one at a time, replaced when killed, gone when idle."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.engine.client import Client
from core.engine.locks import AgentLock
from core.engine.machines import this_machine
from core.specs.runs import Train
from store import Catalogue, Models, Run, Runs, doctor
from tests.engine.conftest import TINY, long_training, processes, until


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("THALWEG_AGENT_IDLE", "2")
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        yield Client(catalogue)
        for pid in processes(tmp_path):
            os.kill(pid, signal.SIGKILL)


def agent_pid(catalogue: Catalogue) -> int:
    lock = AgentLock(catalogue.files, this_machine())
    until(lambda: lock.is_held() and lock.file.read_text(), 10)
    return int(lock.file.read_text())


def run_of(client: Client, run_id: int) -> Run:
    with client.catalogue.read() as session:
        return Runs(session).get(run_id)


def state(client: Client, run_id: int) -> str:
    return run_of(client, run_id).state


def test_enqueueing_starts_one_agent_which_works_and_leaves(client: Client, tmp_path: Path) -> None:
    ids = [client.enqueue(Train(**TINY, epochs=1)) for _ in range(2)]
    client.ensure_agent()
    agent_pid(client.catalogue)
    runs = list(client.follow(ids))[-1]
    assert [run.state for run in runs] == ["done", "done"]
    until(lambda: not processes(tmp_path), 10)


def test_a_killed_agent_is_replaced_at_the_next_look_and_the_job_goes_on(client: Client) -> None:
    run_id = client.enqueue(long_training())
    until(lambda: state(client, run_id) == "running", 20)
    first = agent_pid(client.catalogue)
    os.kill(first, signal.SIGKILL)
    until(lambda: not AgentLock(client.catalogue.files, this_machine()).is_held(), 5)
    client.ensure_agent()
    assert agent_pid(client.catalogue) != first
    assert state(client, run_id) == "running"
    client.cancel([run_id])
    assert list(client.follow([run_id]))[-1][0].state == "cancelled"


def test_killing_everything_is_seen_within_five_seconds_of_the_next_look(client: Client, tmp_path: Path) -> None:
    run_id = client.enqueue(long_training())
    until(lambda: run_of(client, run_id).fraction, 30)
    for pid in processes(tmp_path):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not AgentLock(client.catalogue.files, this_machine()).is_held(), 5)
    client.ensure_agent()
    until(lambda: state(client, run_id) == "failed", 5)
    assert not [finding for finding in doctor.examine(client.catalogue) if finding.level == "error"]
    (again,) = client.relaunch(client.plan_relaunch(client.failed(), resume="scratch", changes={"epochs": "1"}))
    assert list(client.follow([again]))[-1][0].state == "done"


def test_an_agent_whose_catalogue_is_gone_leaves(client: Client, tmp_path: Path) -> None:
    run_id = client.enqueue(Train(**TINY, epochs=0))
    list(client.follow([run_id]))
    for file in tmp_path.glob("catalogue.db*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    until(lambda: not processes(tmp_path), 10)


def test_a_full_disk_fails_the_run_and_leaves_the_catalogue_whole(small_disk: Path) -> None:
    with Catalogue.open(small_disk / "catalogue.db") as catalogue:
        client = Client(catalogue)
        run_id = client.enqueue(Train(network="fcn:2000x2", data="digits,limit=100", epochs=0))
        run = list(client.follow([run_id]))[-1][0]
        assert run.state == "failed"
        assert run.cause_kind == "disk full"
        with catalogue.read() as session:
            assert Models(session).made_by(run_id) == []
        assert not [finding for finding in doctor.examine(catalogue) if finding.level == "error"]
        small = client.enqueue(Train(**TINY, epochs=0))
        assert list(client.follow([small]))[-1][0].state == "done"


def test_drain_waits_for_the_agent_that_works_already(client: Client) -> None:
    run_id = client.enqueue(Train(**TINY, epochs=300))
    agent_pid(client.catalogue)
    command = [sys.executable, "-m", "core.engine.agent", "--catalogue", str(client.catalogue.path), "--drain"]
    subprocess.run(command, check=True, timeout=60)
    assert state(client, run_id) == "done"


def test_drain_works_off_the_queue_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.engine.client.start_agent", lambda *_: None)
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        client = Client(catalogue)
        ids = [client.enqueue(Train(**TINY, epochs=0)) for _ in range(2)]
        command = [sys.executable, "-m", "core.engine.agent", "--catalogue", str(catalogue.path), "--drain"]
        subprocess.run(command, check=True, timeout=60)
        assert [state(client, one) for one in ids] == ["done", "done"]
