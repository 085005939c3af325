"""Beads as a PNG, PDF or SVG file: figures 3 and 4 of Freeman and Bruna 2017, pair by pair of components."""

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.shared.charts.bead_panels import limits_of
from tui.shared.charts.beads import PAIRS, BeadProjection, BeadString, Shades, quantity_text
from tui.shared.charts.figure import blank
from tui.shared.charts.heatmap import COLOURS
from tui.shared.files import write_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 2.4  # inches of a panel


def save(beads: BeadProjection, quantity: str, target: Path) -> None:
    """Draw a row of panels for each string. Raises UsageError where the file can't be written."""
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415 - slow to import, for drawing into files alone

    shades = beads.shades(quantity)
    rows = len(beads.strings)
    figure = blank(SIZE * len(PAIRS) + 1.2, SIZE * rows + 0.6)
    panels = figure.subplots(rows, len(PAIRS), squeeze=False, sharex="col", sharey="col")
    norm = _norm(shades)
    for row, string in zip(panels, beads.strings, strict=True):
        for axes, pair in zip(row, PAIRS, strict=True):
            _draw(axes, string, pair, shades, norm)
            across, up = limits_of(beads, pair, 1.0, 1.0)
            axes.set(aspect="equal", xlim=across, ylim=up, ylabel=f"component {pair[1] + 1}")
        row[0].set_title(f"{string.name}: {len(string.knots)} knots".removeprefix(": "), fontsize=9, loc="left")
    for axes, pair in zip(panels[-1], PAIRS, strict=True):
        axes.set_xlabel(f"component {pair[0] + 1}")
    shares = ", ".join(f"{share:.1%}" for share in beads.shares)
    figure.suptitle(f"{beads.title}: components of {shares} of the variance".replace("$", r"\$"), fontsize=10)
    bar = figure.colorbar(ScalarMappable(norm, COLOURS), ax=panels, label=quantity_text(quantity), aspect=25 * rows)
    bar.ax.yaxis.set_major_formatter("{x:.3g}")
    bar.ax.yaxis.set_minor_formatter("{x:.3g}")
    with write_target(target) as draft:
        figure.savefig(draft, dpi=200)


def _norm(shades: Shades) -> Any:
    from matplotlib.colors import LogNorm, Normalize  # noqa: PLC0415 - as above

    low, high = shades.low, shades.high if shades.high > shades.low else shades.low + (abs(shades.low) or 1.0)
    return (LogNorm if shades.logarithmic else Normalize)(low, high)


def _draw(axes: "Axes", string: BeadString, pair: tuple[int, int], shades: Shades, norm: Any) -> None:
    """Lines and knots in colour, grey where nothing is known; the ends by letters."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - as above

    places = [(one.place[pair[0]], one.place[pair[1]]) for one in string.beads]
    values = [one.values.get(shades.quantity, math.nan) for one in string.beads]
    pieces = list(pairwise(places))
    of_pieces = [max(ends) if all(map(math.isfinite, ends)) else math.nan for ends in pairwise(values)]
    axes.plot(*zip(*places, strict=True), color="0.8", linewidth=0.6, zorder=1)
    axes.add_collection(LineCollection(pieces, array=of_pieces, cmap=COLOURS, norm=norm, linewidths=1.6, zorder=2))
    knots = [i for i, one in enumerate(string.beads) if one.knot]
    xs, ys = zip(*(places[i] for i in knots), strict=True)
    looks: dict[str, Any] = {"cmap": COLOURS, "norm": norm, "edgecolors": "black", "plotnonfinite": True}
    axes.scatter(xs, ys, c=[values[i] for i in knots], s=22, linewidths=0.6, zorder=3, **looks)
    for letter, place in (("A", places[0]), ("B", places[-1])):
        axes.annotate(letter, place, xytext=(4, 4), textcoords="offset points", fontsize=9, fontweight="bold")
    axes.tick_params(labelsize=7)
