"""A path's knots, its *beads*, in the plane, each by its loss; and the string as it was before (appendix D of Freeman
and Bruna 2017). Drawn by bead_panels.py, bead_figure.py and a widget.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import store
from core.errors import unknown_name
from tui.shared.charts.principal import project
from tui.shared.formatting import clean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.knots import Snapshot
    from store import Catalogue, ProfilePointRecord

QUANTITIES = ("train_loss", "train_error", "test_loss", "test_error")  # as a snapshot's values are ordered
FAMILIES = {"loss": ("test_loss", "train_loss"), "error": ("test_error", "train_error")}
PAIRS = ((0, 1), (0, 2), (1, 2))
SAME = 1e-9  # of t, between a knot and what is known there
DIGITS = 10  # steps from the lowest to the highest value


@dataclass(frozen=True)
class Bead:
    """A point of a string: its place in the three components, its finite values by quantity; is it a knot?"""

    t: float
    place: tuple[float, ...]
    values: Mapping[str, float]
    knot: bool = True


@dataclass(frozen=True)
class BeadString:
    """A string from end to end, with the points between its knots that were looked at."""

    name: str
    beads: tuple[Bead, ...]

    @cached_property
    def knots(self) -> list[Bead]:
        return [one for one in self.beads if one.knot]

    def after(self, i: int, quantity: str) -> float | None:
        """The highest value seen between knot i and the next one, without them."""
        places = [j for j, one in enumerate(self.beads) if one.knot]
        between = self.beads[places[i] + 1 : places[i + 1]] if i + 1 < len(places) else ()
        return max((one.values[quantity] for one in between if quantity in one.values), default=None)


@dataclass(frozen=True)
class Shades:
    """From values of a quantity to shares of the way from the lowest to the highest."""

    quantity: str
    low: float
    high: float
    logarithmic: bool

    def share(self, bead: Bead) -> float | None:
        """Between 0 and 1; None where the value is not known."""
        value = bead.values.get(self.quantity)
        if value is None:
            return None
        if self.low == self.high:
            return 0.0
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def digit(self, bead: Bead) -> int | None:
        share = self.share(bead)
        return None if share is None else min(int(share * DIGITS), DIGITS - 1)

    @property
    def text(self) -> str:
        """What digits and colours say, such as 0 to 9: test loss from 0.1 to 2."""
        scale = ", logarithmic" if self.logarithmic else ""
        return f"0 to 9: {quantity_text(self.quantity)} from {self.low:.3g} to {self.high:.3g}{scale}"


@dataclass(frozen=True)
class BeadProjection:
    """The strings of a path, the last of them the path itself; `shares` of its variance lie in the components."""

    title: str
    strings: tuple[BeadString, ...]
    shares: tuple[float, ...]

    @cached_property
    def quantities(self) -> list[str]:
        """Those whose values are known: first what is shown unless something else is asked for."""
        known = {name for string in self.strings for bead in string.beads for name in bead.values}
        order = [*FAMILIES["loss"], *FAMILIES["error"]]
        return [name for name in order if name in known] or ["train_loss"]

    def chosen(self, name: str | None) -> str:
        """The quantity of a name, of loss and error the test part's where there is one. Raises UsageError."""
        wanted = (name or self.quantities[0]).replace("-", "_")
        for one in FAMILIES.get(wanted, (wanted,)):
            if one in self.quantities:
                return one
        raise unknown_name("quantity", name or "", self.quantities)

    def shades(self, quantity: str) -> Shades:
        """One scale for all strings: logarithmic for losses, unless one of them is 0."""
        values = [one.values[quantity] for s in self.strings for one in s.beads if quantity in one.values] or [0.0]
        low, high = min(values), max(values)
        return Shades(quantity, low, high, quantity.endswith("loss") and low > 0)

    def coordinates(self, component: int) -> list[float]:
        return [knot.place[component] for string in self.strings for knot in string.knots]


def quantity_text(quantity: str) -> str:
    return quantity.replace("_", " ")


def beads_of(catalogue: "Catalogue", path_id: int) -> BeadProjection:
    """Read and project a path's knots and snapshots. Raises NotFoundError, ArtifactError, UsageError."""
    with catalogue.read() as session:
        path, points = store.Paths(session).get(path_id), store.Paths(session).points(path_id)
    knots, snapshots = strings_in(catalogue.artifacts.verified(path.artifact or ""))
    (places, *before), shares = project(knots, *(one.knots for one in snapshots))
    strings = [_snapshot(*one) for one in zip(snapshots, before, strict=True)]
    whole = BeadString("whole" if strings else "", tuple(_beads(places, _known(points))))
    return BeadProjection(clean(f"path {path_id} {path.method or ''}".strip()), (*strings, whole), shares)


def strings_in(file: Path) -> "tuple[NDArray[Any], list[Snapshot]]":
    """A path file's knots (S + 1, P), and its snapshots. Raises UsageError."""
    from safetensors.numpy import load  # noqa: PLC0415 - numpy too

    from core.knots import reading, snapshots_in, unpacked  # noqa: PLC0415 - numpy, which screens load only to draw

    with reading(file, load) as (header, arrays):
        knots = unpacked(arrays, len(header.claims) + 1)
        return knots, snapshots_in(arrays, knots.shape[1])


def _known(points: "Iterable[ProfilePointRecord]") -> dict[float, Mapping[str, float]]:
    return {one.t: _finite([getattr(one, name) for name in QUANTITIES]) for one in points}


def _snapshot(snapshot: "Snapshot", places: Sequence[tuple[float, ...]]) -> BeadString:
    steps = len(snapshot.values) - 1
    known = {i / steps: _finite(row) for i, row in enumerate(snapshot.values.tolist())}
    return BeadString(clean(snapshot.name), tuple(_beads(places, known)))


def _finite(row: Sequence[float | None]) -> Mapping[str, float]:
    named = zip(QUANTITIES, row, strict=True)
    return {name: value for name, value in named if value is not None and math.isfinite(value)}


def _beads(places: Sequence[tuple[float, ...]], known: Mapping[float, Mapping[str, float]]) -> Iterable[Bead]:
    """The knots, and between them the points that are known; on a curve these stand on its chord."""
    lines, points = len(places) - 1, sorted(known)
    for i, place in enumerate(places):
        here, after = (bisect_left(points, i / lines + aside) for aside in (-SAME, SAME))
        yield Bead(i / lines, place, known[points[here]] if here < after else {})
        for t in points[after : bisect_left(points, (i + 1) / lines - SAME)]:
            share = t * lines - i
            between = tuple(a + share * (b - a) for a, b in zip(place, places[i + 1], strict=True))
            yield Bead(t, between, known[t], knot=False)
