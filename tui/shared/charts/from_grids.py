"""Curves of the grids that bounds left: over the last axis, one for every point of the axes before it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import store
from core.grid import Grid
from tui.shared.charts.charts import ChartCurve, curve

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from store import Catalogue

Grids = Mapping[int, Grid]


def kept(catalogue: "Catalogue", session: "Session", ids: Sequence[int]) -> Grids:
    """The grids of those of some bounds that left one, by the bounds' ids.

    Raises NotFoundError, ArtifactError where a file is damaged or missing, UsageError where one is no grid.
    """
    from core.grid_files import load  # noqa: PLC0415 - loads numpy, to read a grid alone

    bounds = map(store.Bounds(session).get, ids)
    return {one.id: load(catalogue.artifacts.verified(one.artifact)) for one in bounds if one.artifact is not None}


def curves(grid: Grid, name: str, label: str) -> Iterator[ChartCurve]:
    """The curves of one of a grid's values, whose last axis has numbers."""
    *before, last = grid.axes
    xs = [float(tick) for tick in last.ticks]
    cells = grid.values[name]
    for place, point in enumerate(product(*(axis.ticks for axis in before))):
        ys = cells[place * len(xs) : (place + 1) * len(xs)]
        where = "".join(f", {axis.name} {tick}" for axis, tick in zip(before, point, strict=True))
        yield curve(f"{label} {name}{where}", xs, [None if isinstance(one, str) else one for one in ys])
