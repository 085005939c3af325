"""Paths in studies: their rows, and the loss along them."""

from collections.abc import Sequence

from core.specs.runs import Connect
from core.studies.plan import Outcome, Panel, PanelCurve, Row


def paths(outcomes: Sequence[Outcome]) -> list[tuple[str, Row]]:
    """The label of every planned connection that has left a path, and the row of that path."""
    return [(one.planned.label, row) for one in outcomes if isinstance(one.planned.spec, Connect) for row in one.made]


def table(columns: Sequence[str], outcomes: Sequence[Outcome]) -> list[list[object]]:
    """One row a path."""
    return [[row.get(name) for name in columns] for _, row in paths(outcomes)]


def panel(title: str, outcomes: Sequence[Outcome], level: tuple[str, float]) -> Panel:
    """The train loss along every path that was planned, and a level to compare it with."""
    planned = [one for one in outcomes if isinstance(one.planned.spec, Connect)]
    curves = [curve for one in planned for curve in _curves(one)]
    label, value = level
    return Panel(
        title, "t", "train loss", [*curves, PanelCurve(label, (0.0, 1.0), ((value,), (value,)), reference=True)]
    )


def _curves(outcome: Outcome) -> list[PanelCurve]:
    """Of every path of a run, numbered where it joins several pairs; an empty one where there is none."""
    label = outcome.planned.label
    numbered = getattr(outcome.planned.spec, "count", 1) > 1
    made = [(f"{label} {row['position'] + 1}" if numbered else label, row["points"]) for row in outcome.made]
    return [_curve(*one) for one in made or [(label, ())]]


def _curve(label: str, points: Sequence[Row]) -> PanelCurve:
    known = [(point["t"], point["train_loss"]) for point in points if point["train_loss"] is not None]
    return PanelCurve(label, [t for t, _ in known], [(loss,) for _, loss in known])
