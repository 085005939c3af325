"""delta(k, 0; m): how well k of a model's m hidden units do, for many k in one run of backward elimination.

The unit that goes is the one that costs least, either dropped or with its weights added to another unit's, as the
second order at the current head tells: with G the covariance of the features and D the gradient of the loss in V,

    drop j:            |V_j|^2 G_jj / 2 - D_j.V_j,
    merge j into i:    |V_j|^2 (G_jj + G_ii - 2 G_ij) / 2 + (D_i - D_j).V_j

(exact for the square loss), plus what the penalty changes by. The head is fitted again every few units. For a given k
other sets are tried too, and the best counts; fewer units that do better are k units of which some do nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.methods.oracle.heads import QUICK, best_head, centre, constant, slopes
from core.methods.oracle.shallow import Head, Target
from core.methods.sparse.construction import complement

OFTEN = 16  # fits while the number of units falls to its half, about


@dataclass(frozen=True)
class Kept:
    """Some of the hidden units, numbers (k,) sorted, and the head that reads them."""

    units: Tensor
    head: Head

    @property
    def value(self) -> float:
        return self.head.value


def kept_units(
    target: Target, W: Tensor, head: Head, sizes: Collection[int], candidates: Sequence[Tensor]
) -> dict[int, Kept]:
    """For every k in `sizes` the best k units that are found, of a network with weights W and head.

    `candidates` are orders (m,) of the units, of which the first k are tried too.
    """
    H = target.features(W)
    found = {kept.units.shape[0]: kept for kept in eliminated(target, H, head, sizes)}
    for k, kept in found.items():
        for order in candidates:
            units = order[:k].sort().values
            other = best_head(target, H[:, units], Head(head.V[:, units], head.c))
            if other.value < found[k].value:
                found[k] = Kept(units, other)
        assert len(kept.units) == k
    return monotone(found, len(W))


def eliminated(target: Target, H: Tensor, head: Head, sizes: Collection[int]) -> Iterator[Kept]:
    """Backward elimination, from all units on."""
    units, since = torch.arange(H.shape[1], device=H.device), 0
    least = min(sizes)
    while True:
        k = len(units)
        if k in sizes:
            head = best_head(target, H[:, units], head) if k else constant(target)
            yield Kept(units, head)
        elif since * OFTEN >= k:
            head, since = best_head(target, H[:, units], head, QUICK), 0
        if k <= least:
            return
        stays, head = without_one(target, H[:, units], head)
        units, since = units[stays], since + 1


def without_one(target: Target, H: Tensor, head: Head) -> tuple[Tensor, Head]:
    """A mask (k,) of the units that stay when the cheapest one goes, and the head that they are left with."""
    k = H.shape[1]
    j, i = divmod(int(costs(target, H, head).argmin()), k + 1)
    V, mean = head.V.clone(), centre(target, H)
    freed = V[:, j] * mean[j]  # what a free bias takes over
    if i < k:
        V[:, i] += V[:, j]
        freed = freed - V[:, j] * mean[i]
    stays = torch.arange(k, device=V.device) != j
    return stays, Head(V[:, stays], None if head.c is None else head.c + freed)


def costs(target: Target, H: Tensor, head: Head) -> Tensor:
    """(k, k + 1): what F changes by where unit j is merged into unit i, or, in the last column, dropped."""
    D, G = moments(target, H, head)
    merged, dropped = (cost(head.V, D, G, target.kappa) for cost in (merge_costs, drop_costs))
    return torch.cat([merged, dropped[:, None]], 1)


def drop_costs(V: Tensor, D: Tensor, G: Tensor, kappa: float) -> Tensor:
    """(k,)."""
    rise = V.square().sum(0) * G.diagonal() / 2 - (D * V).sum(0)
    return rise - kappa * V.abs().sum(0)


def merge_costs(V: Tensor, D: Tensor, G: Tensor, kappa: float) -> Tensor:
    """(k, k): of unit j into unit i; infinite where these are one."""
    apart = G.diagonal()[:, None] + G.diagonal() - 2 * G
    rise = V.square().sum(0)[:, None] * apart / 2 + V.T @ D - (D * V).sum(0)[:, None]
    if kappa:
        both = (V[:, :, None] + V[:, None]).abs().sum(0)
        rise = rise + kappa * (both - V.abs().sum(0)[:, None] - V.abs().sum(0))
    return rise.fill_diagonal_(torch.inf)


def moments(target: Target, H: Tensor, head: Head) -> tuple[Tensor, Tensor]:
    """D (C, k) and G (k, k), of centred features where a bias is free."""
    centred = H - centre(target, H)
    return slopes(target, H, head).T @ centred, centred.T @ centred / len(H)


def monotone(found: dict[int, Kept], m: int) -> dict[int, Kept]:
    """By size, upwards: where fewer units do better, these and others that nothing reads."""
    best: Kept | None = None
    for k in sorted(found):
        if best is not None and best.value < found[k].value:
            found[k] = padded(best, k, m)
        best = found[k]
    return found


def padded(kept: Kept, k: int, m: int) -> Kept:
    """The same function of k of the m units."""
    more = complement(kept.units, m)[: k - len(kept.units)]
    units, order = torch.cat([kept.units, more]).sort()
    V = torch.cat([kept.head.V, kept.head.V.new_zeros(len(kept.head.V), len(more))], 1)
    return Kept(units, Head(V[:, order], kept.head.c, kept.value))
