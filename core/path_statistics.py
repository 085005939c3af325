"""The statistics of batch-norms at points of a path: models have their own, the points between them have none.

*Recomputed* (`bn=data`). For a point theta, the first n samples of the train set are cut, in their order, into
m = ceil(n / B) batches of nearly equal size. The network runs once over each with its batch-norms in training mode,
where each reads the mean and the variance of its own input in that batch. The statistics of theta are the means, over
the m batches, of these means and of these variances (unbiased, as PyTorch keeps them), added up in float64. So they are
a function of theta and of the data. This is what `torch.optim.swa_utils.update_bn` computes from these batches and, for
batches of equal size, the update of Garipov et al. 2018 (arXiv:1802.10026).

*Interpolated* (`bn=lerp`). On the straight line between two models the statistics are those that these are stored with,
at the same t: (1 - t) s_a + t s_b. For looking at, not for judging: nobody would use a network with such statistics.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil

import torch
from torch import Tensor

from core.networks.statistics import READ, Statistics, names_of
from core.problem import Problem

KNOWN = 256  # points whose statistics are kept, since train and test set are looked at one after the other


@dataclass(eq=False)
class Recomputed:
    """On the first `samples` of the train set, in batches of about `batch`."""

    samples: int
    batch: int
    known: OrderedDict[bytes, Statistics] = field(default_factory=OrderedDict)

    def at(self, problem: Problem, thetas: Tensor) -> Statistics:
        """Those of K points (K, P), each (K, ...)."""
        if problem.data.test is None:
            return recomputed(problem, thetas.detach(), self.samples, self.batch)
        points = thetas.detach().cpu().contiguous()
        name = sha256(points.numpy().data).digest() + str(points.dtype).encode()
        if name not in self.known:
            self.known[name] = recomputed(problem, thetas.detach(), self.samples, self.batch)
        self.known.move_to_end(name)
        while len(self.known) > max(1, KNOWN // len(thetas)):
            self.known.popitem(last=False)
        return self.known[name]

    def passes(self, problem: Problem) -> float:
        """What they cost at one point, in passes over the train set."""
        return min(1.0, self.samples / len(problem.data.train))


@torch.no_grad()
def recomputed(problem: Problem, thetas: Tensor, samples: int, batch: int) -> dict[str, Tensor]:
    """The statistics of K points (K, P), as the head of this file defines them."""
    x = problem.data.train.read(slice(samples))
    batches = torch.tensor_split(x, ceil(len(x) / batch))
    points = problem.layout.split(thetas)
    read = names_of(problem.norms, READ)
    totals = {name: torch.zeros(len(thetas), *problem.statistics[name].shape, dtype=torch.float64) for name in read}
    totals = {name: one.to(problem.device) for name, one in totals.items()}
    found = {name: torch.stack([one] * len(thetas)) for name, one in problem.statistics.items()}

    def over_batches(run: Callable[[Tensor], object]) -> None:
        for some in batches:
            for one in found.values():
                one.zero_()
            run(some)
            for name in read:
                totals[name] += found[name]

    with _keeping_the_batch(problem):
        if len(thetas) == 1:  # whose tensors are handed to the module once for all batches
            own = {name: one[0] for name, one in {**points, **found}.items()}
            problem.learning.while_at(own, lambda: over_batches(problem.network))
        else:
            over_batches(lambda some: problem.learning.at_all({**points, **found}, some, own=False))
    means = {name: (one / len(batches)).to(problem.dtype) for name, one in totals.items()}
    counts = {name: torch.full_like(one, len(batches)) for name, one in found.items() if name not in read}
    return means | counts


@contextmanager
def _keeping_the_batch(problem: Problem) -> Iterator[None]:
    """A pass in training mode leaves the batch's own mean and variance, whatever was there before."""
    norms = list(problem.norms.values())
    before = [one.momentum for one in norms]
    try:
        for one in norms:
            one.momentum = 1.0
        yield
    finally:
        for one, momentum in zip(norms, before, strict=True):
            one.momentum = momentum


@dataclass(frozen=True, eq=False)
class Interpolated:
    """Between the statistics of two models (P,), on the straight line between them."""

    a: Tensor
    b: Tensor
    of_a: Statistics
    of_b: Statistics

    def at(self, problem: Problem, thetas: Tensor) -> Statistics:
        """Those of K points (K, P) of the line, each (K, ...)."""
        start = self.a.to(problem.device, torch.float64)
        way = self.b.to(problem.device, torch.float64) - start
        t = (thetas.double() - start) @ way / way.square().sum().clamp_min(torch.finfo(torch.float64).tiny)
        found = {}
        for name in names_of(problem.norms, READ):
            first, last = (one[name].to(problem.device, torch.float64) for one in (self.of_a, self.of_b))
            weight = t.view(-1, *[1] * first.dim())
            found[name] = torch.lerp(first[None], last[None], weight).to(problem.dtype)
        return found

    def passes(self, problem: Problem) -> float:  # noqa: ARG002
        return 0.0
