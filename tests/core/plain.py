"""Networks built a second time, as people write them in torch, to compare with."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from core.data.dataset import Dataset, Split
from core.losses import loss_named
from core.networks.architectures import build
from core.problem import Problem
from core.specs.networks import Cnn, Fcn, Vgg, read_network

ACTIVATIONS = {
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.2),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "softplus": nn.Softplus(beta=2.0),
    "elu": nn.ELU(),
    "linear": nn.Identity(),
}
OPTIONS = {"leaky_relu": ",slope=0.2", "softplus": ",gamma=2"}


def text_of(head: str, activation: str, bias: bool = True) -> str:
    return f"{head},activation={activation}{OPTIONS.get(activation, '')}" + ("" if bias else ",bias=false")


def sequential(text: str, shape: tuple[int, ...], outputs: int) -> nn.Sequential:
    """The network that a text names, for samples (N, *shape), in float64."""
    spec = read_network(text)
    if isinstance(spec, Fcn):
        widths = [int(torch.tensor(shape).prod()), *spec.widths, outputs]
        layers: list[nn.Module] = [nn.Flatten()]
        for n, m in pairwise(widths[:-1]):
            layers += [nn.Linear(n, m, bias=spec.bias), ACTIVATIONS[spec.activation]]
        return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1], bias=spec.bias)).double()
    kernel, pool = 3, nn.MaxPool2d(2)
    if isinstance(spec, Cnn):
        stages, dense = [[int(n)] for n in spec.channels.split("-")], [int(n) for n in spec.hidden.split("-")]
        kernel, pool = spec.kernel, pool if spec.pool == "2" else nn.MaxPool2d(3, stride=2, padding=1)
    else:
        assert isinstance(spec, Vgg)
        stages, dense = [list(stage) for stage in spec.convolutions], [spec.hidden, spec.hidden]
    n, area, layers = shape[0], shape[1:], []
    for stage in stages:
        for m in stage:
            layers += [nn.Conv2d(n, m, kernel, padding=kernel // 2), ACTIVATIONS[spec.activation]]
            n = m
        layers.append(pool)
        area = [side // 2 if pool.kernel_size == 2 else (side + 1) // 2 for side in area]
    n *= area[0] * area[1]
    layers.append(nn.Flatten())
    for m in dense:
        layers += [nn.Linear(n, m), ACTIVATIONS[spec.activation]]
        n = m
    return nn.Sequential(*layers, nn.Linear(n, outputs)).double()


def fill(module: nn.Module, theta: Tensor) -> nn.Module:
    """The module with its parameters, in order, taken from theta (P,)."""
    nn.utils.vector_to_parameters(theta.double(), module.parameters())
    return module


def classes(shape: tuple[int, ...], samples: int = 9, count: int = 3, seed: int = 0) -> Dataset:
    """Random samples (N, *shape) and labels, in float64."""
    generator = torch.Generator().manual_seed(seed)

    def split(n: int) -> Split:
        x = torch.randn(n, *shape, generator=generator, dtype=torch.float64)
        return Split(x, torch.randint(count, (n,), generator=generator))

    return Dataset("random", split(samples), split(samples + 1), count)


def problem_of(text: str, data: Dataset, loss: str | None = None) -> Problem:
    built = build(read_network(text), tuple(data.train.x.shape[1:]), data.outputs)
    return Problem(built.module.to(data.train.x.dtype), data, loss_named(loss, data.classes), built.layered)


def points(problem: Problem, count: int, seed: int = 0) -> Tensor:
    """Random parameter vectors (K, P), in the problem's dtype."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(count, problem.layout.total, generator=generator, dtype=torch.float64)
    return (0.5 * drawn).to(problem.dtype)
