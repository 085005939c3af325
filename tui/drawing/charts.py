"""What is drawn: curves with labels, read from the catalogue. How it is drawn: terminal.py, figure.py."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import UsageError
from core.results import ASIDE, VERDICTS
from tui.texts import clean

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

WIDE = 20.0  # a range of more than this, largest over smallest, is drawn on a logarithmic axis
Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """Points in order of x; None stands where the curve is broken. A `level` is a thin line across."""

    label: str
    points: tuple[Point | None, ...]
    level: bool = False

    @property
    def finite(self) -> list[Point]:
        return [point for point in self.points if point is not None]


@dataclass(frozen=True)
class Chart:
    """Curves over one pair of axes."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...] = field(default=())

    @property
    def drawable(self) -> tuple[Curve, ...]:
        return tuple(curve for curve in self.curves if curve.finite)

    @property
    def logarithmic(self) -> bool:
        """Whether the values are all positive and far apart."""
        values = [y for curve in self.curves for _, y in curve.finite]
        return bool(values) and min(values) > 0 and max(values) / min(values) > WIDE


def curve(label: str, xs: Sequence[float | None], ys: Sequence[float | None]) -> Curve:
    """A curve that is broken where a value is missing or not finite."""
    points = [
        (float(x), float(y)) if x is not None and y is not None and math.isfinite(x) and math.isfinite(y) else None
        for x, y in zip(xs, ys, strict=True)
    ]
    return Curve(clean(label), tuple(points))


def level(label: str, y: float | None) -> Curve:
    points: tuple[Point | None, ...] = ()
    if y is not None and math.isfinite(y):
        points = ((0.0, y), (1.0, y))
    return Curve(clean(label), points, level=True)


def of_paths(session: "Session", ids: Sequence[int], quantity: str) -> Chart:
    """Loss or error along paths: one with train, test and levels; several with train only."""
    from store import Paths

    curves: list[Curve] = []
    for path_id in ids:
        path, points = Paths(session).get(path_id), Paths(session).points(path_id)
        t = [point.t for point in points]
        name = f"{path_id} {path.method or ''}".strip()
        curves.append(curve(f"{name}, train", t, [getattr(point, f"train_{quantity}") for point in points]))
        if len(ids) == 1:
            curves.append(curve("test", t, [getattr(point, f"test_{quantity}") for point in points]))
        if quantity == "loss":
            ends = [one for one in (path.train_loss_a, path.train_loss_b) if one is not None]
            if len(ids) == 1 and ends:
                curves.append(level("higher end", max(ends)))
            curves.append(level(f"level{f' of {path_id}' if len(ids) > 1 else ''}, {path.certificate}", path.level))
    title = f"path {ids[0]}" if len(ids) == 1 else f"paths {', '.join(map(str, ids))}"
    return Chart(title, "t along the path", quantity, tuple(curves))


def of_runs(session: "Session", ids: Sequence[int], quantity: str) -> Chart:
    """The curves that runs drew while they went."""
    from store import Metrics, Runs

    curves = []
    for run_id in ids:
        Runs(session).get(run_id)
        for name in Metrics(session).names(run_id):
            if quantity in name:
                drawn = Metrics(session).curve(run_id, name)
                label = name if len(ids) == 1 else f"{run_id} {name}"
                curves.append(curve(label, [step for step, _, _ in drawn], [value for _, value, _ in drawn]))
    title = f"run {ids[0]}" if len(ids) == 1 else f"runs {', '.join(map(str, ids))}"
    return Chart(title, "step", quantity, tuple(curves))


def of_bounds(session: "Session", ids: Sequence[int], _quantity: str) -> Chart:
    """What bounds measured, layer by layer."""
    from store import Bounds

    curves = []
    for bound_id in ids:
        bound = Bounds(session).get(bound_id)
        measured = [
            one
            for one in Bounds(session).measurements("bound", bound_id)
            if one.layer is not None and one.name not in VERDICTS | ASIDE
        ]
        for name, draw in dict.fromkeys((one.name, one.draw) for one in measured):
            mine = [one for one in measured if (one.name, one.draw) == (name, draw)]
            label = " ".join(
                part
                for part in (
                    f"{bound_id}" if len(ids) > 1 else "",
                    bound.kind,
                    name,
                    "" if draw is None else f"draw {draw}",
                )
                if part
            )
            curves.append(curve(label, [one.layer for one in mine], [one.value for one in mine]))
    title = f"bound {ids[0]}" if len(ids) == 1 else f"bounds {', '.join(map(str, ids))}"
    return Chart(title, "layer", "value", tuple(curves))


CHARTS: dict[str, "Callable[[Session, Sequence[int], str], Chart]"] = {
    "paths": of_paths,
    "runs": of_runs,
    "bounds": of_bounds,
}


def drawn(session: "Session", kind: str, ids: Sequence[int], quantity: str) -> Chart:
    """The chart of some rows. Raises NotFoundError, UsageError where there is nothing to draw."""
    chart = CHARTS[kind](session, ids, quantity)
    if not chart.drawable:
        raise UsageError(f"There is nothing to draw: {chart.title} left no finite {quantity}.")
    return chart
