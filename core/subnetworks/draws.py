"""Which neurons: kept sets I_l and the model's own neurons above, drawn at random or by importance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.subnetworks.weights import Weights

LOOKED_AT = 1 << 24  # features, by which importance is judged: a few thousand samples


@dataclass(frozen=True)
class Draw:
    """For layer l = `level`: the kept set, those of it that the dropped network keeps, and its neurons above.

    `kept` and `reads` are sorted numbers of neurons of layer l, both None for l = 0; `own[i]` those of layer
    l + 1 + i that the dropped network is made of. `seed` is what it was drawn from.
    """

    level: int
    seed: int
    kept: Tensor | None
    reads: Tensor | None
    own: tuple[Tensor, ...]

    def into(self, top: int) -> list[Tensor | None]:
        """The dropped network's neurons of layers level..L; None stands for all."""
        return [self.reads, *self.own, *[None] * (top - self.level - len(self.own))]


@dataclass(frozen=True)
class Sizes:
    """Of hidden layer l (list index l - 1): n_l, K_l = |I_l|, and how many neurons a dropped network keeps.

    A dropped network reads `reads` neurons of its lowest layer, and has `own` neurons of each layer above.
    """

    widths: Sequence[int]
    kept: Sequence[int]
    reads: Sequence[int]
    own: Sequence[int]

    @classmethod
    def sparse(cls, widths: Sequence[int], kept: Sequence[int]) -> "Sizes":
        """Subnetworks fit beside the kept sets; half of the neurons read are dropout's floor(n / 2)."""
        reads = [n // 2 if 2 * K - n <= 1 else K for n, K in zip(widths, kept, strict=True)]
        return cls(widths, kept, reads, [n - K for n, K in zip(widths, kept, strict=True)])

    @classmethod
    def dropout(cls, widths: Sequence[int], left: Sequence[int]) -> "Sizes":
        """`left` neurons of each layer stay; the kept set holds them, and at least half of the layer."""
        kept = [max(k, n - n // 2) for n, k in zip(widths, left, strict=True)]
        return cls(widths, kept, left, left)


def draw_sets(sizes: Sizes, level: int, seeds: Sequence[int], orders: Sequence[Tensor | None]) -> list[Draw]:
    """One draw a seed for a layer; where `orders[l - 1]` is given, layer l's neurons are taken in that order.

    A function of seed and level alone. Layer 0's dropped networks are those of layer 1.
    """
    return [_draw(sizes, level, seed, orders) for seed in seeds]


def _draw(sizes: Sizes, level: int, seed: int, orders: Sequence[Tensor | None]) -> Draw:
    lowest = max(level, 1)
    generator = torch.Generator().manual_seed(mixed(seed, lowest))
    ordered = []
    for n, order in zip(sizes.widths[lowest - 1 :], orders[lowest - 1 :], strict=True):
        drawn = torch.randperm(n, generator=generator)
        ordered.append(drawn if order is None else order)
    if level == 0:
        return Draw(0, seed, None, None, tuple(_first(order, k) for order, k in zip(ordered, sizes.own, strict=True)))
    here, above = ordered[0], zip(ordered[1:], sizes.own[level:], strict=True)
    kept, reads = _first(here, sizes.kept[level - 1]), _first(here, sizes.reads[level - 1])
    return Draw(level, seed, kept, reads, tuple(_first(order, k) for order, k in above))


def _first(order: Tensor, count: int) -> Tensor:
    return order[:count].sort().values


def mixed(*numbers: int) -> int:
    """A seed made of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1


def importance(features: Tensor, weights: Weights, level: int) -> Tensor:
    """The neurons of layer l, the most important first, of its features F_l (N, n_l, ...).

    A pivoted Cholesky factorisation of the Gram matrix of [1, F_l], each column scaled by the norm of its outgoing
    weights: the next neuron is the one that adds most, to the layer above, to what those before it span.
    """
    some = features[: max(1, LOOKED_AT // features[0].numel())]
    columns = (some.flatten(2).transpose(1, 2).flatten(0, 1) if some.dim() > 2 else some).double()
    F = columns - columns.mean(0)
    outgoing = weights.W[level].double()  # of layer l + 1
    scaled = F * outgoing.transpose(0, 1).flatten(1).norm(dim=1)
    return pivots(scaled.T @ scaled)


def pivots(gram: Tensor) -> Tensor:
    """The order (n,) in which a pivoted Cholesky factorisation of a Gram matrix (n, n) takes its columns."""
    n = len(gram)
    rest = gram.diagonal().clone()
    factor = gram.new_zeros(n, n)
    chosen: list[int] = []
    for step in range(n):
        rest[chosen] = -torch.inf
        pivot = int(rest.argmax())
        chosen.append(pivot)
        if rest[pivot] > 0:  # the others are spanned, and come in order
            factor[:, step] = (gram[:, pivot] - factor[:, :step] @ factor[pivot, :step]) / rest[pivot].sqrt()
            rest = rest - factor[:, step] ** 2
    return torch.tensor(chosen)
