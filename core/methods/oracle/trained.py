"""e(l): how low F can be with l hidden units, as trainings of l units and the models' own units tell.

ReLU is homogeneous, so any network is one whose units have norm 1: the norms go into the head. With a penalty, training
is by weight decay kappa, which is the same in the end: the least of kappa (|w|^2 + v^2) / 2 over all scales is
kappa |w| |v|. Then the head is fitted again, which can only be better.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec
import torch

from core.methods.oracle.heads import best_head, constant
from core.methods.oracle.shallow import Head, Shallow, Target
from core.problem import Problem
from core.specs.compressing import Compressing
from core.subnetworks.draws import Draw, mixed
from core.subnetworks.fitting import random_start
from core.subnetworks.frozen import frozen
from core.subnetworks.weights import Weights
from core.training import Until, train


@dataclass(frozen=True)
class Oracles:
    """How oracles are found; their training ends where the loss reaches `enough`."""

    problem: Problem
    target: Target
    options: Compressing
    seed: int
    enough: float | None = None

    def of(self, units: int, known: Iterable[Shallow] = ()) -> Shallow:
        """The network of so many units with the lowest F among trained ones and those that are known."""
        if units == 0:
            return Shallow(self.target.X.new_zeros(0, self.target.X.shape[1]), constant(self.target))
        found = [fitted(self.target, one) for one in known]
        if self.enough is None or not any(one.head.value <= self.enough for one in found):
            found += [fitted(self.target, one) for one in self.trained(units)]
        return min(found, key=lambda one: one.head.value)

    def trained(self, units: int) -> list[Shallow]:
        """Networks of so many units, all trained in one batch from random starts; those that diverged are left out."""
        data = replace(self.problem.data, test=None)
        here = frozen(self.problem, data, 0, (data.train.x[0].numel(), units, data.outputs), None)
        seeds = [mixed(self.seed, units, i) for i in range(self.options.draws)]
        starts = [random_start(here, Weights((), ()), Draw(0, one, None, None, ())) for one in seeds]
        decay = self.options.weight_decay or self.target.kappa
        training = msgspec.structs.replace(self.options, weight_decay=decay)
        until = None if self.enough is None else Until("train-loss", self.enough)
        made = train(here, torch.stack(starts), seeds, training, until=until)
        return [Shallow.of(here, theta) for theta in made.thetas if bool(torch.isfinite(theta).all())]


def fitted(target: Target, network: Shallow) -> Shallow:
    """With units of norm 1 where there is a penalty, and its best head."""
    network = network.of_norm_one if target.kappa else network
    return Shallow(network.W, best_head(target, target.features(network.W), network.head))


def widened(network: Shallow, units: int) -> Shallow:
    """The same function of more units, of which the new ones do nothing."""
    more = units - network.width
    W = torch.cat([network.W, network.W.new_zeros(more, network.W.shape[1])])
    V = torch.cat([network.head.V, network.head.V.new_zeros(len(network.head.V), more)], 1)
    return Shallow(W, Head(V, network.head.c, network.head.value))
