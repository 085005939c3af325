"""What is drawn: curves with labels, read from the catalogue. How it is drawn: terminal.py, figure.py."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from core.errors import UsageError
from core.results import ASIDE, VERDICTS, is_assumption
from tui.texts import clean, number

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from store import Measurement, Segment

WIDE = 20.0  # a range of more than this, largest over smallest, is drawn on a logarithmic axis
Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """Points in order of x; None stands where the curve is broken. A `level` is a thin line across.

    `dots`: nothing joins the points. `part`: what of, "train" or "test", where that is asked for.
    """

    label: str
    points: tuple[Point | None, ...]
    level: bool = False
    dots: bool = False
    part: str = ""

    @cached_property
    def finite(self) -> list[Point]:
        return [point for point in self.points if point is not None]

    def at(self, x: float) -> float | None:
        """The value at the point nearest to x; None beyond the curve's ends."""
        points = self.finite
        if not points or not points[0][0] <= x <= points[-1][0]:
            return None
        after = bisect_left(points, x, key=lambda point: point[0])
        return min(points[max(after - 1, 0) : after + 1], key=lambda point: abs(point[0] - x))[1]


@dataclass(frozen=True)
class Stretch:
    """A piece of the x axis: one segment of a path, and why the loss on it is known."""

    start: float
    end: float
    claim: str
    told: str


@dataclass(frozen=True)
class Chart:
    """Curves over one pair of axes; `stretches` cut the x axis of a path into its segments."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...] = field(default=())
    stretches: tuple[Stretch, ...] = ()

    @cached_property
    def drawable(self) -> tuple[Curve, ...]:
        return tuple(curve for curve in self.curves if curve.finite)

    @cached_property
    def logarithmic(self) -> bool:
        """Whether the values are all positive and far apart."""
        values = [y for curve in self.curves for _, y in curve.finite]
        return bool(values) and min(values) > 0 and max(values) / min(values) > WIDE

    def without(self, *parts: str) -> "Chart":
        return replace(self, curves=tuple(curve for curve in self.curves if curve.part not in parts))


def curve(label: str, xs: Sequence[float | None], ys: Sequence[float | None], **looks: Any) -> Curve:
    """A curve that is broken where a value is missing or not finite."""
    points = [
        (float(x), float(y)) if x is not None and y is not None and math.isfinite(x) and math.isfinite(y) else None
        for x, y in zip(xs, ys, strict=True)
    ]
    return Curve(clean(label), tuple(points), **looks)


def level(label: str, y: float | None) -> Curve:
    points: tuple[Point | None, ...] = ()
    if y is not None and math.isfinite(y):
        points = ((0.0, y), (1.0, y))
    return Curve(clean(label), points, level=True)


def described(curve: Curve) -> str:
    """For a legend: the curve's name and what it goes through."""
    values = [y for _, y in curve.finite]
    if curve.level:
        return f"{curve.label}: {values[0]:.4g}"
    return f"{curve.label}: {min(values):.4g} to {max(values):.4g}"


def reading(charts: "Sequence[Chart]", x: float) -> list[str]:
    """What can be read off at x: the segment, and the value of every curve at its nearest point."""
    words = [f"{charts[0].x.partition(' ')[0]} {x:.6g}"]
    for place, stretch in enumerate(charts[0].stretches, start=1):
        if stretch.start <= x < stretch.end or x == stretch.end == 1:
            words.append(f"segment {place} of {len(charts[0].stretches)}: {stretch.told}")
    for chart in charts:
        for one in chart.drawable:
            if not one.level and not one.dots:
                name = one.label if chart.y in one.label else f"{one.label} {chart.y}"
                words.append(f"{name} {number(one.at(x))}")
    return words


def of_paths(session: "Session", ids: Sequence[int], quantity: str) -> Chart:
    """Loss or error along paths, train and test, with their levels."""
    from store import Paths

    curves: list[Curve] = []
    for path_id in ids:
        path, points = Paths(session).get(path_id), Paths(session).points(path_id)
        t = [point.t for point in points]
        name = f"{path_id} {path.method or ''}".strip()
        for part in ("train", "test"):
            label = part if len(ids) == 1 else f"{name}, {part}"
            curves.append(curve(label, t, [getattr(point, f"{part}_{quantity}") for point in points], part=part))
        if quantity == "loss":
            ends = [one for one in (path.train_loss_a, path.train_loss_b) if one is not None]
            if len(ids) == 1 and ends:
                curves.append(level("higher end", max(ends)))
            curves.append(level(f"level{f' of {path_id}' if len(ids) > 1 else ''}, {path.certificate}", path.level))
    stretches = _stretches(session, ids[0]) if len(ids) == 1 else ()
    title = _title("path", ids) if len(ids) > 1 else f"path {clean(name)}"
    return Chart(title, "t along the path", quantity, tuple(curves), stretches)


def _stretches(session: "Session", path_id: int) -> tuple[Stretch, ...]:
    """Segment i of S lies over [i / S, (i + 1) / S]."""
    from store import Paths

    found = Paths(session).segments(path_id)
    return tuple(
        Stretch(i / len(found), (i + 1) / len(found), clean(one.verdict or one.claim or ""), _told(one))
        for i, one in enumerate(found)
    )


def _told(segment: "Segment") -> str:
    """A segment's claim, and what the checker says where it does not agree."""
    claim, verdict = segment.claim or "no claim", segment.verdict
    return clean(claim if verdict in (None, claim) else f"{claim}, but checked only as {verdict}")


def of_runs(session: "Session", ids: Sequence[int], quantity: str) -> Chart:
    """The curves that runs drew while they went."""
    from store import Metrics, Runs

    curves = []
    for run_id in ids:
        Runs(session).get(run_id)
        names = [name for name in Metrics(session).names(run_id) if quantity in name]
        prefix = f"{run_id} " if len(ids) > 1 else ""
        curves += [_drawn_by(session, run_id, name, f"{prefix}{name}") for name in names]
    return Chart(_title("run", ids), "step", quantity, tuple(curves))


def of_models(session: "Session", ids: Sequence[int], quantity: str) -> Chart:
    """The training curves of models: what the runs that made them drew."""
    from store import Metrics, Models

    curves = []
    for model_id in ids:
        model = Models(session).get(model_id)
        for name in Metrics(session).names(model.run_id):
            kind, _, position = name.partition(".")  # of several in one batch each has its number
            if quantity in kind and position in ("", str(model.position)):
                curves.append(_drawn_by(session, model.run_id, name, f"{model_id} {kind}"))
    return Chart(_title("model", ids), "epoch", quantity, tuple(curves))


def _drawn_by(session: "Session", run_id: int, name: str, label: str) -> Curve:
    from store import Metrics

    drawn = Metrics(session).curve(run_id, name)
    return curve(label, [step for step, _, _ in drawn], [value for _, value, _ in drawn])


def of_bounds(session: "Session", ids: Sequence[int], quantity: str) -> Chart:
    """What bounds measured, layer by layer: the draws as dots, a line through the draw that counts."""
    from store import Bounds

    curves: list[Curve] = []
    for bound_id in ids:
        bound = Bounds(session).get(bound_id)
        measured = _by_layers(session, bound_id)
        names = list(dict.fromkeys(one.name for one in measured))
        best = _best_draws(measured)
        for name in [name for name in names if quantity in name] or names:
            label = f"{bound_id} {bound.kind} {name}" if len(ids) > 1 else f"{bound.kind} {name}"
            mine = [one for one in measured if one.name == name]
            curves.append(_by_layer(label, [one for one in mine if one.draw == best.get(one.layer, one.draw)]))
            if any(one.draw is not None for one in mine):
                curves.append(_by_layer(f"{label}, all draws", mine, dots=True))
    return Chart(_title("bound", ids), "layer", "value", tuple(curves))


def _by_layers(session: "Session", bound_id: int) -> "list[Measurement]":
    from store import Bounds

    found = Bounds(session).measurements("bound", bound_id)
    curves = [one for one in found if one.layer is not None and one.name not in VERDICTS | ASIDE]
    return [one for one in curves if not is_assumption(one.name)]


def _by_layer(label: str, measured: "Sequence[Measurement]", *, dots: bool = False) -> Curve:
    part = "test" if measured and measured[0].name.startswith("test") else ""
    return curve(label, [one.layer for one in measured], [one.value for one in measured], dots=dots, part=part)


def _best_draws(measured: "Sequence[Measurement]") -> dict[int | None, int]:
    """For every layer the draw of the lowest loss: the one that counts (core.bounds.levels)."""
    lowest: dict[int | None, Measurement] = {}
    for one in measured:
        if one.name == "loss" and one.draw is not None and one.value is not None:
            known = lowest.get(one.layer)
            if known is None or one.value < (known.value or 0.0):
                lowest[one.layer] = one
    return {layer: one.draw for layer, one in lowest.items() if one.draw is not None}


def _title(kind: str, ids: Sequence[int]) -> str:
    return f"{kind} {ids[0]}" if len(ids) == 1 else f"{kind}s {', '.join(map(str, ids))}"


CHARTS: dict[str, "Callable[[Session, Sequence[int], str], Chart]"] = {
    "paths": of_paths,
    "runs": of_runs,
    "models": of_models,
    "bounds": of_bounds,
}


def quantities(session: "Session", kind: str, ids: Sequence[int]) -> list[str]:
    """What there is to draw of some rows: losses together, errors together, anything else by its name."""
    from store import Metrics, Models

    match kind:
        case "paths":
            names = ["loss", "error"]
        case "bounds":
            names = [one.name for row_id in ids for one in _by_layers(session, row_id)]
        case _:
            runs = [Models(session).get(row_id).run_id for row_id in ids] if kind == "models" else ids
            names = [name.partition(".")[0] for run_id in runs for name in Metrics(session).names(run_id)]
    return list(dict.fromkeys(_family(name) for name in names)) or ["loss"]


def _family(name: str) -> str:
    return next((family for family in ("loss", "error") if family in name), name)


def drawn(session: "Session", kind: str, ids: Sequence[int], quantity: str) -> Chart:
    """The chart of some rows. Raises NotFoundError, UsageError where there is nothing to draw."""
    chart = CHARTS[kind](session, ids, quantity)
    if len(ids) > 1:
        chart = chart.without("test")
    if not chart.drawable:
        left = f"left no finite {quantity}" if chart.curves or kind != "bounds" else "has no numbers by layers"
        raise UsageError(f"There is nothing to draw: {chart.title} {left}.")
    return chart
