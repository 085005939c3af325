"""Few of a layer's units, and networks of a few: options that the method `oracle` and a bound share. No torch here."""

from collections.abc import Sequence
from math import pi
from typing import Annotated, ClassVar

from msgspec import Meta

from core.errors import UsageError
from core.specs.descent import Descent, Schedule
from core.specs.options import Count
from core.specs.subnetworks import Kept

ALPHAS = (0.0, 0.1, 0.3)
PARTS = 8  # of the layer, that numbers of units are multiples of


class Compressing(Descent, frozen=True, kw_only=True):
    """Fewer hidden units, and oracles of a few: how they are found, and what they are to minimise."""

    needs_layers: ClassVar[bool] = True
    kappa: Annotated[float, Meta(ge=0, description="penalty on the weights out of the hidden units: kappa |W_2|_1")] = (
        0.0
    )
    units: Annotated[
        str | None,
        Meta(
            description="of the oracle (l): 3, or 3-8 to try both; the rest is kept. Without: each eighth of the layer"
        ),
    ] = None
    alpha: Annotated[
        Annotated[float, Meta(ge=0, lt=pi / 2)] | None,
        Meta(description="angle by which kept units may turn; without: 0, 0.1 and 0.3, and the best"),
    ] = None
    draws: Annotated[Count, Meta(description="oracles trained for each number of units, and sets drawn at random")] = 2
    kept: Annotated[
        Kept, Meta(description="what is tried beside elimination: random sets, or units that span the features")
    ] = "importance"
    epochs: Annotated[int, Meta(ge=0, description="at most this many passes over the train set an oracle")] = 100
    lr: Annotated[float, Meta(gt=0, description="learning rate")] = 1e-2
    schedule: Annotated[Schedule, Meta(description="of the learning rate over the epochs, towards zero")] = "cosine"


def oracle_sizes(options: Compressing, m: int) -> list[int]:
    """The numbers l of units to try, of a layer of m, sorted.

    Raises UsageError where `units` are no numbers, or more than there are.
    """
    if options.units is None:
        return sorted({m * i // PARTS for i in range(1, PARTS)})
    try:
        sizes = sorted({int(one) for one in options.units.split("-")})
    except ValueError:
        raise UsageError(f"units={options.units} must be whole numbers, such as 3 or 3-8.") from None
    if sizes[-1] > m:
        raise UsageError(f"units={options.units} asks for {sizes[-1]} units and the hidden layer has {m}.")
    return sizes


def angles(options: Compressing) -> tuple[float, ...]:
    """The alphas to try, the least first."""
    return ALPHAS if options.alpha is None else (options.alpha,)


def only_width(purpose: str, widths: Sequence[int]) -> int:
    """m. Raises UsageError where there is not one hidden layer."""
    if len(widths) != 1:
        raise UsageError(f"{purpose} is about networks of one hidden layer, and this one has {len(widths)}.")
    return widths[0]
