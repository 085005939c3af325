"""Starting workers quickly: a process that has loaded torch forks them.

Loading torch takes a worker two to four seconds of a core, and many jobs take less. An agent's first job is begun in a
fresh interpreter, as there often is no other; the second calls for a nursery, and those that come once it is ready are
forked from it. It ends with its agent; its workers go on.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from math import inf
from pathlib import Path

from core.engine.launch import environment, start_worker

FORKS = sys.platform == "linux"  # elsewhere, what the system's libraries begin may not survive a fork


class Nursery:
    """One process of `core.engine.worker.nursery`, from outside."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-u", "-m", "core.engine.worker.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._tells, self._hears = self.process.stdin, self.process.stdout
        os.set_blocking(self._hears.fileno(), False)
        self._heard = b""
        self._begun = 0
        self.pids: dict[int, int] = {}  # of workers, by number
        self.ended: dict[int, int] = {}  # their statuses
        self.ready = self.gone = False

    def hear(self) -> None:
        """Take in what it has said since."""
        with suppress(BlockingIOError):
            while not self.gone:
                said = os.read(self._hears.fileno(), 65536)
                self._heard += said
                self.gone = not said
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            self.ready = True
            if line != b"ready":
                what, number, value = line.split()
                (self.pids if what == b"begun" else self.ended)[int(number)] = int(value)

    def fork(self, folder: Path) -> "Forked":
        """Have a worker forked for the job in `folder`. Raises OSError where the nursery is gone."""
        self._tells.write(os.fsencode(folder).hex().encode() + b"\n")  # in hexadecimal: paths may contain line breaks
        self._tells.flush()
        self._begun += 1
        return Forked(self, self._begun)

    def close(self) -> None:
        """End it; its workers go on."""
        with suppress(OSError):
            self._tells.close()
        self.process.kill()
        self.process.wait()
        self.hear()
        self._hears.close()


class Forked:
    """A worker of a nursery: what can be asked of a child of one's own can be asked of it."""

    def __init__(self, nursery: Nursery, number: int) -> None:
        self._nursery, self._number = nursery, number
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs, or nobody can know."""
        self._nursery.hear()
        self.returncode = self._nursery.ended.get(self._number)
        return self.returncode

    def wait(self, timeout: float = inf) -> int | None:
        """Its exit status, as soon as it has ended; None after `timeout` seconds, or where nobody can know."""
        until = time.monotonic() + timeout
        while self.poll() is None and not self.lost and time.monotonic() < until:
            time.sleep(0.01)
        return self.returncode

    @property
    def pid(self) -> int:
        """Its pid, as soon as it has one. Raises ProcessLookupError where it will have none."""
        while self._number not in self._nursery.pids:
            if self._nursery.gone:
                raise ProcessLookupError
            self._nursery.hear()
            time.sleep(0.001)
        return self._nursery.pids[self._number]

    @property
    def lost(self) -> bool:
        """Whether its nursery is gone, so that nobody will know how it ended."""
        return self._nursery.gone and self.returncode is None


Worker = subprocess.Popen[bytes] | Forked


class Starter:
    """What starts an agent's workers."""

    def __init__(self) -> None:
        self.nursery: Nursery | None = None
        self._any = False

    def start(self, folder: Path) -> Worker:
        """Begin the job in `folder`. Raises OSError where not even a fresh interpreter can be had."""
        if self.nursery is not None:
            self.nursery.hear()
            if self.nursery.ready:
                with suppress(OSError):
                    return self.nursery.fork(folder)
            if self.nursery.gone:
                self.close()
        elif self._any and FORKS:
            self.nursery = Nursery()
        self._any = True
        return start_worker(folder)

    def close(self) -> None:
        """Do without a nursery, until the next job."""
        if self.nursery is not None:
            self.nursery.close()
            self.nursery = None
