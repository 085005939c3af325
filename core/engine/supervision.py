"""Supervision of this machine's attempts: which are alive, which are silent, which died and of what."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from core.engine.folders import DISK_FULL, GONE, REPLACED, Owner, abandon, attempt_folder, boot_id, log_of, owner
from core.engine.ingest import ingest
from core.engine.launch import signal_group
from core.engine.log import Log
from core.errors import sentence
from store import Attempt, Catalogue, Runs
from store.states import FINISHED

STALE_SECONDS = 10.0  # without a beat
START_SECONDS = 5.0  # from the claim to the worker's first sign, where its agent died in between
GRACE_SECONDS = 10.0  # from SIGTERM to SIGKILL
MOST_ATTEMPTS = 3
FOLDER_GONE = "Its folder was deleted while it was at work, or its catalogue for a while: relaunch it."


@dataclass
class Supervision:
    """What an agent knows beyond the catalogue: its children, and when it stopped or orphaned which."""

    catalogue: Catalogue
    children: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    stopped_at: dict[int, float] = field(default_factory=dict)
    orphaned_at: dict[int, float] = field(default_factory=dict)

    def folder(self, attempt: Attempt) -> Path:
        return attempt_folder(self.catalogue.files / "runs", attempt.run_id, attempt.number)

    def tend(self, attempt: Attempt) -> bool:
        """Take in an attempt's reports and judge its state; whether anything changed."""
        folder = self.folder(attempt)
        who = owner(folder)
        if who is not None and attempt.pid is None:
            with self.catalogue.write() as session:
                Runs(session).started(attempt.id, who.pid, who.started, who.boot)
        alive = self._alive(attempt, who)
        if alive is None and (attempt.pid is None or (folder / "owner").exists()):
            return self._handle_no_start(attempt, folder)
        while ingest(self.catalogue, attempt, folder):  # a dead worker's last words too
            if alive:
                return True
            with self.catalogue.read() as session:
                now = [one for one in Runs(session).attempts(attempt.run_id) if one.id == attempt.id]
            if not now:
                return True  # its run ended, and was deleted at once
            (attempt,) = now
            if attempt.state in FINISHED:
                return True
        if alive:
            return self._handle_silence(attempt)
        self._handle_death(attempt, who)
        return True

    def finish_given_up(self, attempt: Attempt) -> None:
        """Keep what an attempt reported before it was given up while this machine was silent, then end it."""
        folder = self.folder(attempt)
        alive = self._alive(attempt, owner(folder))
        if alive is None:
            alive = not abandon(folder)
        if alive:
            self.stop(attempt)
        elif not ingest(self.catalogue, attempt, folder):
            with self.catalogue.write() as session:
                Runs(session).seen_to(attempt.id)

    def stop(self, attempt: Attempt) -> None:
        """Somebody asked to cancel it: SIGTERM, and SIGKILL after a grace period."""
        who = owner(self.folder(attempt))
        if who is None:
            return
        if attempt.id not in self.stopped_at:
            self.stopped_at[attempt.id] = time.monotonic()
            signal_group(who, signal.SIGTERM)
        elif time.monotonic() - self.stopped_at[attempt.id] > GRACE_SECONDS:
            signal_group(who, signal.SIGKILL)

    def reap(self, active: Sequence[Attempt]) -> None:
        """Forget children that have ended, unless their attempt is still `active`: how they ended is recorded first.

        A child that goes on long after its attempt has ended, of a run that was deleted perhaps, is killed.
        """
        kept = {attempt.id for attempt in active}
        self.children = {key: one for key, one in self.children.items() if key in kept or one.poll() is None}
        left = self.children.keys() - kept
        self.orphaned_at = {key: self.orphaned_at.get(key, time.monotonic()) for key in left}
        for key, since in self.orphaned_at.items():
            if time.monotonic() - since > GRACE_SECONDS:
                os.killpg(self.children[key].pid, signal.SIGKILL)

    def _alive(self, attempt: Attempt, who: Owner | None) -> bool | None:
        """None: nobody has taken the folder yet."""
        child = self.children.get(attempt.id)
        if child is not None:
            return child.poll() is None
        return None if who is None else who.alive()

    def _handle_no_start(self, attempt: Attempt, folder: Path) -> bool:
        """Its agent died before or just after starting a worker: give the attempt up, for good, then retry."""
        if (datetime.now(UTC) - attempt.started_at).total_seconds() < START_SECONDS:
            return False
        if not abandon(folder):
            return False
        self._requeue(attempt, "its agent died before the job began")
        return True

    def _handle_silence(self, attempt: Attempt) -> bool:
        silent = (datetime.now(UTC) - attempt.heartbeat_at).total_seconds()
        if silent < STALE_SECONDS or attempt.state == "stale":
            return False
        with self.catalogue.write() as session:
            Runs(session).stale(attempt.id)
        return True

    def _handle_death(self, attempt: Attempt, who: Owner | None) -> None:
        """The process is gone and left no result."""
        child = self.children.get(attempt.id)
        code = None if child is None else child.returncode
        if who is not None and who.boot != boot_id():
            self._requeue(attempt, "the machine was restarted")
            return
        if code == REPLACED:
            self._requeue(attempt, "other code was installed while it began")
            return
        with self.catalogue.write() as session:
            runs = Runs(session)
            if runs.get(attempt.run_id).cancel_requested_at is not None:
                cause = "cancelled while running"
                runs.finish(attempt.id, "cancelled", cause, "cancelled")
            elif code == GONE or (attempt.pid is not None and who is None):
                runs.finish(attempt.id, "failed", cause := FOLDER_GONE, "folder gone")
            elif code == DISK_FULL:
                cause = "The disk was full: make room, then relaunch."
                runs.finish(attempt.id, "failed", cause, "disk full")
            else:
                cause = cause_of_death(code)
                number = -code if code is not None and code < 0 else None
                runs.finish(attempt.id, "failed", cause, "killed", number)
            self._log_ending(attempt, cause)

    def _requeue(self, attempt: Attempt, cause: str) -> None:
        with self.catalogue.write() as session:
            if attempt.number < MOST_ATTEMPTS:
                Runs(session).requeue(attempt.id, cause)
            else:
                Runs(session).finish(attempt.id, "failed", f"{cause} ({attempt.number} times)", "killed")
            self._log_ending(attempt, cause)

    def _log_ending(self, attempt: Attempt, cause: str) -> None:
        """Log how an attempt ended, for a worker that can't; before its followers learn it."""
        with closing(Log(log_of(self.folder(attempt)))) as log:
            log.end(sentence(f"Attempt {attempt.number} ended: {cause}"))


def cause_of_death(code: int | None) -> str:
    """One sentence about a worker that ended without a result."""
    if code is None:
        return "killed: its process is gone without a result, and so is the agent that could have seen why"
    if code < 0:
        hint = ", by hand or by the system for want of memory" if code == -signal.SIGKILL else ""
        return f"killed by signal {-code} ({signal.Signals(-code).name}{hint})"
    return f"ended with status {code} and no result: `thalweg log` has its last words"
