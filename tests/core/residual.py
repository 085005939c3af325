"""A small residual network with batch-norm, as a file and as plain PyTorch has it, and its training by a plain loop."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

SOURCE = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x):
        return torch.relu(x + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))


class Net(nn.Module):
    def __init__(self, shape, outputs, width=6):
        super().__init__()
        self.stem = nn.Conv2d(shape[0], width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(Block(width), Block(width))
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.blocks(torch.relu(self.norm(self.stem(x)))).mean((2, 3)))
"""


def written(folder: Path, source: str = SOURCE) -> str:
    """The network's name, of a file in the folder."""
    (folder / "net.py").write_text(source)
    return f"file:{folder}/net.py:Net"


def plain(source: str = SOURCE, shape: tuple[int, ...] = (1, 8, 8), outputs: int = 10, seed: int = 0) -> nn.Module:
    """The module itself, initialised from a seed."""
    found: dict[str, type[nn.Module]] = {}
    exec(compile(source, "net.py", "exec"), found)
    torch.manual_seed(seed)
    return found["Net"](shape, outputs)


def trained(module: nn.Module, x: Tensor, y: Tensor, orders: list[Tensor], batch: int, lr: float) -> nn.Module:
    """The module after an epoch for each order of the samples, by Adam; batch-norms train, whatever else there is."""
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), lr=lr)
    for order in orders:
        for chosen in torch.split(order, batch):
            optimizer.zero_grad()
            cross_entropy(module(x[chosen]), y[chosen]).backward()
            optimizer.step()
    return module.eval()
