"""Small problems and true segments of every kind, and plain evaluation to judge them by.

Nothing here uses the checker or the batched evaluation: `plain_outputs` is one loop over layers.
"""

from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from core.data.dataset import Dataset, Split
from core.losses import LOSSES
from core.networks.architectures import build
from core.path import Claim, Segment
from core.problem import Problem
from core.specs.networks import read_network

FCNS = [
    "fcn:6",
    "fcn:6-5",
    "fcn:5-6-4,activation=leaky_relu,slope=0.1",
    "fcn:6-4-5-4,activation=tanh",
    "fcn:6-5,activation=sigmoid,bias=false",
    "fcn:5-5-5,activation=softplus,gamma=4",
    "fcn:6-6,activation=elu",
    "fcn:5-4,activation=linear",
]
CNN = "cnn,channels=4-5,hidden=6"
NETWORKS = [*FCNS, CNN]
CLASSES = 3


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def problem_of(text: str, seed: int = 0, loss: str = "cross-entropy", samples: int = 7) -> Problem:
    """Random data and a network by name, float64."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 28, 28) if text.startswith("cnn") else (4,)

    def split(count: int) -> Split:
        labels = torch.randint(0, CLASSES, (count,), generator=generator)
        return Split(normal(generator, count, *shape), labels)

    data = Dataset("random", split(samples), split(3), CLASSES)
    made = build(read_network(text), shape, CLASSES)
    return Problem(made.module, data, LOSSES[loss], made.layered)


@dataclass
class Net:
    """Parameters by layer (from 1), to be edited in place; `dead` marks units meant to be dead."""

    problem: Problem
    parameters: dict[str, Tensor]
    dead: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def random(cls, problem: Problem, generator: torch.Generator) -> "Net":
        named = zip(problem.layout.names, problem.layout.shapes, strict=True)
        return cls(problem, {name: normal(generator, *s) / max(1, sum(s[1:])) ** 0.5 for name, s in named})

    @classmethod
    def at(cls, problem: Problem, theta: Tensor) -> "Net":
        return cls(problem, {name: one[0].clone() for name, one in problem.layout.split(theta[None]).items()})

    def copy(self) -> "Net":
        return Net(self.problem, {name: one.clone() for name, one in self.parameters.items()}, self.dead)

    @property
    def depth(self) -> int:
        return self.problem.layered.depth

    def weight(self, k: int) -> Tensor:
        """A view (n_k, n_{k-1}, block) of the weights of layer k."""
        layer = self.problem.layered.layers[k - 1]
        return layer.blocks(self.parameters[layer.weight])

    def bias(self, k: int) -> Tensor:
        """The bias of layer k; something that nobody reads where it has none."""
        name = self.problem.layered.layers[k - 1].bias
        return torch.zeros(len(self.weight(k)), dtype=torch.float64) if name is None else self.parameters[name]

    def kill(self, k: int, units: list[int]) -> None:
        """Zero all weights out of these units of layer k."""
        self.weight(k + 1)[:, units] = 0
        self.dead = {**self.dead, k: units}

    def copy_incoming(self, k: int, source: int, target: int) -> None:
        self.weight(k)[target] = self.weight(k)[source]
        self.bias(k)[target] = self.bias(k)[source]

    def redraw_incoming(self, k: int, units: list[int], generator: torch.Generator) -> None:
        self.weight(k)[units] = normal(generator, *self.weight(k)[units].shape)
        self.bias(k)[units] = normal(generator, len(units))

    @property
    def theta(self) -> Tensor:
        return self.problem.layout.join(self.parameters)


def segment(start: Net, end: Net, claim: Claim) -> Segment:
    return Segment(start.theta, end.theta, claim)


def moved_dead(problem: Problem, seed: int = 0) -> tuple[Net, Net]:
    """Invariant: anything goes into dead units, in every hidden layer at once, and between them."""
    generator = torch.Generator().manual_seed(seed)
    start = Net.random(problem, generator)
    for k in range(1, start.depth):
        start.kill(k, [0, 2])
    for k in range(2, start.depth):  # dead to dead may be anything
        start.weight(k)[[0, 2]] = normal(generator, *start.weight(k)[[0, 2]].shape)
    end = start.copy()
    for k in range(1, start.depth):
        end.redraw_incoming(k, [0, 2], generator)
    return start, end


def swap_steps(problem: Problem, k: int = 1, seed: int = 0) -> list[Net]:
    """The four nets of Claim 5.1 of Nguyen et al. 2021: unit 1 of layer k moves into the pure zero unit 0."""
    generator = torch.Generator().manual_seed(seed)
    start = Net.random(problem, generator)
    start.weight(k)[0], start.bias(k)[0] = 0, 0
    start.kill(k, [0])
    copied = start.copy()
    copied.copy_incoming(k, 1, 0)
    handed = copied.copy()
    handed.weight(k + 1)[:, 0] = copied.weight(k + 1)[:, 1]
    handed.kill(k, [1])
    zeroed = handed.copy()
    zeroed.weight(k)[1], zeroed.bias(k)[1] = 0, 0
    return [start, copied, handed, zeroed]


def moved_twins(problem: Problem, k: int = 1, seed: int = 0) -> tuple[Net, Net]:
    """Invariant: outgoing weights move among three twins in unequal parts that are exact in binary."""
    generator = torch.Generator().manual_seed(seed)
    start = Net.random(problem, generator)
    for twin in (2, 3):
        start.copy_incoming(k, 0, twin)
    start.weight(k + 1)[:, [2, 3]] = 0
    end = start.copy()
    whole = start.weight(k + 1)[:, 0].clone()
    end.weight(k + 1)[:, 0], end.weight(k + 1)[:, 2], end.weight(k + 1)[:, 3] = whole / 4, whole / 4, whole / 2
    return start, end


def moved_output(problem: Problem, seed: int = 0, hidden: bool = False) -> tuple[Net, Net]:
    """Convex: the output layer moves; with `hidden`, dead units of all hidden layers move with it."""
    start, end = moved_dead(problem, seed) if hidden else (Net.random(problem, _generator(seed)),) * 2
    end = end.copy()
    generator = _generator(seed + 1)
    alive = [q for q in range(end.weight(end.depth).shape[1]) if not hidden or q not in (0, 2)]
    end.weight(end.depth)[:, alive] = normal(generator, CLASSES, len(alive), 1)
    end.bias(end.depth)[:] = normal(generator, CLASSES)
    return start, end


def moved_linear_layer(problem: Problem, k: int, seed: int = 0) -> tuple[Net, Net]:
    """Convex in linear networks: the weight of layer k and all biases from there on move."""
    generator = _generator(seed)
    start = Net.random(problem, generator)
    end = start.copy()
    end.weight(k)[:] = normal(generator, *end.weight(k).shape)
    for j in range(k, end.depth + 1):
        end.bias(j)[:] = normal(generator, len(end.bias(j)))
    return start, end


def averaging(problem: Problem) -> Problem:
    """The problem with linear layers, and averages in place of maxima."""
    layers = [
        replace(one, activation=None, pools=(partial(functional.avg_pool2d, kernel_size=2),) if one.pools else ())
        for one in problem.layered.layers
    ]
    return replace(problem, layered=replace(problem.layered, layers=tuple(layers)))


def moved_kernel(problem: Problem, k: int, seed: int = 0) -> tuple[Net, Net]:
    """Data-invariant: (W_k, b_k) of a dense layer moves in the null space of [F_{k-1}, 1] on the train data."""
    generator = _generator(seed)
    start = Net.random(problem, generator)
    F = plain_features(problem, start.theta, problem.data.train.x, k - 1).flatten(1)
    if problem.layered.layers[k - 1].bias is not None:
        F = torch.cat([F, torch.ones(len(F), 1, dtype=torch.float64)], 1)
    null = torch.linalg.svd(F, full_matrices=True).Vh[torch.linalg.matrix_rank(F) :]
    assert len(null), "the layer is too narrow for this many samples"
    end = start.copy()
    change = normal(generator, len(end.weight(k)), len(null)) @ null
    width = end.weight(k).flatten(1).shape[1]
    end.weight(k)[:] += change[:, :width].view_as(end.weight(k))
    if change.shape[1] > width:
        end.bias(k)[:] += change[:, width]
    return start, end


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def plain_features(problem: Problem, theta: Tensor, x: Tensor, upto: int) -> Tensor:
    """F_upto (N, ...) of one network, layer by layer."""
    parameters = {name: one[0] for name, one in problem.layout.split(theta[None]).items()}
    for layer in problem.layered.layers[:upto]:
        weight, bias = parameters[layer.weight], None if layer.bias is None else parameters[layer.bias]
        if layer.convolution:
            x = functional.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation)
        else:
            x = functional.linear(x.flatten(1), weight, bias)
        x = x if layer.activation is None else layer.activation(x)
        for pool in layer.pools:
            x = pool(x)
    return x


def outputs_along(one: Segment, problem: Problem, points: int = 101) -> tuple[Tensor, Tensor]:
    """Parameters t (K,) and outputs (K, N, C) on the train data along a straight segment, point by point."""
    t = torch.linspace(0, 1, points, dtype=torch.float64)
    a, b, depth = one.start.double(), one.end.double(), problem.layered.depth
    x = problem.data.train.x
    return t, torch.stack([plain_features(problem, (1 - s) * a + s * b, x, depth) for s in t])


def losses_along(outputs: Tensor, problem: Problem) -> Tensor:
    """Train losses (K,) of outputs (K, N, C)."""
    return problem.loss.samples(outputs, problem.data.train.y[None].expand(len(outputs), -1)).mean(-1)
