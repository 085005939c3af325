"""A path's knots in the plane, drawn with textual-plot: import it where they are drawn."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual_plot import HiResMode

from tui.app.widgets.curve_plot import FigureTicks, Plot
from tui.shared.charts.beads import BeadProjection
from tui.shared.charts.thinning import limits

# From low to high loss; the digits say the same to whoever doesn't see the colours.
STEPS = ("#56B4E9", "#009E73", "#F0E442", "#E69F00", "#D55E00")
ROOM = 0.06


class BeadsPlot(Plot):
    """Knots as digits, 0 for the lowest loss to 9 for the highest; A and B are the ends."""

    HELP = "Left and right move from bead to bead."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Bead", key_display="←→"),
        Binding("right,l", "step(1)", "Next bead", show=False),
    ]

    here: reactive[int] = reactive(0)
    pair: reactive[tuple[int, int]] = reactive((0, 1))

    def __init__(self, beads: BeadProjection) -> None:
        super().__init__()
        self.beads = beads

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def watch_here(self) -> None:
        self.redraw()

    def watch_pair(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        if not self.is_mounted:
            return
        self.clear()
        first, second = self.pair
        xs = [bead.coordinates[first] for bead in self.beads.beads]
        ys = [bead.coordinates[second] for bead in self.beads.beads]
        self.set_xlimits(*limits(xs, ROOM))
        self.set_ylimits(*limits(ys, ROOM))
        self.set_x_formatter(FigureTicks())
        self.set_y_formatter(FigureTicks())
        self.plot(xs, ys, "grey62", HiResMode.BRAILLE)
        for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
            sign, colour = self.sign(i)
            self.scatter([x], [y], sign, f"bold {colour}{' reverse' if i == self.here else ''}")

    def sign(self, i: int) -> tuple[str, str]:
        """What stands for a bead."""
        losses = [bead.train_loss for bead in self.beads.beads if bead.train_loss is not None]
        low, high = limits(losses) if losses else (0.0, 1.0)
        loss = self.beads.beads[i].train_loss
        share = 0.0 if loss is None else (loss - low) / (high - low)
        ends = {0: "A", len(self.beads.beads) - 1: "B"}
        digit = "?" if loss is None else str(min(int(share * 10), 9))
        return ends.get(i, digit), STEPS[min(int(share * len(STEPS)), len(STEPS) - 1)]

    def action_step(self, steps: int) -> None:
        self.here = (self.here + steps) % len(self.beads.beads)
