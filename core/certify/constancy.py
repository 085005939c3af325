"""The invariance rule: the features of live units do not change along a straight segment.

Statement. Let every live or output unit r of layers 1..K keep its bias, and let for each class C of twins
below it  sum_{q in C} (W_rq(1) - W_rq(0)) = 0  exactly (entry by entry of a block). Then Z_r is constant.

Proof, by induction from the input. Along the line Z_r(t) - Z_r(0) is a sum over neurons q below of
W_rq(t) F_q(t) - W_rq(0) F_q(0). A dead q has W_rq = 0 at both ends, so along the line. A live q has constant
features F_q by induction (input features are constants of the data), so it adds t (W_rq(1) - W_rq(0)) F_q.
The live members of a class C have equal features F_C, its dead members have no change, and together they add
t F_C sum_{q in C} (W_rq(1) - W_rq(0)) = 0.  (Cf. Nguyen et al. 2021, Claim 5.1 and the proof of Theorem 4.1.)
"""

from collections.abc import Iterator
from fractions import Fraction
from math import fsum, inf
from typing import NamedTuple

import torch
from torch import Tensor

from core.certify.structure import Move, twin_classes

MEMBERS_AT_ONCE = 1 << 22


class Change(NamedTuple):
    """A layer in which the rule fails, and where in it, as a sentence."""

    layer: int
    words: str


def first_change(layers: list[Move], live: list[Tensor], upto: int) -> Change | None:
    """The lowest of the layers 1..upto in which the rule fails; None where it holds in all of them.

    `live` are the masks of `live_units`.
    """
    for k in range(1, upto + 1):
        move, rows = layers[k - 1], live[k - 1]
        found = _bias_change(k, move, rows) or _weight_change(k, layers, rows)
        if found:
            return Change(k, found)
    return None


def _bias_change(k: int, move: Move, rows: Tensor) -> str | None:
    changed = (move.b[0] != move.b[1]) & rows
    if not changed.any():
        return None
    unit = int(changed.nonzero()[0])
    return f"layer {k}, unit {unit}: its bias changes by {_shown(*move.b[:, unit])}"


def _weight_change(k: int, layers: list[Move], rows: Tensor) -> str | None:
    W = layers[k - 1].W
    if torch.equal(*W):
        return None
    moved = (W[0] != W[1]) & rows[:, None, None]
    if not moved.any():
        return None
    below = W[0].shape[1]
    classes = twin_classes(layers[k - 2]) if k > 1 else {1: torch.arange(below, device=rows.device)[:, None]}
    if 1 in classes:
        alone = moved[:, classes[1][:, 0]].nonzero()
        if len(alone):
            unit, q, entry = (int(i) for i in alone[0])
            q = int(classes[1][q, 0])
            change = _shown(W[0][unit, q, entry], W[1][unit, q, entry])
            return f"layer {k}, unit {unit}: its weight {_from(k, q)} changes by {change}"
    for size in sorted(classes.keys() - {1}):
        found = _class_change(k, W, moved, classes[size])
        if found:
            return found
    return None


def _class_change(k: int, W: tuple[Tensor, Tensor], moved: Tensor, members: Tensor) -> str | None:
    """The first sum over a class of twins, `members` (classes, m), that is not exactly zero."""
    touched = moved[:, members].any(2).nonzero()  # (sums, 3): unit, class, entry of the block
    for where in torch.split(touched, max(1, MEMBERS_AT_ONCE // members.shape[1])):
        unit, twins, entry = where[:, 0], members[where[:, 1]], where[:, 2]
        ends = torch.stack([one[unit[:, None], twins, entry[:, None]] for one in W])  # (2, sums, m)
        found = next(_nonzero_sums(ends), None)
        if found is not None:
            i, total = found
            names = ", ".join(map(str, twins[i].tolist()[:4])) + (", ..." if twins.shape[1] > 4 else "")
            return (
                f"layer {k}, unit {int(unit[i])}: its weights from the twins {names} of layer {k - 1} "
                f"change by {total:.2g} in sum"
            )
    return None


def _nonzero_sums(ends: Tensor) -> Iterator[tuple[int, float]]:
    """Which rows of `ends` (2, sums, m) have a nonzero exact sum ends[1] - ends[0], and about what it is."""
    ordered = ends.sort(-1).values
    rest = (ordered[0] != ordered[1]).any(-1).nonzero()[:, 0]  # a permuted row sums to zero
    terms = torch.cat([ends[1, rest], -ends[0, rest]], -1)
    for i, row in zip(rest.tolist(), terms.tolist(), strict=True):
        total = exact_sum(row)
        if total != 0:
            yield i, total


def exact_sum(numbers: list[float]) -> float:
    """The sum of finite floats, rounded once: zero if and only if the sum in real numbers is zero.

    (A nonzero sum of floats is never below the smallest float.) Infinite where it is too large for a float.
    """
    try:
        return fsum(numbers)
    except OverflowError:  # of a partial sum
        total = sum(map(Fraction, numbers), Fraction(0))
    try:
        return float(total)
    except OverflowError:
        return inf if total > 0 else -inf


def _shown(start: Tensor, end: Tensor) -> str:
    return f"{float(end) - float(start):.2g}"


def _from(k: int, q: int) -> str:
    return f"from input {q}" if k == 1 else f"from unit {q} of layer {k - 1}"
