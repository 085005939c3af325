"""What a bound is, whatever its kind."""

from dataclasses import dataclass

from core.grid import Grid
from core.results import Measurement


@dataclass(frozen=True)
class BoundResult:
    """One number that sums it up, what it was made of, a sentence, and what is better looked at than read."""

    value: float | None
    layer_count: int | None
    summary: str
    measurements: list[Measurement]
    grid: Grid | None = None
