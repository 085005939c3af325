"""What a study is: a plan of runs, and what to make of their results. Imports no torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.specs.runs import RunSpec

Row = Mapping[str, Any]


PAPER = "paper"  # the scale of a paper's own settings


@dataclass(frozen=True)
class Planned:
    """A run of a plan; its `ModelRef.run` counts the runs of the plan from 0."""

    spec: RunSpec
    label: str = ""


@dataclass(frozen=True)
class Outcome:
    """A planned run and what it has left: rows of models, of paths, or of bounds; none where it failed.

    The row of a path has its profile as `points`, that of a bound what it rests on as `measurements`. `answered` is
    whether it is done or ended with a finding; `data_root` the folder of data sets that it was given, None: the usual.
    """

    planned: Planned
    made: Sequence[Row] = ()
    answered: bool = True
    data_root: str | None = None


@dataclass(frozen=True)
class PanelCurve:
    """Over every x the `values` of one quantity, one of each model, whose mean and 95 % interval are drawn.

    A `reference` is what the others are compared with. Curves look different by their order in a panel, so one of
    which there is nothing yet stands there empty.
    """

    label: str
    x: Sequence[float]
    values: Sequence[Sequence[float]]
    reference: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves over one pair of axes, both `logarithmic` or not."""

    title: str
    x: str
    y: str
    curves: Sequence[PanelCurve]
    logarithmic: bool = False


@dataclass(frozen=True)
class Findings:
    """Named columns and rows, a sentence that says what held, and the panels of a figure."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    sentence: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Study:
    """An experiment by name: `expand` its runs at a scale, `reduce` what they left to findings.

    `smaller` says of each scale below the paper's, least first, how it differs from that.
    """

    help: str
    expand: Callable[[str], list[Planned]]
    reduce: Callable[[Sequence[Outcome]], Findings]
    smaller: Mapping[str, str]

    @property
    def scales(self) -> tuple[str, ...]:
        """The scales that `expand` knows."""
        return (*self.smaller, PAPER)
