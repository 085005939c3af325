"""One problem on a GPU and on the CPU, and how close the numbers of both must be."""

from dataclasses import replace
from pathlib import Path as File

import torch
from torch import Tensor, nn

from core.data.dataset import Split
from core.data.load import load
from core.losses import loss_named
from core.networks.architectures import build
from core.problem import Problem, Values
from core.specs.data import read_data
from core.specs.descent import Descent
from core.specs.networks import read_network
from core.training import train

CLOSE = {torch.float64: 1e-12, torch.float32: 1e-4}
"""Relative, of the largest number: both round, in another order."""


def problem_of(text: str, data: str, dtype: torch.dtype, device: torch.device | str = "cpu") -> Problem:
    """A network and a data set by name; what has convolutions reads the images four times as large."""
    found = load(read_data(data), File("nowhere"), download=False)
    if not text.startswith("fcn"):
        assert found.test is not None
        found = replace(found, train=enlarged(found.train), test=enlarged(found.test))
    made = build(read_network(text), tuple(found.train.x.shape[1:]), found.outputs)
    return Problem(made.module, found, loss_named(None, found.classes), made.layered).to(device, dtype)


def enlarged(split: Split) -> Split:
    return Split(split.x.repeat_interleave(4, 2).repeat_interleave(4, 3), split.y)


def starts(text: str, problem: Problem, count: int) -> Tensor:
    """Initial parameters (K, P), on the CPU."""
    made = build(read_network(text), tuple(problem.data.train.x.shape[1:]), problem.data.outputs)
    return torch.stack([made.initial(seed, problem.dtype) for seed in range(count)])


def trained(text: str, problem: Problem, count: int = 2, epochs: int = 12) -> Tensor:
    """Parameters (K, P) after some epochs, on the CPU whatever the problem's device."""
    options = Descent(epochs=epochs, lr=0.01, batch=64)
    on_cpu = problem.to("cpu", problem.dtype)
    return train(on_cpu, starts(text, on_cpu, count), range(count), options).thetas


def without_layers(problem: Problem) -> Problem:
    """The same network and data, of which no layers are known."""
    return replace(problem, layered=None)


def assert_near(found: Tensor | None, wanted: Tensor | None, dtype: torch.dtype | None = None) -> None:
    """Equal on both devices, as far as numbers of `dtype`, by default the wanted one's, can be."""
    if found is None or wanted is None:
        assert found is wanted
        return
    close = CLOSE[dtype or wanted.dtype]
    torch.testing.assert_close(found.cpu(), wanted.cpu(), rtol=close, atol=close * float(wanted.abs().max()))


def assert_values_near(found: Values, wanted: Values, dtype: torch.dtype, samples: int) -> None:
    """Losses as near as can be; errors but for a sample whose classes tie."""
    assert_near(found.loss, wanted.loss, dtype)
    if wanted.error is None or found.error is None:
        assert found.error is wanted.error
        return
    misses = (found.error.cpu() - wanted.error.cpu()).abs() * samples  # a device may divide by another rounding
    assert float(misses.max()) <= (1.01 if dtype != torch.float64 else 1e-9)


class Plain(nn.Module):
    """A module that has no view by layers: two ways through it are added."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, 16)
        self.second = nn.Linear(inputs, 16)
        self.last = nn.Linear(16, outputs)
        self.register_buffer("scale", torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        found: Tensor = self.last(torch.tanh(self.first(flat)) + self.scale * torch.relu(self.second(flat)))
        return found
