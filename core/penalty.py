"""What a loss may be penalised by: ridge |W|_2^2 + l1 |W|_1, over the weights W of all layers.

Biases are never penalised, as in Freeman and Bruna 2017, whose theorems such losses are for. (`weight_decay` of
training is another matter: torch's optimizers shrink every parameter.)
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.problem import Problem


@dataclass(frozen=True)
class Penalty:
    """A penalty by its factors, which are at least 0; with both 0 there is none."""

    ridge: float = 0.0
    l1: float = 0.0

    def __bool__(self) -> bool:
        return self.ridge > 0 or self.l1 > 0

    def at(self, problem: Problem, points: Tensor) -> Tensor:
        """Its values (K,), float64, at points (K, P).

        A weight that several layers share counts once. Raises PremiseError where the network has no view by layers.
        """
        layers = problem.require_layers("A penalty on weights").layers
        named = problem.layout.split(points.double())
        total = torch.zeros(len(points), dtype=torch.float64, device=points.device)
        for name in dict.fromkeys(layer.weight for layer in layers):
            weights = named[name].flatten(1)
            if self.ridge > 0:  # a factor of 0 times an infinite sum would be no number
                total += self.ridge * weights.square().sum(1)
            if self.l1 > 0:
                total += self.l1 * weights.abs().sum(1)
        return total
