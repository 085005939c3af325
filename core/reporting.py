"""How long work speaks while it goes on: progress, curves, and where it could be taken up again."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class Reporter(Protocol):
    """Whoever wants to know how far a construction is. `left` is the state that an earlier run kept, if any."""

    left: Path | None

    def progress(self, fraction: float | None, message: str) -> None:
        """How much is done, in [0, 1] or None where nobody knows, and what is being done."""

    def metric(self, name: str, step: int, value: float) -> None:
        """A point of a curve."""

    def checkpoint(self, save: Callable[[Path], None]) -> None:
        """Offer a state to go on from; `save(file)` is called if it is time to keep one."""

    def keep(self, save: Callable[[Path], None]) -> None:
        """Save a state to go on from, now."""


class Silent:
    """Nobody wants to know."""

    left: Path | None = None

    def progress(self, fraction: float | None, message: str) -> None:
        pass

    def metric(self, name: str, step: int, value: float) -> None:
        pass

    def checkpoint(self, save: Callable[[Path], None]) -> None:
        pass

    def keep(self, save: Callable[[Path], None]) -> None:
        pass
