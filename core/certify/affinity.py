"""Which layers may move along a straight segment so that the outputs move on a straight line.

Statement. Let k be a layer below which live units keep their features (the rule of `constancy` for layers 1..k-1).
Let layers k..L-1 have no activation, and no pooling but averages, and let no weight of layers k+1..L into a live unit
change. Then the outputs are affine in t; all that belongs to layer k, and the biases above it, may change freely.

Proof. Dead neurons add nothing: their weights into live units are zero along the line. A live unit r of layer k has
Z_r(t) = sum_q W_rq(t) F_q + b_r(t) over live q, whose F_q are constant: affine in t. Linear maps and averages keep
that, so F_k of live units is affine. One layer up W doesn't move, so Z_r(t) = sum_q W_rq F_q(t) + b_r(t) over live q is
affine again, and so on up to the outputs.
"""

from functools import partial

from torch import Tensor

from core.certify.adjoint import AVERAGES
from core.certify.structure import Move
from core.networks.activations import leaky_slope
from core.networks.layered import Pooling


def bent_above(layers: list[Move], live: list[Tensor], k: int) -> str | None:
    """Why the outputs may not be affine in t where layer k < L is the lowest that moves, as the end of a sentence.

    None where they are. `live` are the masks of `live_units`.
    """
    for j, move in enumerate(layers[k - 1 : -1], start=k):
        if leaky_slope(move.layer.activation) != 1:
            return f"layer {j} is not linear, so that only the output layer may move"
        if not all(map(_averages, move.layer.pools)):
            return f"layer {j} has a pooling that is not an average, so that only the output layer may move"
    for j, (move, rows) in enumerate(zip(layers[k:], live[k:], strict=True), start=k + 1):
        moved = ((move.W[0] != move.W[1]) & rows[:, None, None]).nonzero()
        if len(moved):
            unit, q = moved[0, :2].tolist()
            return f"layer {j}, unit {unit}: its weight from unit {q} of layer {j - 1} moves with it"
    return None


def _averages(pool: Pooling) -> bool:
    return isinstance(pool, partial) and not pool.args and pool.func in AVERAGES
