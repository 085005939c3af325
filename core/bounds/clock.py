"""Time that runs out."""

from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True)
class Clock:
    """A time to stop at."""

    end: float

    @classmethod
    def of(cls, seconds: float) -> "Clock":
        return cls(monotonic() + seconds)

    @property
    def seconds_left(self) -> float:
        """Seconds; 0 where time is up."""
        return max(0.0, self.end - monotonic())

    def share(self, parts: int) -> "Clock":
        """One of `parts` equal pieces of the time that is left; what it doesn't use is left to the others."""
        return Clock.of(self.seconds_left / parts)
