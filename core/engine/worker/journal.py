"""A worker's reports: lines in its run folder, which the agent turns into rows, and sentences in its log."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from core.engine.log import Log
from core.files import amount, to_disk
from core.progress import Thinned
from core.results import Beat, CurveSaid, Event, MetricsSaid, as_loss, to_line

BEAT_SECONDS = 1.0
FLUSH_SECONDS = 0.2
CHECKPOINT_SECONDS = 10.0
MANY = 10_000  # checkpoints, of which the log mentions at most TOLD
TOLD = 50
QUIET_SECONDS = 30.0  # without a line, or a tenth of the job's time if that is longer: then the log tells how far it is


class Journal:
    """Appends events to `events.jsonl` and beats once a second, from a thread, while the job works.

    Lines are gathered and written by that thread, so that saying a metric costs the job no system call.
    `write` returns when its event is on the disk.
    """

    def __init__(self, folder: Path, log: Log | None = None) -> None:
        self._file = os.open(folder / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        to_disk(folder)
        self._log = log
        self._checkpoint = folder / "checkpoint.safetensors"
        resume = folder / "resume.safetensors"
        self.left = resume if resume.exists() else None
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._points: deque[tuple[str, int, float | None, float]] = deque()
        self._known: set[str] = set()
        self._curves: deque[CurveSaid] = deque()
        self._begun = time.monotonic()
        self._saved = time.monotonic()
        self._checkpoints = 0
        self._told = Thinned(MANY, TOLD)
        self._said = 0.0  # when, in the job's seconds
        self._fraction: float | None = None
        self._fractions: list[tuple[float, float]] = []
        self._message: str | None = None
        self._ending = threading.Event()
        self._unwritten = b""  # what an error left of the last lines: it comes first at the next try
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Since the job began."""
        return time.monotonic() - self._begun

    def progress(self, fraction: float | None, message: str) -> None:
        self._fraction, self._message = fraction, message
        if fraction is not None:
            self._fractions.append((self.seconds, fraction))
            del self._fractions[:-200]
        if self.seconds - self._said >= max(QUIET_SECONDS, self.seconds / 10):
            self.say(f"So far: {message}.")

    def say(self, text: str) -> None:
        self._said = self.seconds
        if self._log is not None:
            self._log.say(text)

    def metric(
        self, name: str, step: int, value: float, *, unit: str, family: str, position: int | None = None
    ) -> None:
        if name not in self._known:
            self._known.add(name)
            self._curves.append(CurveSaid(name=name, unit=unit, family=family, position=position))
        self._points.append((name, step, as_loss(value), self.seconds))  # atomic; encoded many at a time, later

    def checkpoint(self, save: Callable[[Path], None]) -> None:
        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self.keep(save)

    def keep(self, save: Callable[[Path], None]) -> None:
        """Save a checkpoint now; the log mentions the first ones, then ever fewer."""
        save(self._checkpoint)
        self._saved = time.monotonic()
        self._checkpoints += 1
        if self._told.due(self._checkpoints):
            self.say(f"Checkpoint {self._checkpoints} written: {amount(self._checkpoint.stat().st_size)}.")

    def forget(self) -> None:
        """Remove the checkpoint: nothing can resume from it."""
        self._checkpoint.unlink(missing_ok=True)

    def write(self, event: Event) -> None:
        """Append one event and see it to the disk. Raises OSError where that is impossible now."""
        with self._lock:
            self._lines.append(to_line(event))
        self._flush()
        os.fsync(self._file)

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self._flush()
        os.close(self._file)

    def _run(self) -> None:
        beaten = 0.0
        while not self._ending.wait(FLUSH_SECONDS):
            if (now := time.time()) - beaten >= BEAT_SECONDS and not self._unwritten:
                beaten = now
                beat = Beat(at=now, fraction=self._fraction, eta_seconds=self._eta(), message=self._message)
                with self._lock:
                    self._lines.append(to_line(beat))
            with suppress(OSError):  # a full disk: the job hears of it where it is still full at its result
                self._flush()

    def _flush(self) -> None:
        """Write what was gathered. Raises OSError; then the next call continues at the same byte."""
        with self._lock:
            self._write_out()
            lines, self._lines = self._lines, []
            points = [self._points.popleft() for _ in range(len(self._points))]
            curves = [self._curves.popleft() for _ in range(len(self._curves))]
            drawn = [MetricsSaid(points=points)] if points else []
            lines[:0] = map(to_line, [*curves, *drawn])  # before an end that may be among the lines
            self._unwritten = b"".join(lines)
            self._write_out()

    def _write_out(self) -> None:
        while self._unwritten:
            self._unwritten = self._unwritten[os.write(self._file, self._unwritten) :]

    def _eta(self) -> float | None:
        """Seconds left at the speed of the last 200 reports."""
        if len(self._fractions) < 2:
            return None
        (since, before), (_, now) = self._fractions[0], self._fractions[-1]
        if now <= before:
            return None
        return (1 - now) * (self.seconds - since) / (now - before)
