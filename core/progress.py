"""How long work reports while it runs: progress, curves, a log, and checkpoints."""

from collections.abc import Callable
from math import ceil, log
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class Reporter(Protocol):
    """Receives the reports of a construction. `left` is the state that an earlier run kept, if any."""

    left: Path | None

    def progress(self, fraction: float | None, message: str) -> None:
        """How much is done, in [0, 1] or None where nobody knows, and what is being done."""

    def say(self, text: str) -> None:
        """What happened, in a sentence for the run's log."""

    def metric(
        self, name: str, step: int, value: float, *, unit: str, family: str, position: int | None = None
    ) -> None:
        """A point of a curve (core.results.CurveSaid)."""

    def checkpoint(self, save: Callable[[Path], None]) -> None:
        """Offer a state to resume from; `save(file)` is called if a checkpoint is due."""

    def keep(self, save: Callable[[Path], None]) -> None:
        """Save a state to resume from, now."""


class SilentReporter:
    """Ignores all reports."""

    left: Path | None = None

    def progress(self, fraction: float | None, message: str) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def metric(
        self, name: str, step: int, value: float, *, unit: str, family: str, position: int | None = None
    ) -> None:
        pass

    def checkpoint(self, save: Callable[[Path], None]) -> None:
        pass

    def keep(self, save: Callable[[Path], None]) -> None:
        pass


class OnlyProgress(SilentReporter):
    """Somebody who wants to know how far it is, of a part that leaves no state of its own."""

    def __init__(self, whole: Reporter) -> None:
        self.whole = whole

    def progress(self, fraction: float | None, message: str) -> None:
        self.whole.progress(fraction, message)


def plural(number: int, noun: str) -> str:
    """1 bead, 2 beads."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration_text(seconds: float) -> str:
    """A time of seconds, minutes, hours or days, as a part of a sentence: 40 seconds, 3 hours."""
    for unit, length in (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 2 * length:
            return plural(int(seconds / length), unit)
    return plural(max(int(seconds), 0), "second")


class Thinned:
    """Which of many steps get a line in a log: all of `most` or fewer; of more than that the first ones, then ever
    fewer, so that at most `most` of `total` steps are told and each part of the way has its share.
    """

    def __init__(self, total: int, most: int = 200) -> None:
        dense = float(most)  # steps that are all told; as many again for every factor e that follows
        for _ in range(50):
            dense = most / (1 + log(max(total, most) / dense))
        self._growth = 1 + 1 / dense if total > most else 1.0
        self._next = 0

    def due(self, step: int) -> bool:
        """Whether a step gets a line; called once a step, in order."""
        if step < self._next:
            return False
        self._next = max(step + 1, ceil(step * self._growth))
        return True
