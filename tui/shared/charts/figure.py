"""A chart as a PNG, PDF or SVG file."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UsageError
from tui.shared.charts.charts import Chart, ChartCurve
from tui.shared.files import write_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TABLE = ".csv"
SUFFIXES = (TABLE, ".png", ".pdf", ".svg")
# Okabe and Ito's colours, which people with any sort of colour vision tell apart; and dashes for print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", (0, (1, 1)))
MOST_LABELS = 20
GAP = (math.nan, math.nan)


def check(target: Path) -> None:
    """Raise UsageError where the file's name says neither a table nor a format of pictures."""
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{target.name} must end in one of {', '.join(SUFFIXES)}: the ending chooses the format.")


def blank(width: float, height: float) -> "Figure":
    """A figure to draw on, of so many inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, for drawing into files alone

    return Figure(figsize=(width, height), layout="constrained")


def save(chart: Chart, target: Path) -> None:
    """Draw the chart into a file. Raises UsageError where it can't be written."""
    figure = blank(6.4, 4.0)
    axes = figure.subplots()
    lines = 0
    for curve in chart.drawable:
        if curve.level and not curve.proven:
            axes.axhline(curve.finite[0][1], label=curve.label, color="0.45", linestyle=":", linewidth=1.2)
            continue
        xs, ys = zip(*(point or GAP for point in curve.points), strict=True)
        if curve.level:
            axes.plot(xs, ys, label=curve.label, color="0.45", linewidth=0.8)
            _draw_band(axes, [one for one in chart.drawable if one.part == "train"], curve)
            continue
        dashes = "" if curve.dots else DASHES[lines // len(COLOURS) % len(DASHES)]
        marker = "o" if curve.dots or len(curve.finite) == 1 else None
        axes.plot(xs, ys, label=curve.label, color=COLOURS[lines % len(COLOURS)], linestyle=dashes, marker=marker)
        lines += 1
    axes.set(title=chart.title.replace("$", r"\$"), xlabel=chart.x, ylabel=chart.y)
    if chart.logarithmic:
        axes.set_yscale("log")
    if len(chart.drawable) <= MOST_LABELS:
        axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with write_target(target) as draft:
        figure.savefig(draft, dpi=200)


def _draw_band(axes: "Axes", seen: Sequence[ChartCurve], proven: ChartCurve) -> None:
    """Shade what lies between the losses seen and those proven, step by step."""
    for start, end in pairwise(proven.points):
        if start is not None and end is not None:
            there = [point for one in seen for point in one.finite if start[0] <= point[0] <= end[0]]
            axes.fill_between(
                [x for x, _ in there], [y for _, y in there], start[1], color="0.45", alpha=0.2, linewidth=0
            )
