"""Ten runs that are running: a process for each that writes points to its journal, and an agent that takes them in."""

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import psutil
from sqlalchemy import TextClause, text

from core.engine.folders import Owner, attempt_folder, take
from core.engine.launch import environment
from core.engine.machines import this_machine
from core.engine.worker.journal import Journal
from core.results import Ended
from core.specs.runs import Train, kind_of, to_json
from store import Attempt, Catalogue, Device, NewRun, Runs

JOBS = 10
PAUSE = 0.02  # s between bursts
FLAT_OUT = 10_000  # points of a burst without a pause
SPEC = Train(network="fcn:245x10", data="mnist", epochs=1000)
KEPT = text("SELECT max(step) + 1 FROM metrics WHERE run_id = :run AND name = 'train_loss'")
COUNT = text("SELECT count(*) FROM metrics WHERE run_id = :run")


@dataclass
class Writer:
    """One run's process; says points 0, 1, … up to `goal`, `rate` a second (0: without a pause), then waits."""

    run_id: int
    rate: "Synchronized[float]"
    goal: "Synchronized[int]"
    said: "Synchronized[int]"
    process: multiprocessing.Process | None = None

    def begin(self, folder: Path) -> None:
        self.process = multiprocessing.Process(target=write, args=(folder, self.rate, self.goal, self.said))
        self.process.start()

    def ask(self, more: int, rate: float) -> None:
        """So many points more; none: stop where you are."""
        self.rate.value = rate
        self.goal.value = self.said.value + more


def write(folder: Path, rate: "Synchronized[float]", goal: "Synchronized[int]", said: "Synchronized[int]") -> None:
    """A job that only says how it goes; ends once its goal is negative."""
    take(folder, Owner.me())
    journal, since = Journal(folder), time.perf_counter()
    while (wanted := goal.value) >= 0:
        now = time.perf_counter()
        burst = round(rate.value * (now - since)) if rate.value else FLAT_OUT
        first = said.value
        last = max(min(first + burst, wanted), first)
        for step in range(first, last):
            journal.metric("train_loss", step, 1 / (1 + step), unit="epoch", family="loss")
        said.value, since = last, now
        journal.progress(1 - 1 / (1 + last / 1e6), f"step {last:,}")
        if rate.value or last == wanted:
            time.sleep(PAUSE)
    journal.write(Ended(state="done"))
    journal.close()


@dataclass
class Jobs:
    """The ten, and what the catalogue has of them."""

    catalogue: Catalogue
    writers: list[Writer]
    agent: psutil.Process

    def ask(self, more: int, rate: float) -> None:
        for writer in self.writers:
            writer.ask(more, rate)

    @property
    def said(self) -> int:
        return sum(writer.said.value for writer in self.writers)

    def kept(self) -> int:
        """Points in the catalogue, by the last one of each run."""
        return sum(self.kept_of(one) for one in self.writers)

    def kept_of(self, writer: Writer) -> int:
        return self._number(KEPT, writer)

    def counted(self) -> int:
        """Points in the catalogue, counted one by one."""
        return sum(self._number(COUNT, one) for one in self.writers)

    def _number(self, query: TextClause, writer: Writer) -> int:
        with self.catalogue.read() as session:
            return session.execute(query, {"run": writer.run_id}).scalar() or 0

    def agent_seconds(self) -> float:
        """Seconds of the processor that the agent has used."""
        times = self.agent.cpu_times()
        return float(times.user + times.system)

    def drained(self) -> float:
        """Seconds until all that was said until now is in the catalogue."""
        begun, said = time.perf_counter(), [(one, one.said.value) for one in self.writers]
        while any(self.kept_of(one) < number for one, number in said):
            time.sleep(0.02)
        return time.perf_counter() - begun

    def end(self) -> set[str]:
        """Let all jobs end; the states that their runs have then."""
        for writer in self.writers:
            writer.goal.value = -1
        for writer in self.writers:
            assert writer.process is not None
            writer.process.join()
        while (states := self.states()) & {"running", "stale"}:
            time.sleep(0.05)
        return states

    def states(self) -> set[str]:
        with self.catalogue.read() as session:
            return {run.state for run in Runs(session).several([one.run_id for one in self.writers])}


def claimed(catalogue: Catalogue) -> list[Attempt]:
    """Ten new runs, taken from the queue as an agent takes them."""
    new = NewRun(kind=kind_of(SPEC), spec=to_json(SPEC), network=SPEC.network, data=SPEC.data, seed=0)
    with catalogue.write() as session:
        runs = Runs(session)
        for _ in range(JOBS):
            runs.add(new)
        claims = [runs.claim(this_machine(), 1, [Device("cpu", JOBS)]) for _ in range(JOBS)]
    return [claim.attempt for claim in claims if claim is not None]


@contextmanager
def running(catalogue: Catalogue) -> Iterator[Jobs]:
    """Ten jobs that wait to be asked for points, under an agent that finds them at work."""
    processes = multiprocessing.get_context("spawn")
    writers = []
    for attempt in claimed(catalogue):
        folder = attempt_folder(catalogue.files / "runs", attempt.run_id, attempt.number)
        folder.mkdir(parents=True)
        values = processes.Value("d", 1.0), processes.Value("q", 0), processes.Value("q", 0)
        writers.append(Writer(attempt.run_id, *values))
        writers[-1].begin(folder)
    command = [sys.executable, "-P", "-m", "core.engine.agent", "--catalogue", str(catalogue.path), "--cpu-jobs", "10"]
    agent = subprocess.Popen(command, env=environment())
    try:
        yield Jobs(catalogue, writers, psutil.Process(agent.pid))
    finally:
        for writer in writers:
            if writer.process is not None:
                writer.process.kill()
        agent.terminate()
        agent.wait()
