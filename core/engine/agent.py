"""The agent: a small process that turns queued runs into running ones, and journals into rows.

One for each catalogue and host. It outlives the terminal it was started from, loads no torch, and may die at
any time: the next one finds everything as it was. It ends by itself when it has been idle for a while or its
catalogue is gone.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from core.engine.devices import devices, host, threads
from core.engine.folders import Job, checkpoint, folder_of
from core.engine.inputs import resolve
from core.engine.locks import AgentLock
from core.engine.nursery import Starter
from core.engine.tending import Tending
from core.errors import ThalwegError
from core.specs.runs import from_json
from store import Catalogue, Claim, Device, Runs, StoreError

TICK_SECONDS = 0.1
IDLE_SECONDS = float(os.environ.get("THALWEG_AGENT_IDLE", "60"))


class Agent:
    """Claims, starts and tends the runs of one catalogue on this host."""

    def __init__(self, catalogue: Catalogue, cpu_jobs: int = 1) -> None:
        self.catalogue = catalogue
        self.cpu_jobs = cpu_jobs
        self.devices: list[Device] = devices(cpu_jobs)
        self.tending = Tending(catalogue)
        self.starter = Starter()
        self.busy_at = time.monotonic()
        self.ending = False

    def run(self, *, drain: bool = False) -> None:
        """Work until told to stop, idle for a while (`drain`: until nothing is left), or without a catalogue.

        Where another agent works already, `drain` waits until nothing is left for that one either.
        """
        with AgentLock(self.catalogue.files, host()) as lock:
            while not self.ending and self.catalogue.path.exists():
                if not lock.take():
                    if not (drain and self._work_left()):
                        return
                    time.sleep(TICK_SECONDS)
                    continue
                self._work(drain=drain)
                lock.release()  # whoever enqueued while we held it relies on this second look:
                if self.ending or not self._work_left():
                    return

    def _work(self, *, drain: bool) -> None:
        patience = 0.0 if drain else IDLE_SECONDS
        self.busy_at = time.monotonic()
        while not self.ending and self.catalogue.path.exists():
            try:
                if self.tick():
                    self.busy_at = time.monotonic()
                if time.monotonic() - self.busy_at > patience and not self._work_left():
                    return
            except StoreError as error:  # a full disk, say: nothing is lost, the lines wait in their files
                print(f"{error} Trying again.", file=sys.stderr, flush=True)
                time.sleep(1.0)
            time.sleep(TICK_SECONDS)

    def tick(self) -> bool:
        """One look at everything; whether something happened."""
        with self.catalogue.read() as session:
            runs = Runs(session)
            active, asked = runs.active(host()), runs.cancel_requested(host())
        happened = [self.tending.tend(attempt) for attempt in active]
        for attempt in asked:
            self.tending.stop(attempt)
        self.tending.reap(active)
        return any(happened) | self._claim()

    def _work_left(self) -> bool:
        with self.catalogue.read() as session:
            return Runs(session).any_queued() or bool(Runs(session).active(host()))

    def _claim(self) -> bool:
        """Start what can start now."""
        with self.catalogue.read() as session:
            if not Runs(session).any_queued():
                return False
        started = False
        while True:
            with self.catalogue.write() as session:
                Runs(session).fail_blocked()
                claim = Runs(session).claim(host(), os.getpid(), self.devices)
            if claim is None:
                return started
            self._start(claim)
            started = True

    def _start(self, claim: Claim) -> None:
        run, attempt = claim.run, claim.attempt
        folder = folder_of(self.catalogue.files / "runs", run.id, attempt.number)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            spec, inputs = resolve(self.catalogue, from_json(run.spec))
            self._hand_on_checkpoint(claim, folder)
            Job(
                run_id=run.id,
                attempt_id=attempt.id,
                spec=spec,
                device=attempt.device,
                threads=threads(attempt.device, self.cpu_jobs),
                data_root=run.data_root,
                inputs=inputs,
            ).save(folder)
            self.tending.children[attempt.id] = self.starter.start(folder)
        except (ThalwegError, StoreError, OSError) as error:
            with self.catalogue.write() as session:
                Runs(session).finish(attempt.id, "failed", f"input failed: {error}", "input failed")

    def _hand_on_checkpoint(self, claim: Claim, folder: Path) -> None:
        """Where a run goes on from: an earlier attempt of its own, or, if asked, the run it relaunches."""
        runs = self.catalogue.files / "runs"
        found = checkpoint(runs, claim.run.id)
        if found is None and claim.run.resume == "checkpoint" and claim.run.relaunch_of is not None:
            found = checkpoint(runs, claim.run.relaunch_of)
        if found is not None:
            shutil.copyfile(found, folder / "resume.safetensors")


def run(catalogue: Catalogue, *, drain: bool = False, cpu_jobs: int = 1) -> None:
    """Be the agent until there is nothing to do or SIGTERM or SIGINT comes; jobs go on without it."""
    agent = Agent(catalogue, cpu_jobs)

    def stop(*_: object) -> None:
        agent.ending = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        agent.run(drain=drain)
    finally:
        agent.starter.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m core.engine.agent", description=__doc__)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--drain", action="store_true")
    parser.add_argument("--cpu-jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    with contextlib.suppress(AttributeError):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Catalogue.open(options.catalogue) as catalogue:
            run(catalogue, drain=options.drain, cpu_jobs=options.cpu_jobs)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
