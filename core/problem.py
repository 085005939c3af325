"""A network, a data set and a convex loss: the one place where parameter vectors get values.

A parameter vector theta is flat, (P,); methods work on batches of K of them, (K, P). `Layout` (core.networks)
says which part of theta is which named tensor of the module's state.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from core.data.dataset import Dataset, Split
from core.errors import PremiseError
from core.losses import ConvexLoss, misses
from core.networks.layered import Buffers, LayeredNetwork, LayerSize, layer_sizes
from core.networks.layout import Layout

Part = Literal["train", "test"]
CACHE = 1 << 20  # numbers in one intermediate result on the CPU: longer matmuls are no faster, fresh memory slower
MEMORY = 1 << 26  # the same on an accelerator, which wants all the work at once


@dataclass(frozen=True)
class Values:
    """Loss (K,) in float64 and error (K,), None for regression, of K parameter vectors."""

    loss: Tensor
    error: Tensor | None


class Problem:
    """Loss, error, features and gradients of parameter vectors of one network on one data set.

    Device and dtype are the data's. `layered` is the network's view by layers, None where it has none.
    """

    def __init__(
        self, network: nn.Module, data: Dataset, loss: ConvexLoss, layered: LayeredNetwork | None = None
    ) -> None:
        self.network = network.eval()
        self.data = data
        self.loss = loss
        self.layered = layered
        self.layout = Layout.of(network)
        self.batched = True  # whether a module without layers is asked for many points at once

    @cached_property
    def sizes(self) -> list[LayerSize]:
        """What every layer makes of one sample; of a network without layers a guess, as if it were one."""
        sample = self.data.train.x[:1]
        if self.layered is None:
            return [LayerSize(max(4 * sample.numel(), 64), self.layout.total)]
        parameters = self.layout.split(sample.new_zeros(1, self.layout.total))
        return layer_sizes(self.layered, self.inputs(sample)[:1], parameters)

    @property
    def samples_at_once(self) -> int:
        """Samples in a chunk: as many as the cache, or an accelerator's memory, holds of the widest layer."""
        budget = CACHE if self.device.type == "cpu" else MEMORY
        return max(64, budget // max(size.width for size in self.sizes))

    @property
    def device(self) -> torch.device:
        return self.data.train.x.device

    @property
    def dtype(self) -> torch.dtype:
        return self.data.train.x.dtype

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Problem":
        return Problem(self.network, self.data.to(device, dtype), self.loss, self.layered)

    def on_first(self, samples: int | None) -> "Problem":
        """The problem on the first samples of its train set (None: all), without test samples."""
        train = Split(self.data.train.x[:samples], self.data.train.y[:samples])
        return Problem(self.network, replace(self.data, train=train, test=None), self.loss, self.layered)

    def of_models(self, models: Tensor) -> "Problem":  # noqa: ARG002  here all models are alike
        """The problem as it is for the models (A,) of a batch alone."""
        return self

    def inputs(self, x: Tensor) -> Tensor:
        """What the networks read, (K or 1, N, ...), of samples (N, ...) that they share or (K, N, ...)."""
        return x if x.dim() > self.data.train.x.dim() else x[None]

    def part(self, part: Part) -> Split | None:
        return self.data.train if part == "train" else self.data.test

    def outputs(self, thetas: Tensor, x: Tensor, buffers: Buffers | None = None) -> Tensor:
        """Outputs (K, N, C) of K networks (K, P) on samples (N, ...) that they share or (K, N, ...).

        With `buffers`, without gradients, they may lie in memory that the next call overwrites.
        """
        parameters = self.layout.split(thetas)
        if self.layered is not None:
            return self.layered.outputs(self.inputs(x), parameters, buffers=buffers)
        own = x.dim() > self.data.train.x.dim()
        if len(thetas) > 1 and self.batched:
            try:
                return vmap(self._called, in_dims=(0, 0 if own else None))(parameters, x)
            except RuntimeError:  # not all that a module may do can be done for many points at once
                self.batched = False
        points = ({name: value[k] for name, value in parameters.items()} for k in range(len(thetas)))
        return torch.stack([self._called(point, x[k] if own else x) for k, point in enumerate(points)])

    def _called(self, point: dict[str, Tensor], x: Tensor) -> Tensor:
        """The module's outputs (N, C) at one point, given by name."""
        out: Tensor = functional_call(self.network, {**self.buffers, **point}, (x,))
        return out

    @cached_property
    def buffers(self) -> dict[str, Tensor]:
        """The module's constants by name, where the data is and in its dtype."""
        named = self.network.named_buffers()
        return {name: one.to(self.device, self.dtype if one.is_floating_point() else None) for name, one in named}

    @torch.no_grad()
    def features(self, thetas: Tensor, layer: int, x: Tensor) -> Tensor:
        """F_layer (K, N, ...) of K networks (K, P) on shared samples (N, ...); F_0 is the data, F_L the output.

        Raises PremiseError where the network has no view by layers, or not so many.
        """
        if self.layered is None:
            raise PremiseError("Features by layer need a network with a view by layers; this one has none.")
        if not 0 <= layer <= self.layered.depth:
            raise PremiseError(f"This network has layers 0 to {self.layered.depth}, not {layer}.")
        return self.layered.features(x[None], self.layout.split(thetas), layer)

    def batch_losses(self, thetas: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Mean loss (K,) of K networks on samples (N, ...) that they share or (K, N, ...); differentiable."""
        targets = y if x.dim() > self.data.train.x.dim() else y[None]
        return self.loss.samples(self.outputs(thetas, x), targets).mean(-1)

    def gradients(self, thetas: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Losses (K,) and their gradients (K, P) on one batch of samples."""
        leaf = thetas.detach().requires_grad_(True)
        losses = self.batch_losses(leaf, x, y)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return losses.detach(), gradient

    def sums(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the losses (K,) and number of wrong answers (K,), float64, of outputs (K, N, C); 0 for regression."""
        losses = self.loss.samples(outputs, y[None]).sum(-1, dtype=torch.float64)
        wrong = misses(outputs, y)
        return losses, torch.zeros_like(losses) if wrong is None else wrong

    @torch.no_grad()
    def values(self, thetas: Tensor, part: Part = "train") -> Values:
        """Loss and error of K networks (K, P) on a whole split, in chunks that fit the cache."""
        split = self.part(part)
        assert split is not None, f"there is no {part} split"
        total = torch.zeros(len(thetas), dtype=torch.float64, device=self.device)
        wrong = torch.zeros_like(total)
        buffers = Buffers()
        for x, y in chunks(split, len(thetas), self.samples_at_once):
            losses, misses = self.sums(self.outputs(thetas, x, buffers), y)
            total += losses
            wrong += misses
        loss = total / len(split)
        return Values(loss, None if split.y.is_floating_point() else wrong / len(split))

    def losses(self, thetas: Tensor, part: Part = "train") -> Tensor:
        """Loss (K,), float64, of K networks (K, P) on a whole split."""
        return self.values(thetas, part).loss


def chunks(split: Split, points: int, budget: int = 1 << 14) -> Iterator[tuple[Tensor, Tensor]]:
    """The split's samples in pieces of about `budget` network evaluations (samples x points), at least 64 samples."""
    size = max(64, budget // max(points, 1))
    for start in range(0, len(split), size):
        yield split.x[start : start + size], split.y[start : start + size]
