"""From values of single models to a table and panels: means over the models with their 95 % intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan

from core.studies.estimates import Estimate, estimate
from core.studies.plan import Panel, PanelCurve

MODELS = "models"


@dataclass(frozen=True)
class Point:
    """What one curve of a panel says of one model at x, and the model's own value of the same quantity."""

    panel: str
    curve: str
    x: int
    model: int
    value: float
    own: float

    @property
    def excess(self) -> float:
        return self.value - self.own


def panels(points: Sequence[Point], labels: Sequence[str], x: str, y: str) -> list[Panel]:
    """One for each setting, with a curve for every label; the models' own values are the reference."""
    made = []
    for title, some in grouped(points, "panel").items():
        curves = [_curve(label, values(some, label)) for label in labels]
        made.append(Panel(title, x, y, [*curves, _curve(MODELS, own_values(some), reference=True)]))
    return made


def _curve(label: str, values_at: dict[int, list[float]], *, reference: bool = False) -> PanelCurve:
    places = sorted(values_at)
    return PanelCurve(label, places, [values_at[x] for x in places], reference)


def table(points: Sequence[Point], labels: Sequence[str], x: str) -> tuple[tuple[str, ...], list[list[object]]]:
    """Columns and rows: per setting and x the models' own mean and that of every curve, with their intervals."""
    names = [name for label in (MODELS, *labels) for name in (column(label), f"{column(label)}_ci95")]
    rows: list[list[object]] = []
    for title, some in grouped(points, "panel").items():
        columns = [own_values(some), *(values(some, label) for label in labels)]
        for place in sorted({one.x for one in some}):
            own = estimate(columns[0][place])
            cells = [cell for one in columns for cell in _cells(one.get(place, ()))]
            rows.append([title, place, own.count, *cells])
    return ("setting", x, "count", *names), rows


def column(label: str) -> str:
    """A curve's name as a column."""
    return label.replace(" ", "_").replace("/", "_")


def _cells(some: Sequence[float]) -> tuple[float | None, float | None]:
    if not some:
        return None, None
    found: Estimate = estimate(some)
    return found.mean, None if isnan(found.half) else found.half


def values(points: Iterable[Point], label: str) -> dict[int, list[float]]:
    """The models' values on one curve at every x."""
    found: dict[int, list[float]] = {}
    for one in points:
        if one.curve == label:
            found.setdefault(one.x, []).append(one.value)
    return found


def own_values(points: Iterable[Point]) -> dict[int, list[float]]:
    """Every model's own value, once at every x."""
    found: dict[int, dict[int, float]] = {}
    for one in points:
        found.setdefault(one.x, {})[one.model] = one.own
    return {x: list(some.values()) for x, some in found.items()}


def grouped(points: Iterable[Point], by: str) -> dict[str, list[Point]]:
    """Points by their panel or curve, in order of appearance."""
    found: dict[str, list[Point]] = {}
    for one in points:
        found.setdefault(getattr(one, by), []).append(one)
    return found
