"""Networks of one's own, copied beside each edition's catalogue and held there to their sha256."""

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]


def chain(shape: Shape, outputs: int) -> nn.Module:
    """A chain of layers: paths between its models can be proven."""
    first = [nn.Conv2d(shape[0], 4, 3, stride=2), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*first, nn.Linear(36, 4), nn.Tanh(), nn.Linear(4, outputs))


class Scaled(nn.Module):
    """No chain, and it has a buffer."""

    scale: Tensor

    def __init__(self, shape: Shape, outputs: int) -> None:
        super().__init__()
        self.register_buffer("scale", torch.linspace(0.5, 1.5, shape[-1]))
        self.hidden = nn.Linear(shape[-1] ** 2, 6)
        self.last = nn.Linear(6, outputs)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.hidden((x * self.scale).flatten(1))
        outputs: Tensor = self.last(hidden + torch.tanh(hidden))
        return outputs


def level(shape: Shape, outputs: int) -> nn.Module:
    """All samples begin with the same feature in the first layer, whose only neuron is needed: a bounded step."""
    first = nn.Linear(shape[0], 1)
    nn.init.zeros_(first.weight)
    nn.init.ones_(first.bias)
    return nn.Sequential(first, nn.LeakyReLU(0.2), nn.Linear(1, 3), nn.LeakyReLU(0.2), nn.Linear(3, outputs))


def steep(shape: Shape, outputs: int) -> nn.Module:
    """Deep, large weights and a flat activation: more than float64 can follow on an exact path."""
    parts: list[nn.Module] = []
    for before, width in ((shape[0], 9), (9, 8), (8, 7), (7, 6), (6, 5), (5, 4), (4, 3)):
        layer = nn.Linear(before, width)
        nn.init.normal_(layer.weight, std=3.0)
        nn.init.normal_(layer.bias, std=3.0)
        parts += [layer, nn.LeakyReLU(0.003)]
    return nn.Sequential(*parts, nn.Linear(3, outputs))


class Pole(nn.Module):
    """Its parameter begins as 1 or -1, by chance; half-way between the two the loss is infinite."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.randn(1).sign())

    def forward(self, x: Tensor) -> Tensor:
        return x / self.p
