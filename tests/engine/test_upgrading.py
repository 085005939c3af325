"""An agent under which other code is installed finishes what runs, claims nothing more, and hands over."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.engine import agent as agent_module
from core.engine import client as client_module
from core.engine import installed
from core.engine.client import Client
from core.engine.installed import InstalledCode
from core.engine.locks import AgentLock
from core.engine.machines import this_machine
from core.specs.runs import Train
from store import Catalogue, Runs
from tests.engine.conftest import TINY, Engine, long_training, until

ROOT = Path(installed.__file__).parents[2]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The code of today in a place of its own, from which an agent can be started, and which can be changed."""
    for package in ("core", "store"):
        shutil.copytree(ROOT / package, tmp_path / "old" / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "old"


def change(old: Path) -> None:
    """Install other code."""
    with (old / "core" / "engine" / "agent.py").open("a") as file:
        file.write("# newer\n")


def started(old: Path, catalogue: Catalogue, *how: str) -> "subprocess.Popen[bytes]":
    """An agent of the old code."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "core.engine.agent", "--catalogue", str(catalogue.path), *how],
        env={**os.environ, "PYTHONPATH": str(old)},
    )


def agent_of(catalogue: Catalogue) -> int:
    """The process id of the agent that has the catalogue's lock; 0: none."""
    lock = AgentLock(catalogue.files, this_machine())
    return int(lock.file.read_text().split()[0]) if lock.file.exists() and lock.is_held() else 0


def test_an_agent_hands_over_to_the_code_that_was_installed_under_it(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THALWEG_AGENT_IDLE", "1")
    monkeypatch.setattr(client_module, "start_agent", lambda *_: None)  # but for the old one, none is started here
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        client = Client(catalogue)

        def state(run_id: int) -> str:
            with catalogue.read() as session:
                return Runs(session).get(run_id).state

        first = client.enqueue(long_training())
        agent = started(old, catalogue, "--cpu-jobs", "2")
        until(lambda: state(first) == "running")
        change(old)
        time.sleep(3 * installed.LOOK_SECONDS)
        second = client.enqueue(Train(**{**TINY, "epochs": 1}))
        time.sleep(1)
        assert (state(first), state(second), agent.poll()) == ("running", "queued", None)
        client.cancel([first])
        until(lambda: state(second) == "done")
        assert state(first) == "cancelled"
        assert agent.wait(timeout=30) == 0
        until(lambda: not agent_of(catalogue))  # the newest one has been idle for a second


def test_an_agent_that_drains_replaces_a_successor_that_was_killed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THALWEG_AGENT_IDLE", "1")
    monkeypatch.setattr(client_module, "start_agent", lambda *_: None)
    file = old / "core" / "engine" / "agent.py"
    file.write_text(file.read_text().replace("SUCCESSOR_SECONDS = 10.0", "SUCCESSOR_SECONDS = 3.0"))
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        client = Client(catalogue)

        def state(run_id: int) -> str:
            with catalogue.read() as session:
                return Runs(session).get(run_id).state

        def at_work() -> int:
            return agent_of(catalogue)

        first = client.enqueue(long_training())
        agent = started(old, catalogue, "--drain")
        until(lambda: state(first) == "running")
        assert at_work() == agent.pid
        change(old)
        second = client.enqueue(long_training())
        time.sleep(3 * installed.LOOK_SECONDS)
        client.cancel([first])
        until(lambda: state(second) == "running")
        successor = at_work()
        assert successor not in (0, agent.pid)
        os.kill(successor, signal.SIGKILL)
        until(lambda: at_work() not in (0, successor))
        client.cancel([second])
        until(lambda: state(second) == "cancelled")
        assert agent.wait(timeout=30) == 0
        until(lambda: not agent_of(catalogue))  # the newest one has been idle for a second


def test_a_run_that_had_not_loaded_its_code_when_other_code_came_begins_again_and_one_of_broken_code_fails(
    old: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = old / "core" / "engine" / "worker" / "jobs.py"
    jobs.write_text("from core.errors import of_another_version\n")

    def half(folder: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-P", "-m", "core.engine.worker", str(folder)]
        return subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(old)})

    starts = iter([half, agent_module.start_worker, half])

    def start(folder: Path) -> "subprocess.Popen[bytes]":
        return next(starts)(folder)

    monkeypatch.setattr(agent_module, "start_worker", start)
    os.utime(jobs, (time.time() + 60,) * 2)
    replaced = engine.enqueue(Train(**TINY, epochs=1))
    assert engine.finish(replaced)[0].state == "done"
    with engine.catalogue.read() as session:
        first, second = Runs(session).attempts(replaced)
    assert (first.cause, second.cause) == ("other code was installed while it began", None)

    for file in old.rglob("*.py"):
        os.utime(file, (0, 0))
    (run,) = engine.finish(engine.enqueue(Train(**TINY, epochs=1)))
    assert (run.state, run.cause_kind) == ("failed", "exception")
    assert "ImportError" in str(run.cause)


def test_code_has_changed_once_its_files_differ_in_content_and_rest(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "ROOT", old)
    monkeypatch.setattr(installed, "LOOK_SECONDS", 0.0)
    code, file = InstalledCode(), old / "store" / "runs.py"
    os.utime(file)
    assert [code.changed() for _ in range(3)] == [False] * 3, "touched, but the same"
    file.write_text(f"{file.read_text()}# newer\n")
    assert not code.changed(), "it may be written still"
    assert code.changed()
