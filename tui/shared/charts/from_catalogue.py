"""Charts of rows of the catalogue: each of one quantity over one axis, since nothing else can be compared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import store
from core.errors import UsageError, unknown_name
from core.grid import Grid
from tui.shared.charts import from_grids
from tui.shared.charts.charts import Chart, ChartCurve, ChartSegment, curve, level
from tui.shared.charts.from_grids import Grids
from tui.shared.formatting import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from store import Catalogue, MeasurementRecord, SegmentRecord
    from store.metrics import CurveRecord as MetricCurve

FAMILIES = ("loss", "error")  # of paths
FIRST = ("loss", "gaps")  # of the curves of a run: drawn where nothing else is asked for


@dataclass(frozen=True)
class Quantity:
    """What a chart shows: losses together, errors together, anything else by its name; and over what."""

    name: str
    over: str


Curves = Mapping[int, list[ChartCurve]]


def of_paths(session: "Session", ids: Sequence[int], quantity: Quantity) -> Chart:
    """Loss or error along paths, train and test, with their levels."""
    curves = {path_id: _along(session, path_id, quantity.name, alone=len(ids) == 1) for path_id in ids}
    chart = _chart("path", curves, quantity)
    if len(ids) > 1:
        return chart
    named = f"{chart.title} {clean(store.Paths(session).get(ids[0]).method or '')}".strip()
    return replace(chart, title=named, stretches=_stretches(session, ids[0]))


def _along(session: "Session", path_id: int, name: str, *, alone: bool) -> list[ChartCurve]:

    path, points = store.Paths(session).get(path_id), store.Paths(session).points(path_id)
    t = [point.t for point in points]
    before, of = ("", "") if alone else (f"{path_id} {path.method or ''}".strip() + ", ", f" of {path_id}")
    curves = [
        curve(f"{before}{part}", t, [getattr(point, f"{part}_{name}") for point in points], part=part)
        for part in ("train", "test")
    ]
    if name == "loss":
        ends = [one for one in (path.train_loss_a, path.train_loss_b) if one is not None]
        if alone and ends:
            curves.append(level("higher end", max(ends)))
        steps = _proven(store.Paths(session).segments(path_id)) if alone else []
        curves.append(level(f"level{of}, {path.certificate}", path.level, proven=len(steps) == 1))
        if len(steps) > 1:
            curves.append(level("proven, segment by segment", *steps, proven=True))
    return curves


def _proven(segments: "Sequence[SegmentRecord]") -> list[float | None]:
    """The bounds of segments that were enclosed, none of the others; nothing at all where no segment was."""
    bounds = [one.bound if one.verdict == "enclosed" else None for one in segments]
    return bounds if any(one is not None for one in bounds) else []


def _stretches(session: "Session", path_id: int) -> tuple[ChartSegment, ...]:
    """Segment i of S lies over [i / S, (i + 1) / S]."""
    found = store.Paths(session).segments(path_id)
    return tuple(
        ChartSegment(i / len(found), (i + 1) / len(found), clean(one.verdict or one.claim or ""), _claim_text(one))
        for i, one in enumerate(found)
    )


def _claim_text(segment: "SegmentRecord") -> str:
    """A segment's claim, and what the checker says where it does not agree."""
    claim, verdict = segment.claim or "no claim", segment.verdict
    if (claim, verdict) == ("sampled", "enclosed"):
        return "nothing claimed, enclosed by the checker"
    return clean(claim if verdict in (None, claim) else f"{claim}, but checked only as {verdict}")


def of_runs(session: "Session", ids: Sequence[int], quantity: Quantity) -> Chart:
    """The curves that runs drew while they went."""
    curves = {}
    for run_id in ids:
        prefix = f"{run_id} " if len(ids) > 1 else ""
        curves[run_id] = [
            _curve_of(session, run_id, one.name, f"{prefix}{one.name}")
            for one in store.Metrics(session).curves(run_id)
            if _metric(one) == quantity
        ]
    return _chart("run", curves, quantity)


def of_models(session: "Session", ids: Sequence[int], quantity: Quantity) -> Chart:
    """The training curves of models: what the runs that made them drew."""
    curves: dict[int, list[ChartCurve]] = {}
    for model_id in ids:
        model = store.Models(session).get(model_id)
        curves[model_id] = []
        for one in store.Metrics(session).curves(model.run_id):
            if _metric(one) == quantity and one.position in (None, model.position):
                label = f"{model_id} {one.name.removesuffix(f'.{one.position}')}"
                curves[model_id].append(_curve_of(session, model.run_id, one.name, label))
    return _chart("model", curves, quantity)


def _metric(one: "MetricCurve") -> Quantity:
    return Quantity(one.family, one.unit)


def _curve_of(session: "Session", run_id: int, name: str, label: str) -> ChartCurve:

    drawn = store.Metrics(session).curve(run_id, name)
    return curve(label, [step for step, _, _ in drawn], [value for _, value, _ in drawn])


def of_bounds(session: "Session", ids: Sequence[int], quantity: Quantity, grids: Grids) -> Chart:
    """What bounds left as grids, or measured layer by layer: the draws as dots, a line through the draw that counts."""
    curves = {}
    for bound_id in ids:
        kind = store.Bounds(session).get(bound_id).kind
        label = kind if len(ids) == 1 else f"{bound_id} {kind}"
        curves[bound_id] = _by_layers(session, bound_id, quantity, label)
        if bound_id in grids and quantity in _in_grid(grids[bound_id]):
            curves[bound_id] += from_grids.curves(grids[bound_id], quantity.name, label)
    return _chart("bound", curves, quantity)


def _in_grid(grid: Grid) -> list[Quantity]:
    return [Quantity(name, grid.axes[-1].name) for name in grid.values]


def _by_layers(session: "Session", bound_id: int, quantity: Quantity, before: str) -> list[ChartCurve]:

    measured = _measured(session, bound_id)
    if quantity.over in _axes(measured).values():
        return [_over_points(f"{before} {name}", mine) for name, mine in _named(measured, quantity).items()]
    best, curves = _best_draws(measured), []
    for name, mine in _named(measured, quantity).items():
        label = f"{before} {name}"
        curves.append(_by_layer(label, [one for one in mine if one.draw == best.get(one.layer, one.draw)]))
        if any(one.draw is not None for one in mine):
            curves.append(_by_layer(f"{label}, all draws", mine, dots=True))
    return curves


def _named(measured: "Sequence[MeasurementRecord]", quantity: Quantity) -> "dict[str, list[MeasurementRecord]]":
    """What was measured of a quantity, by name."""
    axes, named = _axes(measured), dict[str, "list[MeasurementRecord]"]()
    for one in measured:
        if _measurement(one, axes) == quantity:
            named.setdefault(one.name, []).append(one)
    return named


def _over_points(label: str, measured: "Sequence[MeasurementRecord]") -> ChartCurve:
    """A curve over the numbers of its points; a line across where there is one number for all of them."""
    if all(one.draw is None for one in measured):
        return level(label, *(one.value for one in measured))
    return curve(label, [one.draw for one in measured], [one.value for one in measured])


def _measured(session: "Session", bound_id: int) -> "list[MeasurementRecord]":

    found = store.Bounds(session).measurements("bound", bound_id)
    return [one for one in found if one.layer is not None and one.role == "value"]


def _axes(measured: "Iterable[MeasurementRecord]") -> dict[str, str]:
    """Families whose draws are the points of a curve, and what these are: the axis of all of the family."""
    return {one.family: one.draws for one in measured if one.family and one.draws != "draw"}


def _measurement(one: "MeasurementRecord", axes: Mapping[str, str]) -> Quantity:
    return Quantity(one.family or one.name, axes.get(one.family, "layer"))


def _by_layer(label: str, measured: "Sequence[MeasurementRecord]", *, dots: bool = False) -> ChartCurve:
    part = "test" if measured and measured[0].name.startswith("test") else ""
    return curve(label, [one.layer for one in measured], [one.value for one in measured], dots=dots, part=part)


def _best_draws(measured: "Sequence[MeasurementRecord]") -> dict[int | None, int]:
    """For every layer the draw of the lowest loss: the one that counts (core.bounds.levels)."""
    lowest: dict[int | None, MeasurementRecord] = {}
    for one in measured:
        if one.name == "loss" and one.draw is not None and one.value is not None:
            known = lowest.get(one.layer)
            if known is None or one.value < (known.value or 0.0):
                lowest[one.layer] = one
    return {layer: one.draw for layer, one in lowest.items() if one.draw is not None}


def _chart(kind: str, curves: Curves, quantity: Quantity) -> Chart:
    """Everything in one chart; of several rows those are named that have nothing to draw."""
    ids = ", ".join(map(str, curves))
    lacking = [row_id for row_id, mine in curves.items() if not any(one.finite for one in mine if not one.level)]
    return Chart(
        f"{kind} {ids}" if len(curves) == 1 else f"{kind}s {ids}",
        clean(quantity.over),
        clean(quantity.name),
        tuple(one for mine in curves.values() for one in mine),
        lacking=tuple(lacking) if len(curves) > 1 else (),
    )


CHARTS: dict[str, "Callable[[Session, Sequence[int], Quantity], Chart]"] = {
    "paths": of_paths,
    "runs": of_runs,
    "models": of_models,
}


def charts(
    catalogue: "Catalogue", session: "Session", kind: str, ids: Sequence[int], name: str | None = None
) -> dict[Quantity, Chart]:
    """The charts of some rows by what they show: all, or those of a `name`; of a family if only an empty one.

    Raises NotFoundError; UsageError for an unknown name, or where a bound's file is no grid; ArtifactError where it is
    damaged or missing.
    """
    grids = from_grids.kept(catalogue, session, ids) if kind == "bounds" else {}
    draw = partial(of_bounds, grids=grids) if kind == "bounds" else CHARTS[kind]
    found = quantities(session, kind, ids, grids)
    wanted = [one for one in found if name in (None, one.name)]
    if not wanted and name not in FAMILIES:
        raise unknown_name("quantity", name or "", {one.name for one in found})
    return {one: draw(session, ids, one) for one in wanted or [Quantity(name or "", "step")]}


def quantities(session: "Session", kind: str, ids: Sequence[int], grids: Grids) -> list[Quantity]:
    """What there is to draw of some rows. Raises NotFoundError."""
    match kind:
        case "paths":
            return [Quantity(name, "t along the path") for name in FAMILIES]
        case "bounds":
            found = [one for grid in grids.values() for one in _in_grid(grid)]
            for measured in (_measured(session, row_id) for row_id in ids):
                found += [_measurement(one, _axes(measured)) for one in measured]
        case _:
            models = kind == "models"
            runs = [store.Models(session).get(one).run_id if models else store.Runs(session).get(one).id for one in ids]
            found = [_metric(one) for run_id in runs for one in store.Metrics(session).curves(run_id)]
            found.sort(key=lambda one: one.name not in FIRST)
    return list(dict.fromkeys(found)) or [Quantity("loss", "step")]


def chart_of(catalogue: "Catalogue", session: "Session", kind: str, ids: Sequence[int], name: str | None) -> Chart:
    """The chart of some rows; without a `name` of what most of them have.

    Raises NotFoundError, ArtifactError, UsageError where there is nothing to draw.
    """
    chart = fullest(charts(catalogue, session, kind, ids, name).values())
    if len(ids) > 1:
        chart = chart.without("test")
    if not chart.drawable:
        left = f"left no finite {chart.y}" if chart.curves or kind != "bounds" else "has no numbers by layers"
        raise UsageError(f"There is nothing to draw: {chart.title} {left}.")
    return chart


def fullest(charts: Iterable[Chart]) -> Chart:
    """The first of those with the most rows in them."""
    return max(charts, key=lambda chart: (bool(chart.drawable), -len(chart.lacking)))
