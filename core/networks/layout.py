"""Which part of a flat parameter vector theta is which named tensor of a module's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import prod

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the parameters, in the order in which they lie in theta."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, network: nn.Module) -> "Layout":
        named = list(network.named_parameters())
        return cls(tuple(name for name, _ in named), tuple(tuple(p.shape) for _, p in named))

    @property
    def sizes(self) -> list[int]:
        return [prod(shape) for shape in self.shapes]

    @property
    def total(self) -> int:
        return sum(self.sizes)

    @property
    def fingerprint(self) -> str:
        """sha256 of names and shapes: two models of one architecture agree in it."""
        return sha256(repr((self.names, self.shapes)).encode()).hexdigest()

    def begin(self, name: str) -> int:
        """Where the entries of a parameter begin in theta."""
        return sum(self.sizes[: self.names.index(name)])

    def marks(self, name: str | None) -> Tensor:
        """A mask (P,), on the CPU, of the entries of a parameter; without a name of none."""
        named = zip(self.names, self.sizes, strict=True)
        return torch.cat([torch.full((size,), own == name) for own, size in named])

    def split(self, thetas: Tensor) -> dict[str, Tensor]:
        """Named tensors (K, *shape) of (K, P); views, and one `cat` in the backward pass."""
        parts = torch.split(thetas, self.sizes, dim=1)
        named = zip(self.names, parts, self.shapes, strict=True)
        return {name: part.reshape(len(thetas), *shape) for name, part, shape in named}

    def join(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """The inverse of `split` for one point: (P,) of named tensors of the shapes themselves."""
        return torch.cat([parameters[name].reshape(-1) for name in self.names])
