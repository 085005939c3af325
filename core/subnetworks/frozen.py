"""Frozen features: what a subnetwork reads, computed once, as a data set of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import Self

import torch
from torch import Tensor

from core.data.dataset import Dataset, Split
from core.networks.layered import LayeredNetwork, Parameters
from core.problem import Problem
from core.subnetworks.weights import view_of


@dataclass(eq=False, repr=False)
class Frozen(Problem):
    """A problem whose samples are features F_l (N, n_l, ...) and whose model i reads the neurons `reads[i]` alone.

    `reads` is (T, m), for batches of T models in this order; None: all read everything.
    """

    reads: Tensor | None = None

    @property
    def view(self) -> LayeredNetwork:
        """The view by layers, which subnetworks always have."""
        assert self.layered is not None
        return self.layered

    @cached_property
    def root_mean_square(self) -> float:
        """Of all features of the train set; never zero."""
        return max(sqrt(float(self.data.train.x.square().mean(dtype=torch.float64))), 1e-12)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        return replace(super().to(device, dtype), reads=None if self.reads is None else self.reads.to(device))

    def of_models(self, models: Tensor) -> Self:
        return replace(self, reads=None if self.reads is None else self.reads[models])

    def inputs(self, x: Tensor) -> Tensor:
        """The features that each model reads, (T, N, m, ...), of samples (N, n, ...) or (T, N, n, ...)."""
        if self.reads is None:
            return super().inputs(x)
        if x.dim() == self.data.train.stored.dim():  # shared: (m, N) of every model, which matmuls along samples want
            columns = x.transpose(0, 1).contiguous()
            return columns[self.reads].transpose(1, 2)
        models, samples = x.shape[:2]
        index = self.reads[:, None].expand(models, samples, -1)
        flat = x.flatten(3) if x.dim() > 3 else x[..., None]
        picked = flat.gather(2, index[..., None].expand(*index.shape, flat.shape[-1]))
        return picked.view(*index.shape, *x.shape[3:])


def frozen(problem: Problem, data: Dataset, level: int, widths: Sequence[int], reads: Tensor | None) -> Frozen:
    """The problem of subnetworks with widths (m_level, ..., m_L) on frozen features `data` of that level."""
    module, view = view_of(problem, level, widths)
    return Frozen(module, data, problem.loss, view, reads=reads)


@torch.no_grad()
def features_by_level(problem: Problem, theta: Tensor) -> Iterator[tuple[int, Dataset]]:
    """(l, F_l as a data set) for l = 0..L-1, each from the one before; one is held at a time."""
    assert problem.layered is not None
    parameters = problem.layout.split(theta[None])
    data = problem.data
    for level in range(problem.layered.depth):
        if level > 0:
            train = _through(problem, parameters, data.train, level)
            test = None if data.test is None else _through(problem, parameters, data.test, level)
            data = replace(data, name=f"F_{level}", train=train, test=test)
        yield level, data


def _through(problem: Problem, parameters: Parameters, split: Split, level: int) -> Split:
    """F_level of samples F_{level-1}, in chunks that fit the cache."""
    assert problem.layered is not None
    chunks = torch.split(split.x, problem.samples_at_once)
    features = [problem.layered.features(x[None], parameters, level, start=level - 1)[0] for x in chunks]
    return Split(torch.cat(features), split.y)
