"""Results that are functions on a grid: barrier matrices, loss surfaces. No torch here."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TextIO

Tick = int | float | str
Value = int | float | str | None


@dataclass(frozen=True)
class Axis:
    """One direction of a grid: its name, and where its points are."""

    name: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Grid:
    """Named values at every point of the product of some axes; None: not measured.

    Each of `values` holds one value a point, the last axis running fastest.
    """

    title: str
    axes: tuple[Axis, ...]
    values: Mapping[str, tuple[Value, ...]]

    def __post_init__(self) -> None:
        points = 1
        for axis in self.axes:
            points *= len(axis.ticks)
        assert all(len(one) == points for one in self.values.values())

    @property
    def names(self) -> tuple[str, ...]:
        """What a row has: a coordinate of every axis, then the values."""
        return (*(axis.name for axis in self.axes), *self.values)

    def rows(self) -> Iterator[tuple[Value, ...]]:
        """One row a point, in the order of `names`."""
        points = product(*(axis.ticks for axis in self.axes))
        for place, point in enumerate(points):
            yield (*point, *(one[place] for one in self.values.values()))

    def table(self, name: str) -> list[tuple[Value, ...]]:
        """One value of a grid with two axes, row by row: the first axis runs down."""
        width = len(self.axes[1].ticks)
        cells = self.values[name]
        return [cells[start : start + width] for start in range(0, len(cells), width)]

    def write_csv(self, stream: TextIO) -> None:
        """Write the names and every row; what was not measured is empty."""
        writer = csv.writer(stream)
        writer.writerow(self.names)
        writer.writerows(self.rows())
