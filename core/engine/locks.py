"""One agent for each catalogue and machine: a lock that the kernel releases when its holder dies.

The lock's file is also how an agent shows itself: the time it was last touched is the agent's last sign of life, and
its few bytes, written in place, can say what it waits for even on a disk that is full.
"""

import fcntl
import math
import os
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Self

from store import Attempt, Machine

SIZE = 512  # bytes of a lock's file, whatever it says
LOOKS = 20  # how often a lock is tried that others may hold for an instant, to look
LOOK_SECONDS = 0.005
BEAT_SECONDS = 1.0
NO_ROOM = "the disk is full: waiting for room"
SILENT_SECONDS = 20.0  # after which an agent is said to be silent: one that copies a large model is so for a while


class AgentLock:
    """An exclusive lock on a file in the catalogue's folder that belongs to this start of a machine."""

    def __init__(self, files: Path, machine: Machine) -> None:
        self.file = _file(files, machine.id, machine.boot)
        self._machine = machine
        self._beaten = 0.0
        self._unwritten = b""
        self._handle: int | None = None

    def take(self) -> bool:
        """Whether the lock is now ours. Raises OSError where its file can't be made."""
        if _is_held(_by_name(self.file.parent, self._machine.host)):
            return False  # by an agent of an earlier version
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _try_lock(handle):
            os.close(handle)
            return False
        self._handle = handle
        self.announce("")
        self._forget_earlier()
        return True

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def lost(self) -> bool:
        """Whether our file was deleted: another agent would take one of the same name."""
        return self._handle is None or os.fstat(self._handle).st_nlink == 0

    def announce(self, text: str) -> None:
        """Publish what this agent waits for ("": nothing), and its process id."""
        line = f"{os.getpid()}\n{text}".encode()[: SIZE - 1]
        self._unwritten = line.ljust(SIZE - 1) + b"\n"
        self._write()

    def touch(self) -> None:
        """Give a sign of life, at most one a second."""
        if self._handle is not None and time.monotonic() - self._beaten >= BEAT_SECONDS:
            self._beaten = time.monotonic()
            with suppress(OSError):
                os.utime(self._handle)
            self._write()

    def _write(self) -> None:
        if self._handle is not None and self._unwritten:
            with suppress(OSError):  # no room for the first bytes of a new file: at the next beat, perhaps
                os.pwrite(self._handle, self._unwritten, 0)
                self._unwritten = b""

    def is_held(self) -> bool:
        """Whether a process is known to hold it; another user's lock can't be checked."""
        return _is_held(self.file) or _is_held(_by_name(self.file.parent, self._machine.host))

    def trouble(self) -> str:
        """What its holder waits for; "" if nothing."""
        try:
            text = self.file.read_text(errors="replace")
            return text.partition("\n")[2].strip() if text else NO_ROOM  # not even its process id could be written
        except OSError:
            return ""

    def silent_seconds(self) -> float:
        """Seconds since the last sign of life."""
        return _age(self.file)

    def _forget_earlier(self) -> None:
        """Remove the files of earlier starts of this machine."""
        for file in self.file.parent.glob(f"agent-{self._machine.id[:16]}-*.lock"):
            with suppress(OSError):
                if file != self.file and file.stat().st_mtime < self._machine.began.timestamp():
                    file.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def silent_seconds_of(files: Path, attempt: Attempt) -> float:
    """Seconds since anything was heard of the agent that an attempt belongs to, or of its worker."""
    known = attempt.machine is not None
    lock = _file(files, attempt.machine, attempt.boot_id) if known else _by_name(files, attempt.host)
    return min(_age(lock), time.time() - attempt.heartbeat_at.timestamp())


def _file(files: Path, machine_id: str | None, boot: str | None) -> Path:
    return files / f"agent-{(machine_id or '')[:16]}-{sha256((boot or '').encode()).hexdigest()[:16]}.lock"


def _by_name(files: Path, host: str) -> Path:
    """The lock file of versions that identified machines by their names."""
    return files / f"agent-{host}.lock"


def _try_lock(handle: int) -> bool:
    """Take the lock, waiting out those who look at it."""
    for _ in range(LOOKS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOOK_SECONDS)
        else:
            return True
    return False


def _is_held(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)  # the disk may be one that can only be read
    except (FileNotFoundError, PermissionError):
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _age(file: Path) -> float:
    """Seconds since the file was touched; a missing one is as old as can be."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return math.inf
