"""Features of kept neurons, layer by layer and draw by draw: what `separability` and `genericity` look at."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.bounds.levels import require_layers
from core.errors import PremiseError
from core.problem import Problem
from core.specs.bounds import Examined
from core.specs.conditions import ModelFacts
from core.subnetworks.draws import importance, mixed
from core.subnetworks.frozen import features_by_level
from core.subnetworks.weights import Weights


@dataclass(frozen=True)
class Features:
    """F_l (N, n_l, block) of layer l in float64 on the CPU, and the order in which its neurons matter."""

    level: int
    F: Tensor
    order: Tensor | None

    def of_neurons(self, neurons: Tensor) -> Tensor:
        """The features (N, n) of some neurons; those of a channel are its block."""
        return self.F[:, neurons].flatten(1)

    def sets(self, options: Examined, size: int, among: Tensor | None = None) -> Iterator[Tensor]:
        """Kept sets of `size` neurons, sorted, `among` some or all: one a draw.

        By importance the first draw takes the most important ones; the others are random.
        """
        pool = torch.arange(self.F.shape[1]) if among is None else among
        for draw in range(options.draws):
            generator = torch.Generator().manual_seed(mixed(options.seed, self.level, draw))
            shuffled = pool[torch.randperm(len(pool), generator=generator)]
            if draw == 0 and self.order is not None:
                shuffled = self.order[torch.isin(self.order, pool)]
            yield shuffled[:size].sort().values


def require(problem: Problem, purpose: str, check: Callable[[ModelFacts], None]) -> None:
    """Raise PremiseError where the network has no view by layers, or `check` of network and loss refuses."""

    def checked(widths: Sequence[int]) -> None:
        assert problem.layered is not None
        layers, data = problem.layered.layers, problem.data
        relu = all(layer.activation is torch.relu for layer in layers[:-1])
        biases = all(layer.bias is not None for layer in layers)
        check(ModelFacts(widths, data.outputs, data.classes is not None, problem.loss.name, relu, biases))

    require_layers(problem, purpose, checked)


def features(options: Examined, exact: Problem, theta: Tensor) -> Iterator[Features]:
    """F_0, ..., F_{L-1} of theta (P,), one held at a time. Raises PremiseError where they aren't finite."""
    theta = theta.to("cpu", torch.float64)
    for level, data in features_by_level(exact, theta):
        F = data.train.x
        if not torch.isfinite(F).all():
            raise PremiseError(f"The features of layer {level} are not finite: nothing can be said about this model.")
        order = None
        if options.kept == "importance" and level > 0:
            order = importance(F, Weights.of(exact, theta), level)
        yield Features(level, F.flatten(2) if F.dim() > 2 else F[:, :, None], order)


def layers_text(layers: Sequence[int]) -> str:
    """layer 3; layers 0, 1 and 5."""
    *most, last = map(str, layers)
    return f"layers {', '.join(most)} and {last}" if most else f"layer {last}"
