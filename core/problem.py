"""A network, a data set and a convex loss: the one place where parameter vectors get values.

A parameter vector theta is flat, (P,); methods work on batches of K of them, (K, P). `Layout` (core.networks)
says which part of theta is which named tensor of the module's state.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.data.dataset import Dataset, Split
from core.errors import PremiseError
from core.losses import ConvexLoss, missed_labels, misses
from core.networks.calls import Calls
from core.networks.layered import Buffers, LayeredNetwork, LayerSize, layer_sizes
from core.networks.layout import Layout
from core.networks.statistics import Statistics, names_of, norms_of
from core.specs.methods import Metric
from core.specs.runs import OF_LABELS

Part = Literal["train", "test"]


@runtime_checkable
class PointStatistics(Protocol):
    """How points of a path get the statistics of their batch-norms: `core.path_statistics`."""

    def at(self, problem: "Problem", thetas: Tensor) -> Statistics:
        """Those of K points (K, P), each (K, ...)."""
        ...

    def passes(self, problem: "Problem") -> float:
        """What they cost at one point, in passes over the train set."""
        ...


CACHE = 1 << 20  # numbers in one intermediate result on the CPU: longer matmuls are no faster, fresh memory slower
MEMORY = 1 << 26  # the same on an accelerator, which wants all the work at once


@dataclass(frozen=True)
class Values:
    """Loss (K,) in float64 and error (K,), None for regression, of K parameter vectors."""

    loss: Tensor
    error: Tensor | None

    def of(self, metric: Metric) -> Tensor:
        """What a metric names of them, (K,)."""
        if metric.endswith("perplexity"):
            return self.loss.exp()
        found = self.loss if metric.endswith("loss") else self.error
        assert found is not None, "regression problems have no error"
        return found


def part_of(metric: Metric) -> Part:
    """The samples that a metric is of."""
    return "train" if metric.startswith("train") else "test"


@dataclass(eq=False, repr=False)
class Problem:
    """Loss, error, features and gradients of parameter vectors of one network on one data set.

    Device and dtype are the data's; where samples are words the dtype is `precision`. `layered` is the network's view
    by layers, None where it has none; `without` may say why, as the end of a sentence. `buffers` are a model's own
    constants by name, in place of those that the network was made with. The points of a path have the statistics that
    `between` gives them, and no others.
    """

    network: nn.Module
    data: Dataset
    loss: ConvexLoss
    layered: LayeredNetwork | None = None
    buffers: Mapping[str, Tensor] | None = None
    without: str = ""
    precision: torch.dtype = torch.float32
    between: PointStatistics | None = None

    def __post_init__(self) -> None:
        self.network.eval()
        self.layout = Layout.of(self.network)

    @cached_property
    def sizes(self) -> list[LayerSize]:
        """What every layer makes of one sample; of a network without layers a guess, as if it were one."""
        sample = self.data.train.read(slice(1))
        if self.layered is None:
            outputs = self.data.outputs * (sample.numel() if self.words else 1)
            return [LayerSize(max(4 * sample.numel(), outputs, 64), self.layout.total)]
        parameters = self.layout.split(sample.new_zeros(1, self.layout.total))
        return layer_sizes(self.layered, self.inputs(sample)[:1], parameters)

    @property
    def samples_at_once(self) -> int:
        """Samples in a chunk: as many as the cache, or an accelerator's memory, holds of the widest layer."""
        width = max(size.width for size in self.sizes)
        least = 1 if self.words else 64  # a window of words has many outputs
        return max(least, (CACHE if self.device.type == "cpu" else MEMORY) // width)

    @property
    def device(self) -> torch.device:
        return self.data.train.device

    @property
    def dtype(self) -> torch.dtype:
        return self.data.train.dtype or self.precision

    @property
    def words(self) -> bool:
        """Whether samples are windows of words: a network then has outputs (N, positions, C)."""
        return self.data.train.dtype is None

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        return replace(self, data=self.data.to(device, dtype), precision=dtype)

    def on_first(self, samples: int | None) -> "Problem":
        """The problem on the first samples of its train set (None: all), without test samples."""
        return replace(self, data=replace(self.data, train=self.data.train.part(slice(samples)), test=None))

    def of_models(self, models: Tensor) -> "Problem":  # noqa: ARG002  here all models are alike
        """The problem as it is for the models (A,) of a batch alone."""
        return self

    def inputs(self, x: Tensor) -> Tensor:
        """What the networks read, (K or 1, N, ...), of samples (N, ...) that they share or (K, N, ...)."""
        return x if x.dim() > self.data.train.stored.dim() else x[None]

    def part(self, part: Part) -> Split | None:
        return self.data.train if part == "train" else self.data.test

    def outputs(
        self, thetas: Tensor, x: Tensor, buffers: Buffers | None = None, statistics: Statistics | None = None
    ) -> Tensor:
        """Outputs (K, N, C) of K networks (K, P) on samples (N, ...) that they share or (K, N, ...).

        For words (K, N, positions, C). With `statistics` each network has its own.
        With `buffers`, without gradients, they may lie in memory that the next call overwrites.
        """
        parameters = self.layout.split(thetas)
        if self.layered is not None:
            return self.layered.outputs(self.inputs(x), parameters, buffers=buffers)
        return self.calls.at_all({**parameters, **(statistics or {})}, x, own=x.dim() > self.data.train.stored.dim())

    @cached_property
    def calls(self) -> Calls:
        """The module, as it is called at parameter points."""
        return Calls(self.network, self.constants)

    @cached_property
    def learning(self) -> Calls:
        """The module with its batch-norms in training mode."""
        return Calls(self.network, self.constants, self.norms.values())

    @cached_property
    def norms(self) -> dict[str, _BatchNorm]:
        """The batch-norms that training changes, by name."""
        return norms_of(self.network)

    @cached_property
    def statistics(self) -> dict[str, Tensor]:
        """What they keep, as the model has it: those among its constants that training changes."""
        return {name: self.constants[name] for name in names_of(self.norms)}

    @property
    def passes(self) -> float:
        """Over the train set, that looking at one point of a path takes."""
        return 1.0 + (0.0 if self.between is None else self.between.passes(self))

    def having(self, buffers: Mapping[str, Tensor]) -> Self:
        """The problem as it is for a model with these buffers; it keeps the others."""
        return replace(self, buffers={**self.constants, **buffers})

    @cached_property
    def constants(self) -> dict[str, Tensor]:
        """The model's buffers by name, where the data is and in its dtype."""
        named = dict(self.network.named_buffers()) | dict(self.buffers or {})
        return {
            name: one.to(self.device, self.dtype if one.is_floating_point() else None) for name, one in named.items()
        }

    @cached_property
    def as_module(self) -> "Problem":
        """The problem as its module computes it, where the view by layers was found by tracing it."""
        return replace(self, layered=None) if self.layered is not None and self.layered.traced else self

    def require_layers(self, purpose: str) -> LayeredNetwork:
        """The view by layers. Raises PremiseError where there is none, which `what` needs."""
        if self.layered is None:
            raise PremiseError(f"{purpose} needs a network with a view by layers, and this one has none{self.because}.")
        return self.layered

    @property
    def because(self) -> str:
        """The end of a sentence that says that there is no view by layers: why, where that is known."""
        return f": {self.without}" if self.without else ""

    @torch.no_grad()
    def features(self, thetas: Tensor, layer: int, x: Tensor) -> Tensor:
        """F_layer (K, N, ...) of K networks (K, P) on shared samples (N, ...); F_0 is the data, F_L the output.

        Raises PremiseError where the network has no view by layers, or not so many.
        """
        network = self.require_layers("Looking at features by layer")
        if not 0 <= layer <= network.depth:
            raise PremiseError(f"This network has layers 0 to {network.depth}, not {layer}.")
        return network.features(x[None], self.layout.split(thetas), layer)

    def batch_losses(self, thetas: Tensor, x: Tensor, y: Tensor, statistics: Statistics | None = None) -> Tensor:
        """Mean loss (K,) of K networks on samples (N, ...) that they share or (K, N, ...); differentiable.

        With `statistics`, (K, ...), batch-norms are in training mode and update these.
        """
        own = x.dim() > self.data.train.stored.dim()
        if statistics:
            outputs = self.learning.at_all({**self.layout.split(thetas), **statistics}, x, own)
        else:
            outputs = self.outputs(thetas, x)
        return self.sample_losses(outputs, y if own else y[None]).mean(-1)

    def sample_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Losses (K, N) of outputs (K, N, [positions,] C) for targets (K or 1, N, ...): the mean over the positions."""
        if not self.words:
            return self.loss.samples(outputs, targets)
        return self.loss.samples(outputs.flatten(1, 2), targets.flatten(1, 2)).view(outputs.shape[:3]).mean(-1)

    def gradients(
        self, thetas: Tensor, x: Tensor, y: Tensor, statistics: Statistics | None = None
    ) -> tuple[Tensor, Tensor]:
        """Losses (K,) and their gradients (K, P) on one batch of samples; `statistics` as for `batch_losses`."""
        own = x.dim() > self.data.train.stored.dim()
        points = {**self.layout.split(thetas), **(statistics or {})}
        calls = self.learning if statistics else self.calls
        if self.layered is None and not calls.can_batch(points, x, own):
            each = [
                self._gradient(theta, x[k] if own else x, y[k] if own else y, _row(statistics, k))
                for k, theta in enumerate(thetas)
            ]
            return torch.stack([loss for loss, _ in each]), torch.stack([gradient for _, gradient in each])
        leaf = thetas.detach().requires_grad_(True)
        losses = self.batch_losses(leaf, x, y, statistics)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return losses.detach(), gradient

    def _gradient(self, theta: Tensor, x: Tensor, y: Tensor, statistics: Statistics) -> tuple[Tensor, Tensor]:
        """Loss and gradient (P,) of one network (P,), by its module."""
        leaf = theta.detach().requires_grad_(True)
        point = {name: one[0] for name, one in self.layout.split(leaf[None]).items()}

        def graded() -> tuple[Tensor, Tensor]:
            loss = self.sample_losses(self.network(x)[None], y[None]).mean()
            (gradient,) = torch.autograd.grad(loss, leaf)
            return loss.detach(), gradient

        return (self.learning if statistics else self.calls).while_at({**point, **statistics}, graded)

    def sums(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the losses (K,) and number of wrong answers (K,), float64, of outputs (K, N, C); 0 for regression.

        Of a sample of words the answer is wrong in as large a share as its words are.
        """
        losses = self.sample_losses(outputs, y[None]).sum(-1, dtype=torch.float64)
        if self.words:
            wrong = misses(outputs.flatten(1, 2), y.flatten())
            return losses, torch.zeros_like(losses) if wrong is None else wrong / y.shape[1]
        wrong = self.wrong(outputs, y)
        return losses, torch.zeros_like(losses) if wrong is None else wrong

    @property
    def graded(self) -> bool:
        """Whether answers are right or wrong: classes, or labels that are there or not."""
        return not self.data.train.y.is_floating_point() or self.loss.name == OF_LABELS

    def wrong(self, outputs: Tensor, y: Tensor) -> Tensor | None:
        """Number of wrong answers (K,), float64, of outputs (K, N, C); with several labels a sample, the share."""
        return missed_labels(outputs, y) if self.graded and y.is_floating_point() else misses(outputs, y)

    @torch.no_grad()
    def values(self, thetas: Tensor, part: Part = "train", statistics: Statistics | None = None) -> Values:
        """Loss and error of K networks (K, P) on a whole split, in chunks that fit the cache.

        Language models are evaluated one by one: each one's outputs are as many as fit. `statistics` as for `outputs`,
        where they are not points of a path.
        """
        if self.words and len(thetas) > 1:
            own = ({name: one[k : k + 1] for name, one in (statistics or {}).items()} for k in range(len(thetas)))
            return joined([self.values(theta[None], part, one) for theta, one in zip(thetas, own, strict=True)])
        split = self.part(part)
        assert split is not None, f"there is no {part} split"
        if self.between is not None:
            statistics = self.between.at(self, thetas)
        if self.layered is None and len(thetas) == 1:  # whose tensors are handed to the module once for all samples
            point = _row({**self.layout.split(thetas), **(statistics or {})}, 0)
            return self.calls.while_at(point, lambda: self._values(split, lambda x: self.network(x)[None], 1))
        buffers = Buffers()
        return self._values(split, lambda x: self.outputs(thetas, x, buffers, statistics), len(thetas))

    def _values(self, split: Split, outputs: Callable[[Tensor], Tensor], count: int) -> Values:
        """Loss and error of `count` networks on a split, by their outputs (count, N, C) on samples (N, ...)."""
        total = torch.zeros(count, dtype=torch.float64, device=self.device)
        wrong = torch.zeros_like(total)
        for x, y in chunks(split, count, self.samples_at_once, least=1 if self.words else 64):
            losses, misses = self.sums(outputs(x), y)
            total += losses
            wrong += misses
        loss = total / len(split)
        return Values(loss, wrong / len(split) if self.graded else None)

    def metric(self, thetas: Tensor, metric: Metric) -> Tensor:
        """A metric (K,), float64, of K networks (K, P)."""
        return self.values(thetas, part_of(metric)).of(metric)

    def losses(self, thetas: Tensor, part: Part = "train") -> Tensor:
        """Loss (K,), float64, of K networks (K, P) on a whole split."""
        return self.values(thetas, part).loss


def _row(statistics: Statistics | None, k: int) -> Statistics:
    """Those of one of the models: updating them updates the whole."""
    return {name: one[k] for name, one in (statistics or {}).items()}


def joined(some: Sequence[Values]) -> Values:
    """The values of all points, one after the other."""
    errors = [one.error for one in some if one.error is not None]
    return Values(torch.cat([one.loss for one in some]), torch.cat(errors) if errors else None)


def chunks(split: Split, points: int, budget: int = 1 << 14, least: int = 64) -> Iterator[tuple[Tensor, Tensor]]:
    """The split's samples in pieces of about `budget` network evaluations (samples x points), but `least` samples."""
    size = max(least, budget // max(points, 1))
    for start in range(0, len(split), size):
        here = slice(start, start + size)
        yield split.read(here), split.y[here]
