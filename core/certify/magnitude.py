"""A bound on every activation along a whole straight segment, for dead neurons too.

0 * inf is NaN, so a dead neuron may only be ignored where it is finite. The bound B_k (n_k,) on |F_k| is

    B_0 = max |X| over train and test,   B_k = act-bound( max(|W(0)|, |W(1)|) B_{k-1} + max(|b(0)|, |b(1)|) ),

one number a neuron. It is sound at every t: on a line |W(t)| <= max(|W(0)|, |W(1)|) entry by entry, so a
product of layers that is large only in the middle is bounded too; zero padding adds nothing, and pooling, of a
maximum or an average, stays in the range of its inputs and zero. The activations of `core.networks.activations`
are nondecreasing, so |act| on [-B, B] is at most max(|act(-B)|, |act(B)|); a test holds the registry to that.
"""

from functools import reduce

import torch
from torch import Tensor

from core.certify.structure import Move
from core.data.dataset import Dataset

CEILING = 1e300
"""A bound above this is refused: what is left to 1.8e308 is room for every rounding."""


def overflow(layers: list[Move], inputs: Tensor) -> str | None:
    """Where activations may leave float64, as a sentence; None where they are finite all along.

    `inputs` are the largest |x|, as `largest_inputs` gives them.
    """
    B = inputs.reshape(layers[0].layer.inputs, -1).amax(1)
    if not (B <= CEILING).all():
        return f"input {_first(B)} reaches {float(B[_first(B)]):.2g} in the data: activations may not be finite"
    for k, move in enumerate(layers, start=1):
        B = move.reach @ B + move.b.abs().amax(0)
        if not (B <= CEILING).all():  # NaN as well
            return _sentence(k, "pre-activation", B)
        act = move.layer.activation
        if act is not None:
            B = torch.maximum(act(B).abs(), act(-B).abs())
            if not (B <= CEILING).all():
                return _sentence(k, "activation", B)
    return None


def largest_inputs(data: Dataset) -> Tensor:
    """The largest |x| of every input feature, of a sample's shape, over train and test; NaN where one is."""
    parts = [part for part in (data.train, data.test) if part is not None]
    pieces = (part.read(rows) for part in parts for rows in part.pieces())
    return reduce(torch.maximum, (torch.maximum(x.amax(0), -x.amin(0)) for x in pieces))


def _first(B: Tensor) -> int:
    return int((~(B <= CEILING)).nonzero()[0])


def _sentence(k: int, what: str, B: Tensor) -> str:
    unit = _first(B)
    return (
        f"layer {k}, unit {unit}: its {what} may reach {float(B[unit]):.2g} between the ends, "
        f"over {CEILING:.0e}: it can't be shown to stay finite"
    )
