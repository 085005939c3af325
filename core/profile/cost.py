"""How large a network's layers are: what a forward pass costs, and how much of it fits the cache at once."""

from dataclasses import dataclass

import torch

from core.problem import Problem

CACHE = 1 << 19  # activations of one layer that the CPU holds in its cache, with the layer's weights
MEMORY = 1 << 26  # on an accelerator there is no such cache, only memory


@dataclass(frozen=True)
class Sizes:
    """Samples and points to work on at once; `budget` is how many numbers an intermediate result may have."""

    samples: int
    points: int
    budget: int


def sizes(problem: Problem) -> Sizes:
    """How much to work on at once: many samples first (long matmuls), then many points (few calls)."""
    budget = CACHE if problem.device.type == "cpu" else MEMORY
    widest = max(width for width, _ in _layers(problem))
    samples = min(max(64, budget // widest), len(problem.data.train))
    return Sizes(samples, max(1, budget // (samples * widest)), budget)


def pass_costs(problem: Problem) -> list[int]:
    """Multiplications of every layer for one sample."""
    return [cost for _, cost in _layers(problem)]


@torch.no_grad()
def _layers(problem: Problem) -> list[tuple[int, int]]:
    """Widest result and multiplications of every layer for one sample; of the whole where there are no layers."""
    features = problem.data.train.x[:1]
    if problem.layered is None:
        return [(features.numel(), problem.layout.total)]
    named = zip(problem.layout.names, problem.layout.shapes, strict=True)
    parameters = {name: features.new_zeros(1, *shape) for name, shape in named}
    features = features[None]
    found = []
    for layer in problem.layered.layers:
        preactivation = layer.affine(features, parameters)
        fan_in = parameters[layer.weight][0, 0].numel()
        found.append((max(features.numel(), preactivation.numel()), preactivation.numel() * fan_in))
        features = layer.after(preactivation)
    return found
