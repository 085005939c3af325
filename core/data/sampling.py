"""Taking some of the train samples."""

import torch
from torch import Tensor

from core.data.dataset import Split
from core.errors import UsageError


def limit_samples(split: Split, limit: int, seed: int) -> Split:
    """`limit` samples, drawn by seed, of each class as many as can be, in the order of the split.

    A larger limit with the same seed adds samples and drops none. Raises UsageError where there are fewer.
    """
    if limit > len(split):
        raise UsageError(f"limit={limit} is more than the {len(split)} train samples available.")
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    if not split.y.is_floating_point():
        order = order[torch.argsort(_rank_in_class(split.y[order]), stable=True)]
    chosen = order[:limit].sort().values
    return split.part(chosen)


def _rank_in_class(labels: Tensor) -> Tensor:
    """For every label the number of equal ones before it, (N,)."""
    rank = torch.empty_like(labels)
    for label in range(int(labels.max()) + 1):
        here = (labels == label).nonzero()[:, 0]
        rank[here] = torch.arange(len(here))
    return rank
