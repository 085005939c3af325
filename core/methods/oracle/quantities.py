"""delta(m, 0; m), delta(k, 0; m) and e(l) of a model, each with the network that reaches it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.methods.oracle.caps import turned_units
from core.methods.oracle.elimination import Kept, kept_units
from core.methods.oracle.heads import best_head
from core.methods.oracle.route import Side
from core.methods.oracle.shallow import Head, Shallow, Target
from core.specs.compressing import Compressing
from core.subnetworks.draws import importance, mixed
from core.subnetworks.weights import Weights


@dataclass(frozen=True)
class Compressed:
    """A model (P,) with F of its own, its best head, and the best k of its units for some k."""

    theta: Tensor
    own: Shallow
    beta: Head
    kept: Mapping[int, Kept]

    def few(self, units: int) -> Shallow:
        """The network of its best so many units."""
        kept = self.kept[units]
        return Shallow(self.own.W[kept.units], kept.head)

    def side(self, k: int) -> Side:
        """With k units kept, which don't turn."""
        kept = self.kept[k]
        return Side(self.theta, self.own.W, self.beta, self.own.W[kept.units], kept)

    def turned(self, target: Target, k: int, alpha: float, start: Side | None = None) -> Side:
        """With k units kept, which turn by alpha at most; from `start` on, where they turn by less."""
        start = start or self.side(k)
        rows, head = turned_units(target, self.own.W[start.kept.units], start.rows, start.kept.head, alpha)
        return Side(self.theta, self.own.W, self.beta, rows, Kept(start.kept.units, head))


def compressed(
    target: Target, theta: Tensor, own: Shallow, sizes: Collection[int], options: Compressing, seed: int
) -> Compressed:
    """All sizes in one run of elimination."""
    H = target.features(own.W)
    own = Shallow(own.W, target.valued(H, own.head))
    beta = best_head(target, H, own.head)
    return Compressed(theta, own, beta, kept_units(target, own.W, beta, sizes, orders(H, beta, options, seed)))


def orders(H: Tensor, beta: Head, options: Compressing, seed: int) -> Sequence[Tensor]:
    """Orders of the units, of which the first ones are tried."""
    m = H.shape[1]
    if options.kept == "importance":
        head = Weights((H.new_zeros(m, 1, 1), beta.V[:, :, None]), (None, None))
        return [importance(H, head, 1).to(H.device)]
    generators = (torch.Generator().manual_seed(mixed(seed, i)) for i in range(options.draws))
    return [torch.randperm(m, generator=one).to(H.device) for one in generators]
