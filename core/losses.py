"""Losses that are convex in the network's output, and the error beside each.

All act on outputs (K, N, C) of K networks and return one value a sample, (K, N); the loss of a network is the
mean over its samples. `infimum` is p* = inf phi over all outputs.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from core.errors import UsageError, unknown_name


@runtime_checkable
class ConvexLoss(Protocol):
    """phi, convex in the outputs, with its infimum p*."""

    @property
    def name(self) -> str: ...

    @property
    def infimum(self) -> float: ...

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of every sample (K, N) for outputs (K, N, C) and targets (K or 1, N[, C])."""
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """-log softmax(outputs)[label]; p* = 0 is approached, not attained."""

    name: str = "cross-entropy"
    infimum: float = 0.0

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # Classes in the middle: along the samples torch is several times faster than along a few classes.
        return functional.cross_entropy(outputs.transpose(1, 2), targets.expand(outputs.shape[:2]), reduction="none")


@dataclass(frozen=True)
class Square:
    """Half the squared distance to the target (to the one-hot label where targets are classes)."""

    name: str = "square"
    infimum: float = 0.0

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if not targets.is_floating_point():
            targets = functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)
        return 0.5 * (outputs - targets).square().sum(-1)


@dataclass(frozen=True)
class Hinge:
    """max over j != y of max(0, 1 - (output_y - output_j)) (Nguyen 2019 thesis, section 1.1)."""

    name: str = "hinge"
    infimum: float = 0.0

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        labels = targets.expand(outputs.shape[:2])[..., None]
        margins = 1 - (outputs.gather(-1, labels) - outputs)
        return margins.scatter(-1, labels, 0.0).amax(-1).clamp_min(0)


LOSSES: dict[str, ConvexLoss] = {"cross-entropy": CrossEntropy(), "square": Square(), "hinge": Hinge()}


def loss_named(name: str | None, classes: int | None) -> ConvexLoss:
    """The loss of a name; without one cross-entropy for classes and square loss otherwise.

    Raises UsageError where the data has no classes and the loss needs them.
    """
    if name is None:
        name = "square" if classes is None else "cross-entropy"
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    if classes is None and name != "square":
        raise UsageError(f"The loss {name} needs classes and this data set has none: use the square loss.")
    return LOSSES[name]


def misses(outputs: Tensor, targets: Tensor) -> Tensor | None:
    """Number of samples classified wrongly, (K,) float64 from outputs (K, N, C); None for regression.

    A sample whose outputs are not all finite counts as wrong.
    """
    if targets.is_floating_point():
        return None
    columns = outputs.transpose(1, 2).contiguous()  # along the samples: faster than along a few classes
    highest, chosen = columns.max(1)
    finite = torch.isfinite(highest) & torch.isfinite(columns.amin(1))
    return ((chosen != targets) | ~finite).sum(-1, dtype=torch.float64)
