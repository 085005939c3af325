"""A catalogue, a client and an agent that is driven step by step; the workers are real processes."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from core.engine import agent as agent_module
from core.engine import client as client_module
from core.engine.agent import Agent
from core.engine.client import Client
from core.engine.folders import attempt_folder, owner
from core.engine.machines import this_machine
from core.specs.runs import RunSpec, Train
from store import Attempt, Catalogue, Device, Run, Runs

TINY = {"network": "fcn:8", "data": "digits,limit=100", "lr": 0.01}


@dataclass
class Engine:
    """The engine of one catalogue, whose agent takes a step when told to."""

    catalogue: Catalogue
    client: Client
    agent: Agent
    orphans: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def enqueue(self, spec: RunSpec) -> int:
        return self.client.enqueue(spec)

    def run(self, run_id: int) -> Run:
        with self.catalogue.read() as session:
            return Runs(session).get(run_id)

    def attempt(self, run_id: int) -> Attempt:
        with self.catalogue.read() as session:
            return Runs(session).attempts(run_id)[-1]

    def folder(self, run_id: int) -> Path:
        return attempt_folder(self.catalogue.files / "runs", run_id, self.attempt(run_id).number)

    def until(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Step until the condition holds."""
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends, f"not within {seconds} s; {self.agent.troubles}"
            self.agent.tick()
            time.sleep(0.05)

    def claimed_and_dropped(self, spec: RunSpec) -> int:
        """A run that an agent has claimed and, dying, not begun, for so long that it is given up at the next look."""
        run_id = self.enqueue(spec)
        with self.catalogue.write() as session:
            assert Runs(session).claim(this_machine(), os.getpid(), [Device("cpu")]) is not None
        time.sleep(0.3)
        return run_id

    def finish(self, *run_ids: int, seconds: float = 150.0) -> list[Run]:
        """Step until these runs have ended."""
        self.until(lambda: all(self.run(one).finished_at for one in run_ids), seconds)
        return [self.run(one) for one in run_ids]

    def working(self, run_id: int) -> int:
        """Step until the run's worker is training; its pid."""
        self.until(lambda: self.run(run_id).fraction)
        who = owner(self.folder(run_id))
        assert who is not None
        return who.pid

    def new_agent(self) -> None:
        """The old agent is forgotten, with all it knew of its children, as if it had been killed."""
        self.orphans += self.agent.supervision.children.values()
        self.agent = Agent(self.catalogue)


def long_training(**options: object) -> Train:
    return Train(**{**TINY, "epochs": 1_000_000, **options})


@contextmanager
def stepped(folder: Path) -> Iterator[Engine]:
    """The engine of the catalogue in a folder; what still works for it ends with it."""
    with pytest.MonkeyPatch.context() as patched, Catalogue.open(folder / "catalogue.db") as catalogue:
        patched.setattr(client_module, "start_agent", lambda *_: None)  # the agent is ours to step
        patched.setattr(agent_module, "threads", lambda *_: 1)  # tests run side by side
        made = Engine(catalogue, Client(catalogue), Agent(catalogue))
        yield made
        with catalogue.read() as session:
            left = Runs(session).active(this_machine())
        for attempt in left:
            who = owner(made.agent.supervision.folder(attempt))
            if who is not None and who.alive():
                with suppress(ProcessLookupError):
                    os.killpg(who.pid, signal.SIGKILL)
        made.new_agent()
        for child in made.orphans:
            child.wait(timeout=10)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with stepped(tmp_path) as made:
        yield made


def until(condition: Callable[[], object], seconds: float = 60.0) -> float:
    """Wait until the condition holds; how long it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def processes(folder: Path) -> list[int]:
    """Agents and workers of catalogues in this folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(folder) in word for word in words) and any("core.engine" in word for word in words):
            found.append(process.info["pid"])
    return found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs to mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        yield disk
    finally:
        for pid in processes(disk):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.3)
        subprocess.run(["umount", "-l", str(disk)], check=False)
