"""Which neurons are kept, and how the subnetworks that read them are found: options that methods and bounds share.

No torch here.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from core.errors import UsageError
from core.specs.descent import Descent, Schedule
from core.specs.names import read_widths
from core.specs.options import Count, Options

TINY = 1e-9  # 0.7 * 10 is a little more than 7
Kept = Literal["random", "importance"]
Init = Literal["own", "random"]


class Subnetworks(Descent, frozen=True, kw_only=True):
    """Kept neurons I_l of each hidden layer, and subnetworks trained on their features."""

    needs_layers: ClassVar[bool] = True
    draws: Annotated[Count, Meta(description="kept sets and starts tried for each layer; the best counts")] = 4
    kept: Annotated[
        Kept, Meta(description="how a layer's kept neurons are chosen: at random, or those that span its features")
    ] = "importance"
    ratio: Annotated[float, Meta(ge=0.5, lt=1, description="share of every hidden layer's neurons that is kept")] = 0.5
    sizes: Annotated[
        str | None, Meta(description="kept neurons of each hidden layer instead, for example 64-48-48")
    ] = None
    init: Annotated[Init, Meta(description="subnetworks start from the model's own weights, or at random")] = "own"
    epochs: Annotated[int, Meta(ge=0, description="at most this many passes over the train set a subnetwork")] = 60
    lr: Annotated[float, Meta(gt=0, description="learning rate")] = 3e-3
    schedule: Annotated[Schedule, Meta(description="of the learning rate over the epochs, towards zero")] = "cosine"


class Dropping(Options, frozen=True, kw_only=True):
    """The model's own neurons, some of them dropped at random and the rest rescaled."""

    needs_layers: ClassVar[bool] = True
    draws: Annotated[Count, Meta(description="random choices tried for each layer; the best counts")] = 20
    drop: Annotated[
        float, Meta(gt=0, lt=1, description="share of the neurons that is dropped, from the layer on upwards")
    ] = 0.5


def kept_sizes(options: Subnetworks, widths: Sequence[int]) -> list[int]:
    """K_l = |I_l| for hidden widths n_l, as `sizes` or `ratio` says.

    Raises UsageError naming the layer where K_l isn't at least n_l / 2 and below n_l.
    """
    if options.sizes is None:
        if options.ratio < 0.5:
            raise UsageError(
                f"The kept sets hold at least half of each layer: ratio must be at least 0.5, not {options.ratio:g}."
            )
        sizes = [ceil(options.ratio * n - TINY) for n in widths]
    else:
        sizes = _read_sizes(options.sizes)
        if len(sizes) != len(widths):
            raise UsageError(
                f"sizes={options.sizes} has {len(sizes)} layers and the network has {len(widths)} hidden ones."
            )
    for layer, (K, n) in enumerate(zip(sizes, widths, strict=True), start=1):
        if n < 2:
            raise UsageError(f"Hidden layer {layer} has 1 neuron and needs 2: one that is kept and one beside it.")
        if not ceil(n / 2) <= K <= n - 1:
            allowed = f"{ceil(n / 2)} to {n - 1}"
            raise UsageError(f"Hidden layer {layer} has {n} neurons: {allowed} of them can be kept, not {K}.")
    return sizes


def _read_sizes(text: str) -> list[int]:
    try:
        return list(read_widths(text))
    except ValueError as error:
        raise UsageError(f"sizes={text} must be whole numbers such as 64-48-48 or 122x10: {error}.") from None


def dropped_sizes(drop: float, widths: Sequence[int]) -> list[int]:
    """floor((1 - drop) n_l): the neurons of hidden widths n_l that stay.

    Raises UsageError naming the layer where none does.
    """
    sizes = [floor((1 - drop) * n + TINY) for n in widths]
    for layer, (k, n) in enumerate(zip(sizes, widths, strict=True), start=1):
        if k < 1:
            raise UsageError(f"Hidden layer {layer} has {n} neurons and drop={drop:g} leaves none of them: drop less.")
    return sizes
