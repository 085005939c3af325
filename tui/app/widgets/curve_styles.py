"""How curves are distinguished: in a chart, and in its legend."""

from dataclasses import dataclass

from tui.shared.charts.charts import Chart, ChartCurve

# Okabe and Ito's colours, less the two that a dark background swallows.
COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LEVELS = ("╌", "┈", "┄", "─")
PROVEN = "─"


@dataclass(frozen=True)
class CurveStyle:
    """How a curve is distinguished: a colour, a letter, and where along it the letter is."""

    colour: str
    letter: str
    offset: float


def curve_style(chart: Chart, curve: ChartCurve) -> CurveStyle:
    """Dots look like the line before them, whose draws they are."""
    lines = [one for one in chart.drawable if not one.level and not one.dots]
    before = chart.drawable[: chart.drawable.index(curve)]
    place = max(sum(not one.level and not one.dots for one in before) - curve.dots, 0)
    return CurveStyle(COLOURS[place % len(COLOURS)], LETTERS[place % len(LETTERS)], (place + 1) / (len(lines) + 1))


def level_sign(chart: Chart, curve: ChartCurve) -> str:
    """What a level is drawn with: one that is proven piece by piece is a line without gaps."""
    levels = [one for one in chart.drawable if one.level]
    return PROVEN if curve.proven else LEVELS[levels.index(curve) % len(LEVELS)]
