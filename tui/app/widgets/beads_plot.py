"""The knots of a path's strings in the plane, drawn with textual-plot: import it where they are drawn."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual_plot import HiResMode

from tui.app.widgets.curve_plot import FigureTicks, Plot
from tui.shared.charts.bead_panels import colour, in_order, limits_of, sign
from tui.shared.charts.beads import BeadProjection, BeadString


class BeadsPlot(Plot):
    """One string at a time, on the same equal scales: digits from the lowest value to the highest, A and B the ends."""

    HELP = "Left and right move from bead to bead, up and down to the string as it was before and after."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Bead", key_display="←→"),
        Binding("right,l", "step(1)", "Next bead", show=False),
        Binding("up,k", "snapshot(-1)", "Snapshot", key_display="↑↓"),
        Binding("down,j", "snapshot(1)", "Next snapshot", show=False),
    ]

    here: reactive[int] = reactive(0)
    pair: reactive[tuple[int, int]] = reactive((0, 1))
    number: reactive[int] = reactive(0)
    quantity: reactive[str] = reactive("")

    def __init__(self, beads: BeadProjection) -> None:
        super().__init__()
        self.beads = beads
        self.set_reactive(BeadsPlot.number, len(beads.strings) - 1)
        self.set_reactive(BeadsPlot.quantity, beads.chosen(None))

    @property
    def string(self) -> BeadString:
        return self.beads.strings[self.number]

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def watch_here(self) -> None:
        self.redraw()

    def watch_pair(self) -> None:
        self.redraw()

    def watch_number(self) -> None:
        self.redraw()

    def watch_quantity(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        if not self.is_mounted:
            return
        self.clear()
        first, second = self.pair
        room = self._scale_rectangle
        across, up = limits_of(self.beads, self.pair, max(room.width, 1), max(2 * room.height, 1))
        self.set_xlimits(*across)
        self.set_ylimits(*up)
        self.set_x_formatter(FigureTicks())
        self.set_y_formatter(FigureTicks())
        points, shades = self.string.beads, self.beads.shades(self.quantity)
        xs, ys = [one.place[first] for one in points], [one.place[second] for one in points]
        self.plot(xs, ys, "grey62", HiResMode.BRAILLE)
        knots = [i for i, one in enumerate(points) if one.knot]
        here = knots[self.here]
        for i in (*(one for one in in_order(self.string) if one != here), here):
            looks = "bold " * points[i].knot + colour(points[i], shades) + " reverse" * (i == here)
            self.scatter([xs[i]], [ys[i]], sign(self.string, i, shades), looks.strip())

    def action_step(self, steps: int) -> None:
        self.here = (self.here + steps) % len(self.string.knots)

    def action_snapshot(self, steps: int) -> None:
        """The string before, or after; the bead at the cursor is the one at the same share of the way."""
        number = min(max(self.number + steps, 0), len(self.beads.strings) - 1)
        t, self.here = self.string.knots[self.here].t, 0
        self.number = number
        self.here = round(t * (len(self.string.knots) - 1))
