"""A grid with two axes as a PNG, PDF or SVG file: a colour for each value."""

import math
from pathlib import Path

from core.grid import Grid
from tui.shared.charts.figure import blank
from tui.shared.files import write_target

COLOURS = "cividis"  # even in lightness, and the same to people with any sort of colour vision
MOST_NUMBERS = 12  # models, or other ticks, beside which there is room for numbers
MOST_TICKS = 40


def save(grid: Grid, target: Path) -> None:
    """Draw the first of a grid's values into a picture. Raises UsageError where it can't be written."""
    name = next(iter(grid.values))
    cells = [[_drawable(one) for one in row] for row in grid.table(name)]
    down, across = grid.axes
    figure = blank(6.4, 5.2)
    axes = figure.subplots()
    image = axes.imshow(cells, cmap=COLOURS)
    axes.set(title=grid.title.replace("$", r"\$"), xlabel=across.name, ylabel=down.name)
    for place, axis in ((axes.xaxis, across), (axes.yaxis, down)):
        step = -(-len(axis.ticks) // MOST_TICKS)
        place.set_ticks(range(0, len(axis.ticks), step), [str(one) for one in axis.ticks[::step]])
    if max(len(down.ticks), len(across.ticks)) <= MOST_NUMBERS:
        _write_numbers(axes, cells)
    figure.colorbar(image, label=name)
    with write_target(target) as draft:
        figure.savefig(draft, dpi=200)


def _drawable(value: object) -> float:
    """What was not measured, and what is infinite, is left blank."""
    return value if isinstance(value, float) and math.isfinite(value) else math.nan


def _write_numbers(axes: "object", cells: list[list[float]]) -> None:
    finite = [one for row in cells for one in row if math.isfinite(one)]
    middle = (min(finite) + max(finite)) / 2 if finite else 0.0
    for y, row in enumerate(cells):
        for x, one in enumerate(row):
            if math.isfinite(one):
                colour = "white" if one < middle else "black"
                axes.text(x, y, f"{one:.3g}", ha="center", va="center", color=colour, fontsize=8)  # type: ignore[attr-defined]
