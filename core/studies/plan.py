"""What a study is: a plan of runs, and what to make of their results. Imports no torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.specs.runs import RunSpec

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Planned:
    """A run of a plan; its `ModelRef.run` counts the runs of the plan from 0."""

    spec: RunSpec
    label: str = ""


@dataclass(frozen=True)
class Table:
    """Named columns and rows, and a sentence that says what held."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    sentence: str


@dataclass(frozen=True)
class Study:
    """An experiment by name: `expand` its runs at a scale, `reduce` the rows of their paths to a table."""

    help: str
    expand: Callable[[str], list[Planned]]
    reduce: Callable[[Sequence[Row]], Table]
