"""A study's figure as PNG and PDF: panels side by side, every curve told apart by colour, dashes and marker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from core.studies.estimates import band
from core.studies.plan import Panel, PanelCurve
from tui.shared.files import write_target

# Okabe and Ito's colours, in the paper's order: blue for sparse, orange for dropout, green for the models.
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    {"color": "#CC79A7", "linestyle": "-.", "marker": "^"},
    {"color": "#E69F00", "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "D"},
)
REFERENCE: dict[str, Any] = {"color": "#009E73", "linestyle": ":", "marker": "", "zorder": 3}
MOST_MARKERS = 30  # points of a curve, beyond which markers would run into each other
SIZE = (3.9, 3.3)  # inches, of one panel
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # letters stay letters
}


def save(panels: Sequence[Panel], targets: Sequence[Path], *, logarithmic: bool) -> None:
    """Draw the panels into files, whose endings choose the format. Raises UsageError where one can't be written."""
    with rc_context(STYLE):
        figure = Figure(figsize=(SIZE[0] * len(panels), SIZE[1]), layout="constrained")
        known: dict[str, Artist] = {}
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axes, panel, logarithmic=logarithmic or panel.logarithmic)
            handles, labels = axes.get_legend_handles_labels()
            known |= dict(zip(labels, handles, strict=True))
        figure.legend(known.values(), known, loc="outside lower center", ncols=min(len(known), 3 * len(panels)))
        for target in targets:
            with write_target(target) as draft:
                figure.savefig(draft, dpi=300)


def _draw(axes: Axes, panel: Panel, *, logarithmic: bool) -> None:
    own = iter(LOOKS)
    for curve in panel.curves:
        look = REFERENCE if curve.reference else next(own)  # an empty curve keeps its look to itself
        if curve.x:
            _curve(axes, curve, look, logarithmic=logarithmic)
    axes.set(title=_literally(panel.title), xlabel=panel.x, ylabel=panel.y)
    if logarithmic:
        axes.set_yscale("log")
    else:  # what is drawn is never negative, though intervals may reach down there
        axes.set_ylim(bottom=-0.03 * axes.get_ylim()[1])
    if panel.logarithmic:
        axes.set_xscale("log")
        places = sorted({x for curve in panel.curves for x in curve.x})
        axes.set_xticks(places, [f"{x:g}" for x in places])
        axes.set_xticks([], minor=True)
    elif all(float(x).is_integer() for curve in panel.curves for x in curve.x if not curve.reference):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)


def _curve(axes: Axes, curve: PanelCurve, style: dict[str, Any], *, logarithmic: bool) -> None:
    mean, low, high = zip(*(band(some, logarithmic=logarithmic) for some in curve.values), strict=True)
    marker = style["marker"] if len(curve.x) <= MOST_MARKERS else ""
    axes.plot(curve.x, mean, label=_literally(curve.label), **{**style, "marker": marker})
    if low != high:
        axes.fill_between(curve.x, low, high, color=style["color"], alpha=0.18, linewidth=0)


def _literally(text: str) -> str:
    """Dollars are no formulas."""
    return text.replace("$", r"\$")
