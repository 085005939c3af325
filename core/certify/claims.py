"""One rule a claim: what has to hold of a straight segment, given its layers at both ends.

Every rule answers with a `Finding`; `core.certify.decide` has checked before that all is finite.
"""

from dataclasses import dataclass

from torch import Tensor

from core.certify.affinity import bent_above
from core.certify.constancy import first_change
from core.certify.magnitude import CEILING
from core.certify.residual import data_residual
from core.certify.structure import Line, live_units

RESIDUAL = 1e-9
"""The largest data-invariant residual, relative to 1 + the layer's largest pre-activation at the start."""

DRIFT = 1e-6
"""The most that a residual may add to the train loss, relative to 1 + the loss at the start."""


@dataclass(frozen=True)
class Finding:
    """Whether a rule holds, why in one sentence, and what rounding is left (zero for exact rules).

    `gain` is what the loss may gain on its start, of enclosed claims alone.
    """

    holds: bool
    reason: str
    residual: float = 0.0
    drift: float = 0.0
    gain: float = 0.0


def invariant(line: Line) -> Finding:
    """The network function does not change: the rule of `constancy` for all units, up to the outputs."""
    live = live_units(line.layers)
    change = first_change(line.layers, live, len(line.layers))
    return Finding(change is None, change.words if change else f"every live unit keeps its features; {_dead(live)}")


def convex(line: Line) -> Finding:
    """The outputs move on a straight line, so the largest loss is at an end.

    With k the lowest layer whose live units don't keep their features, L where all hidden ones do: the outputs are
    affine in t where `core.certify.affinity` finds nothing that bends them above layer k. A loss convex in Z_L is then
    convex in t.
    """
    live = live_units(line.layers)
    change = first_change(line.layers, live, len(line.layers) - 1)
    if change is not None and (why := bent_above(line.layers, live, change.layer)) is not None:
        return Finding(False, f"{change.words}, and {why}")
    return Finding(True, f"the outputs move on a straight line; {_dead(live)}")


def data_invariant(line: Line) -> Finding:
    """One layer moves and no pre-activation of the training data changes by more than `RESIDUAL` allows."""
    k = _one_that_moves(line)
    if isinstance(k, Finding):
        return k
    found = data_residual(line.problem, line.ends, k)
    allowed = RESIDUAL * (1 + found.preactivation)
    if not found.largest <= allowed:
        return Finding(
            False,
            f"layer {k}: F dW + db reaches {found.largest:.2g} on the training data, over {allowed:.2g}",
            found.largest,
        )
    limit = DRIFT * (1 + float(line.problem.losses(line.ends[:1])[0]))
    if not found.drift <= limit:
        sentence = f"its residual {found.largest:.2g} may raise the loss by {found.drift:.2g}, over {limit:.2g}"
        return Finding(False, f"layer {k}: {sentence}", found.largest, found.drift)
    sentence = f"no pre-activation of the training data changes by more than {found.largest:.2g}"
    return Finding(True, f"layer {k}: {sentence}, nor the loss by {found.drift:.2g}", found.largest, found.drift)


def one_layer(line: Line) -> Finding:
    """One layer moves, and what the loss may gain by it is bounded as by any residual, however large."""
    k = _one_that_moves(line)
    if isinstance(k, Finding):
        return k
    found = data_residual(line.problem, line.ends, k)
    sentence = f"layer {k}: pre-activations of the training data change by {found.largest:.2g} at most"
    if not found.drift <= CEILING:
        return Finding(False, f"{sentence}, and the loss can't be shown to stay finite")
    return Finding(True, f"{sentence}, so the loss gains {found.drift:.2g} at most", gain=found.drift)


def _one_that_moves(line: Line) -> int | Finding:
    """The only layer that moves; a finding where that is settled without one."""
    moving = [k for k, move in enumerate(line.layers, start=1) if not move.still]
    if not moving:
        return Finding(True, "no layer moves")
    if len(moving) > 1:
        return Finding(False, f"layers {', '.join(map(str, moving))} move and only one may")
    return moving[0]


def _dead(live: list[Tensor]) -> str:
    dead = sum(int((~mask).sum()) for mask in live)
    return f"{dead} hidden units are dead" if dead != 1 else "1 hidden unit is dead"
