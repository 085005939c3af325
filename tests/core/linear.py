"""Linear networks of any shape, and ends of any rank for paths between them."""

import torch
from torch import Tensor

from core.data.dataset import Dataset, Split
from core.problem import Problem
from tests.core.plain import problem_of

SHAPES = {  # inputs, hidden widths and outputs: segments of a path between random networks with biases
    (3, 4, 3): 15,
    (5, 3, 2): 11,
    (5, 7, 2): 7,
    (2, 3, 3, 3, 2): 27,
    (10, 11, 11, 10): 83,
    (20, 64, 64, 10): 11,
    (1, 2, 1): 7,
    (2, 3, 5): 11,
    (2, 4, 3, 6): 15,
    (4, 5, 9, 4): 23,
    (6, 30, 3): 7,
    (1, 2, 2, 2, 1): 15,
}
KINDS = ["full", "deficient", "zero", "twins", "mixed", "equal", "negated", "scaled"]
LARGE = 1e6
VALUES = ("square", "absolute")  # losses that compare with numbers of any size


def linear_problem(shape: tuple[int, ...], loss: str = "square", bias: bool = True, samples: int = 9) -> Problem:
    """A linear network on random data: values as targets where the loss compares with these, else classes."""
    generator = torch.Generator().manual_seed(sum(shape))
    n_0, *hidden, n_L = shape
    x = torch.randn(samples, n_0, generator=generator, dtype=torch.float64)
    if loss in VALUES:
        y, classes = torch.randn(samples, n_L, generator=generator, dtype=torch.float64), None
    else:
        y, classes = torch.randint(n_L, (samples,), generator=generator), n_L
    text = f"fcn:{'-'.join(map(str, hidden))},activation=linear{'' if bias else ',bias=false'}"
    return problem_of(text, Dataset("random", Split(x, y), None, classes), loss)


def random_net(problem: Problem, seed: int) -> dict[str, Tensor]:
    """Weights that keep the size of features, and biases, by name."""
    generator = torch.Generator().manual_seed(seed)
    named = zip(problem.layout.names, problem.layout.shapes, strict=True)
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64) / max(1, sum(shape[1:])) ** 0.5
        for name, shape in named
    }


def ends(problem: Problem, kind: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two models of one of the KINDS."""
    a, b = random_net(problem, 2 * seed), random_net(problem, 2 * seed + 1)
    match kind:
        case "deficient":
            a, b = lowered(a), lowered(b)
        case "zero":
            a = {name: 0 * one for name, one in a.items()}
        case "twins":
            a, b = ({name: one[:1].expand_as(one) for name, one in net.items()} for net in (a, b))
        case "mixed":
            a = {name: 0 * one if i % 3 == 0 else one for i, (name, one) in enumerate(a.items())}
            b = lowered(b)
        case "equal":
            b = a
        case "negated":
            b = {name: -one for name, one in a.items()}
        case "scaled":
            a, b = (scaled(net, problem) for net in (a, b))
    return problem.layout.join(a), problem.layout.join(b)


def lowered(net: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of rank 1."""
    return {name: one[:, :1] @ one[:1] if one.dim() == 2 else one for name, one in net.items()}


def scaled(net: dict[str, Tensor], problem: Problem) -> dict[str, Tensor]:
    """Layers that are large and small in turn."""
    layers = enumerate(problem.layered.layers)
    times = {name: LARGE if i % 2 else 1 / LARGE for i, layer in layers for name in (layer.weight, layer.bias)}
    return {name: times[name] * one for name, one in net.items()}
