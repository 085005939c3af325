"""The agent: a small process that turns queued runs into running ones, and journals into rows.

One for each catalogue and machine. It outlives the terminal it was started from, loads no torch, and may die at
any time: the next one finds everything as it was. It ends by itself when it has been idle for a while or its
catalogue is gone; neither a full disk nor the trouble that one attempt makes ends it.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from core.engine.devices import devices, devices_text, threads
from core.engine.folders import Job, attempt_folder, checkpoint, make_folder
from core.engine.installed import InstalledCode
from core.engine.launch import start_agent, start_worker
from core.engine.locks import NO_ROOM, AgentLock
from core.engine.machines import this_machine
from core.engine.model_inputs import resolve
from core.engine.supervision import Supervision
from core.errors import ThalwegError, is_disk_full
from core.specs.runs import from_json
from store import Attempt, Catalogue, ClaimedRun, Device, Runs, StoreError

TICK_SECONDS = 0.1
PAUSE_SECONDS = 1.0  # between looks while something is wrong
SUCCESSOR_SECONDS = 10.0  # an agent that was started has its lock by then
IDLE_SECONDS = float(os.environ.get("THALWEG_AGENT_IDLE", "60"))


class Agent:
    """Claims, starts and tends the runs of one catalogue on this machine."""

    def __init__(self, catalogue: Catalogue, cpu_jobs: int = 1) -> None:
        self.catalogue = catalogue
        self.cpu_jobs = cpu_jobs
        self.machine = this_machine()
        self.lock = AgentLock(catalogue.files, self.machine)
        self.devices: list[Device] = devices(cpu_jobs)
        self.supervision = Supervision(catalogue)
        self.busy_at = time.monotonic()
        self.ending = False
        self.unstarted: dict[int, ClaimedRun] = {}  # claimed, and waiting for room on the disk
        self.troubles: list[Exception] = []  # of the last look
        self.installed = InstalledCode()
        self.handed_over: float | None = None  # when another agent took over, with the code that is installed now
        self._reported = ""

    def run(self, *, drain: bool = False) -> None:
        """Work until stopped, idle for a while (`drain`: until nothing is left), or without a catalogue.

        Where another agent works already, `drain` waits until nothing is left for that one either.
        """
        with self.lock:
            while not self._must_end():
                going_on, self.troubles = True, []
                with self._tolerating():
                    going_on = self._cycle(drain=drain)
                self._report_troubles()
                if not going_on:
                    return
                time.sleep(self._pause())

    def _cycle(self, *, drain: bool) -> bool:
        """Work if the lock is free; whether to continue."""
        if self.handed_over is not None:
            return drain and self._successor_busy(self.handed_over)
        if not self.lock.take():
            return drain and self._work_left()
        try:
            self._work(drain=drain)
        finally:
            self.lock.release()  # whoever enqueued while we held it relies on this second look:
        if self._replaced():
            self._retire()
        return not self._must_end() and self._work_left()

    def _work(self, *, drain: bool) -> None:
        patience = 0.0 if drain else IDLE_SECONDS
        self.busy_at = time.monotonic()
        while not self._must_end() and not self.lock.lost():
            if self.tick():
                self.busy_at = time.monotonic()
            with self._tolerating():
                if time.monotonic() - self.busy_at > patience and not self._work_left():
                    return
                if self._replaced():
                    return
            self._report_troubles()
            time.sleep(self._pause())

    def tick(self) -> bool:
        """One pass over everything; whether something happened. Trouble with one attempt doesn't affect the others."""
        self.troubles = []
        happened = False
        with self._tolerating():
            with self.catalogue.read() as session:
                runs = Runs(session)
                active, asked = runs.active(self.machine), runs.cancel_requested(self.machine)
                given_up = runs.given_up(self.machine)
            never_begun = [attempt for attempt in asked if attempt.id in self.unstarted]
            for attempt in never_begun:
                with self._tolerating():
                    self._drop(attempt)
            for attempt in active:
                if attempt in never_begun:
                    continue
                with self._tolerating():
                    happened |= self._start_claimed(attempt) or self.supervision.tend(attempt)
            for attempts, do in ((asked, self.supervision.stop), (given_up, self.supervision.finish_given_up)):
                for attempt in attempts:
                    with self._tolerating():
                        do(attempt)
            self.supervision.reap([*active, *given_up])
        with self._tolerating():
            happened |= self._claim()
        return happened

    def _drop(self, attempt: Attempt) -> None:
        """Cancel a run that was claimed and still waits for room on the disk."""
        with self.catalogue.write() as session:
            Runs(session).finish(attempt.id, "cancelled", "cancelled before it began", "cancelled")
        del self.unstarted[attempt.id]

    @contextmanager
    def _tolerating(self) -> Iterator[None]:
        """Collect errors from outside, to be reported; the work is retried in the next pass."""
        self.lock.touch()
        try:
            yield
        except (ThalwegError, StoreError, OSError, psutil.Error) as error:
            self.troubles.append(error)

    def _report_troubles(self) -> None:
        """Report new troubles: beside the lock, for those who wait, and in the agent's log."""
        full = any(is_disk_full(error) for error in self.troubles)
        trouble = NO_ROOM if full else " ".join(str(self.troubles[0]).split()) if self.troubles else ""
        if trouble != self._reported:
            self._reported = trouble
            self.lock.announce(trouble)
            with suppress(OSError, ValueError):  # the log may be on the disk that is full
                print(trouble or "All is well again.", file=sys.stderr, flush=True)

    def _replaced(self) -> bool:
        """Whether the installed code has changed and none of this agent's jobs runs any more."""
        if not self.installed.changed():
            return False
        with self.catalogue.read() as session:
            return not Runs(session).active(self.machine)

    def _retire(self) -> None:
        """Hand over what is left to an agent of the code that is installed now, which outlives this one."""
        if self._work_left():
            with suppress(OSError, ValueError):
                print("The installed code has changed: a new agent takes over.", file=sys.stderr, flush=True)
            start_agent(self.catalogue.path.absolute(), self.catalogue.files / "agent.log", self.cpu_jobs)
        self.handed_over = time.monotonic()

    def _successor_busy(self, since: float) -> bool:
        """Whether the agent that took over still has work. If it has ended without finishing, start another."""
        if not self._work_left():
            return False
        if time.monotonic() - since >= SUCCESSOR_SECONDS and self.lock.take():
            self.lock.release()
            self._retire()
        return True

    def _pause(self) -> float:
        return PAUSE_SECONDS if self.troubles else TICK_SECONDS

    def _must_end(self) -> bool:
        return self.ending or not self.catalogue.path.exists()

    def _work_left(self) -> bool:
        with self.catalogue.read() as session:
            runs = Runs(session)
            return runs.any_queued() or bool(runs.active(self.machine)) or bool(runs.given_up(self.machine))

    def _claim(self) -> bool:
        """Start what can start now, if our code is still the installed one.

        Looks first: other programs write meanwhile, and would wait for nothing.
        """
        if self.installed.changed():
            return False
        started = False
        while self._changes_due():
            with self.catalogue.write() as session:
                runs = Runs(session)
                runs.fail_blocked()
                runs.notify_waiting(self.devices, devices_text(self.machine, self.devices))
                claim = runs.claim(self.machine, os.getpid(), self.devices)
            if claim is None:
                return started
            self.unstarted[claim.attempt.id] = claim
            self._start_claimed(claim.attempt)
            started = True
        return started

    def _changes_due(self) -> bool:
        with self.catalogue.read() as session:
            runs = Runs(session)
            return runs.any_queued() and runs.changes_due(self.machine, self.devices)

    def _start_claimed(self, attempt: Attempt) -> bool:
        """Start a claimed run; False if it is not waiting to be started."""
        claim = self.unstarted.get(attempt.id)
        if claim is None:
            return False
        self._start(claim)
        del self.unstarted[attempt.id]
        return True

    def _start(self, claim: ClaimedRun) -> None:
        run, attempt = claim.run, claim.attempt
        folder = attempt_folder(self.catalogue.files / "runs", run.id, attempt.number)
        try:
            make_folder(folder)
            spec, inputs = resolve(self.catalogue, from_json(run.spec))
            self._hand_on_checkpoint(claim, folder)
            Job(
                run_id=run.id,
                attempt_id=attempt.id,
                spec=spec,
                device=attempt.device,
                threads=threads(attempt.device, self.cpu_jobs),
                data_root=run.data_root,
                inputs=inputs.models,
                paths=inputs.paths,
            ).save(folder)
            self.supervision.children[attempt.id] = start_worker(folder)
        except (ThalwegError, StoreError, OSError) as error:
            if is_disk_full(error):
                raise  # it begins when there is room
            with self.catalogue.write() as session:
                Runs(session).finish(attempt.id, "failed", f"input failed: {error}", "input failed")

    def _hand_on_checkpoint(self, claim: ClaimedRun, folder: Path) -> None:
        """Give a run its checkpoint: of an earlier attempt or, if requested, of the run it relaunches."""
        runs = self.catalogue.files / "runs"
        found = checkpoint(runs, claim.run.id)
        if found is None and claim.run.resume == "checkpoint" and claim.run.relaunch_of is not None:
            found = checkpoint(runs, claim.run.relaunch_of)
        if found is not None:
            shutil.copy(found, folder / "resume.safetensors")  # as private as the other


def run(catalogue: Catalogue, *, drain: bool = False, cpu_jobs: int = 1) -> None:
    """Run the agent until there is nothing to do or SIGTERM or SIGINT arrives; jobs continue without it."""
    agent = Agent(catalogue, cpu_jobs)

    def stop(*_: object) -> None:
        agent.ending = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    agent.run(drain=drain)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m core.engine.agent", description=__doc__)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--drain", action="store_true")
    parser.add_argument("--cpu-jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    with suppress(AttributeError):
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
