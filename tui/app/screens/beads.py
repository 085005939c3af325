"""The beads of a path in the plane of two principal components, each by its loss, and its string as it was before."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from tui.app.lazy import imported
from tui.app.screens.app_screen import BACK, AppScreen
from tui.app.widgets.keys import Keys
from tui.shared.charts.bead_panels import ENDS
from tui.shared.charts.beads import PAIRS, QUANTITIES, BeadProjection, beads_of, quantity_text
from tui.shared.formatting import flowed, number

if TYPE_CHECKING:
    from core.engine.client import Client
    from tui.app.widgets.beads_plot import BeadsPlot

PLOT = "tui.app.widgets.beads_plot:BeadsPlot"
LEAST = (24, 6)  # columns and rows below which nothing could be seen


class BeadsScreen(AppScreen[None]):
    """The knots of one path; stepping from one to the next shows its losses."""

    CSS_PATH = "beads.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        BACK,
        Binding("c", "components", "Components"),
        Binding("e", "quantity", "Quantity"),
    ]

    def __init__(self, client: "Client", path_id: int) -> None:
        super().__init__()
        self.client, self.path_id = client, path_id
        self.drawn: BeadsPlot | None = None

    def compose(self) -> ComposeResult:
        yield Static("reading the knots ...", id="title", markup=False)
        yield Vertical(id="room")
        yield Static(id="reading", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        self.ask(self.read, self.show)

    def read(self) -> BeadProjection:
        imported(PLOT)  # in this thread, since it takes a while
        return beads_of(self.client.catalogue, self.path_id)

    async def show(self, beads: BeadProjection) -> None:
        drawn: BeadsPlot = imported(PLOT)(beads)
        self.drawn = drawn
        await self.query_one("#room").mount(drawn)
        drawn.focus()
        drawn.redraw()
        for what in ("here", "pair", "number", "quantity"):
            self.watch(drawn, what, self.show_reading)
        self.on_resize()

    def on_resize(self) -> None:
        if self.drawn is not None:
            self.drawn.display = self.size.width >= LEAST[0] and self.size.height >= LEAST[1]

    def show_reading(self) -> None:
        """Show which string and components are drawn, and the bead at the cursor."""
        if self.drawn is None:
            return
        beads, string, (first, second) = self.drawn.beads, self.drawn.string, self.drawn.pair
        shares = " and ".join(f"{i + 1} ({beads.shares[i]:.0%} of the variance)" for i in (first, second))
        title = f"{beads.title}: {string.name or 'knots'}, principal components {shares}"
        self.query_one("#title", Static).update(title)
        knots, here, quantity = string.knots, self.drawn.here, self.drawn.quantity
        words = [f"knot {here + 1} of {len(knots)}", f"t {knots[here].t:.4g}"]
        words += [f"{quantity_text(name)} {number(knots[here].values.get(name))}" for name in shown(beads)]
        if (highest := string.after(here, quantity)) is not None:
            words.append(f"to the next up to {number(highest)}")
        words += [ENDS, beads.shades(quantity).text]
        self.query_one("#reading", Static).update(flowed(words, self.size.width - 2))

    def action_components(self) -> None:
        if self.drawn is not None:
            self.drawn.pair = PAIRS[(PAIRS.index(self.drawn.pair) + 1) % len(PAIRS)]

    def action_quantity(self) -> None:
        if self.drawn is not None:
            known = self.drawn.beads.quantities
            self.drawn.quantity = known[(known.index(self.drawn.quantity) + 1) % len(known)]


def shown(beads: BeadProjection) -> list[str]:
    """The quantities that the reading names."""
    return [name for name in QUANTITIES if name in beads.quantities]
