"""Beads in characters: a row of panels for each string, one panel for each pair of components, all on equal scales.

Digits say what colours say, so that nothing is lost where there are none.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.text import Text

from tui.shared.charts.beads import PAIRS, Bead, BeadProjection, BeadString, Shades
from tui.shared.charts.terminal import Canvas, TerminalFormat, between, braille
from tui.shared.charts.thinning import equal_limits

# From low to high, told apart with every kind of colour blindness.
STEPS = ("#56B4E9", "#009E73", "#F0E442", "#E69F00", "#D55E00")
SMALL = "₀₁₂₃₄₅₆₇₈₉"  # between the knots
ROOM = 0.06
GAP = 2  # columns between panels
LEAST = (20, 6)  # columns and rows of a panel
ENDS = "A, B: the ends"

Limits = tuple[tuple[float, float], tuple[float, float]]


def sign(string: BeadString, i: int, shades: Shades, *, unicode: bool = True) -> str:
    """What stands for point i: A and B the ends, digits from low to high, small ones between the knots."""
    if i in (0, len(string.beads) - 1):
        return "B" if i else "A"
    bead = string.beads[i]
    digit = shades.digit(bead)
    if bead.knot:
        return "?" if digit is None else str(digit)
    return "." if digit is None or not unicode else SMALL[digit]


def colour(bead: Bead, shades: Shades) -> str:
    share = shades.share(bead)
    return "" if share is None else STEPS[min(int(share * len(STEPS)), len(STEPS) - 1)]


def in_order(string: BeadString) -> list[int]:
    """Points as they are drawn, those last that nothing may cover: points between, knots, ends."""
    last = len(string.beads) - 1
    return [*sorted(range(1, last), key=lambda i: string.beads[i].knot), 0, last]


def lines(beads: BeadProjection, quantity: str, terminal: TerminalFormat) -> Iterator[Text]:
    """All strings, line by line."""
    shades = beads.shades(quantity)
    width = max((terminal.width - GAP * (len(PAIRS) - 1)) // len(PAIRS), LEAST[0])
    height = max(min(width // 2, terminal.height - 5), LEAST[1])
    yield Text(beads.title, style="bold")
    yield Text("components 1, 2, 3: {:.1%}, {:.1%}, {:.1%} of the variance".format(*beads.shares))
    limits = [limits_of(beads, pair, width - 1, 2 * (height - 2)) for pair in PAIRS]
    for string in beads.strings:
        name = f"{string.name}: " if string.name else ""
        yield Text(f"{name}{len(string.knots)} knots", style="bold")
        panels = [
            _panel(string, pair, own, shades, (width, height), terminal)
            for pair, own in zip(PAIRS, limits, strict=True)
        ]
        for row in zip(*panels, strict=True):
            line = Text(" " * GAP).join(row)
            line.rstrip()
            yield line
    small = "small" if terminal.braille else "dots"
    yield Text(f"{ENDS}; {small}: between the knots")
    yield Text(shades.text)


def limits_of(beads: BeadProjection, pair: tuple[int, int], width: float, height: float) -> Limits:
    """The ends of the axes of a panel of this shape: the same for all strings."""
    return equal_limits(beads.coordinates(pair[0]), beads.coordinates(pair[1]), width, height, ROOM)


def _panel(
    string: BeadString,
    pair: tuple[int, int],
    limits: Limits,
    shades: Shades,
    size: tuple[int, int],
    terminal: TerminalFormat,
) -> list[Text]:
    """One string over one pair of components, with the ends of its axes; every line of it `size[0]` wide."""
    width, height = size[0] - 1, size[1] - 2
    (left, right), (low, high) = limits
    places = [
        ((one.place[pair[0]] - left) / (right - left), (one.place[pair[1]] - low) / (high - low))
        for one in string.beads
    ]
    rows = _lines_between(places, width, height, terminal)
    for i in in_order(string):
        bead, (x, y) = string.beads[i], places[i]
        column, row = min(int(x * width), width - 1), min(int((1 - y) * height), height - 1)
        style = f"{'bold ' if bead.knot else ''}{colour(bead, shades)}".strip()
        rows[row][column] = (sign(string, i, shades, unicode=terminal.braille), style)
    bar, corner, dash = "│└─" if terminal.braille else "|+-"
    across = f" {left:.3g} to {right:.3g} "
    head = Text(f"{pair[1] + 1}: {low:.3g} to {high:.3g}")
    foot = Text(f"{corner}{dash}{pair[0] + 1}:{across}".ljust(size[0], dash))
    body = [Text(bar).append_text(Text.assemble(*cells)) for cells in rows]
    panel = [head, *body, foot]
    for line in panel:
        line.truncate(size[0], pad=True)
    return panel


def _lines_between(
    places: Sequence[tuple[float, float]], width: int, height: int, terminal: TerminalFormat
) -> list[list[tuple[str, str]]]:
    """The cells of a panel with the lines between the points, where there are signs for them."""
    canvas = Canvas(width, height)
    if terminal.braille:
        for start, end in pairwise(places):
            for x, y in between(start, end, canvas):
                canvas.draw(x, y, 0)
    return [[(braille(dots) if dots else " ", "dim") for dots in row] for row in canvas.dots]
