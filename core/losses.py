"""Losses that are convex in the network's output, and the error beside each.

All act on outputs (K, N, C) of K networks and return one value a sample, (K, N); the loss of a network is the
mean over its samples. `infimum` is p* = inf phi over all outputs.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from core.errors import UsageError, unknown_name
from core.specs.runs import OF_LABELS, OF_VALUES, ONLY_LABELS


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

    def change(self, losses: Tensor, radius: Tensor, outputs: int) -> Tensor:
        """How much losses (K, N) of samples may change at most, where their outputs move by `radius` (K, N).

        Radii are Euclidean, in the space of that many `outputs`.
        """
        ...

    def remainder(self, losses: Tensor, radius: Tensor) -> Tensor:
        """How far from its tangent in the outputs a loss may be within that radius; infinite where it has kinks."""
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """-log softmax(outputs)[label]; p* = 0 is approached, not attained."""

    name: str = "cross-entropy"
    infimum: float = 0.0

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # Classes in the middle: along the samples torch is several times faster than along a few classes.
        return functional.cross_entropy(outputs.transpose(1, 2), targets.expand(outputs.shape[:2]), reduction="none")

    def change(self, losses: Tensor, radius: Tensor, outputs: int) -> Tensor:  # noqa: ARG002
        return 2**0.5 * radius  # the gradient is softmax - one-hot, of length at most sqrt 2

    def remainder(self, losses: Tensor, radius: Tensor) -> Tensor:
        # Half the variance of the move under a softmax on the way, which is at most min(1/4, 1 - p) spread^2 for the
        # label's share p. rho = log((1 - p) / p) = log(e^loss - 1) moves by no more than the spread.
        spread = 2**0.5 * radius
        odds = torch.expm1(losses + 1e-12) * spread.exp()
        return 0.5 * (odds / (1 + odds)).nan_to_num(1.0).clamp_max(0.25) * spread.square()


@dataclass(frozen=True)
class Square:
    """Half the squared distance to the target (to the one-hot label where targets are classes)."""

    name: str = "square"
    infimum: float = 0.0

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return 0.5 * (outputs - values_of(targets, outputs)).square().sum(-1)

    def change(self, losses: Tensor, radius: Tensor, outputs: int) -> Tensor:  # noqa: ARG002
        return (2 * losses).sqrt() * radius + 0.5 * radius.square()

    def remainder(self, losses: Tensor, radius: Tensor) -> Tensor:  # noqa: ARG002
        return 0.5 * radius.square()


@dataclass(frozen=True)
class Absolute:
    """The sum of the distances to the targets, output by output (to the one-hot label where targets are classes)."""

    name: str = "absolute"
    infimum: float = 0.0

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        distances: Tensor = (outputs - values_of(targets, outputs)).abs()
        return distances.sum(-1)

    def change(self, losses: Tensor, radius: Tensor, outputs: int) -> Tensor:  # noqa: ARG002
        return sqrt(outputs) * radius  # the gradient has a sign in each entry

    def remainder(self, losses: Tensor, radius: Tensor) -> Tensor:  # noqa: ARG002
        return torch.full_like(radius, torch.inf)


@dataclass(frozen=True)
class Hinge:
    """max over j != y of max(0, 1 - (output_y - output_j)) (Nguyen 2019 thesis, section 1.1)."""

    name: str = "hinge"
    infimum: float = 0.0

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        labels = targets.expand(outputs.shape[:2])[..., None]
        margins = 1 - (outputs.gather(-1, labels) - outputs)
        return margins.scatter(-1, labels, 0.0).amax(-1).clamp_min(0)

    def change(self, losses: Tensor, radius: Tensor, outputs: int) -> Tensor:  # noqa: ARG002
        return 2**0.5 * radius  # two outputs move

    def remainder(self, losses: Tensor, radius: Tensor) -> Tensor:  # noqa: ARG002
        return torch.full_like(radius, torch.inf)


@dataclass(frozen=True)
class BinaryCrossEntropy:
    """The mean over the outputs of log(1 + exp(-z)) where the target is 1, log(1 + exp(z)) where it is 0."""

    name: str = "binary-cross-entropy"
    infimum: float = 0.0

    def samples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        values = values_of(targets, outputs).expand_as(outputs)
        return functional.binary_cross_entropy_with_logits(outputs, values, reduction="none").mean(-1)

    def change(self, losses: Tensor, radius: Tensor, outputs: int) -> Tensor:  # noqa: ARG002
        return radius / sqrt(outputs)  # the gradient has entries of at most 1 / outputs

    def remainder(self, losses: Tensor, radius: Tensor) -> Tensor:  # noqa: ARG002
        return 0.125 * radius.square()  # second derivatives are at most 1/4, and a mean is no larger


LOSSES: dict[str, ConvexLoss] = {
    one.name: one for one in (CrossEntropy(), Square(), Absolute(), Hinge(), BinaryCrossEntropy())
}


def values_of(targets: Tensor, outputs: Tensor) -> Tensor:
    """Targets as values to compare outputs (..., C) with: themselves, or one-hot labels (N, C)."""
    return targets if targets.is_floating_point() else functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)


def loss_named(name: str | None, classes: int | None) -> ConvexLoss:
    """The loss of a name; without one cross-entropy for classes and square loss otherwise.

    Raises UsageError where the data has no classes and the loss needs them.
    """
    if name is None:
        name = "square" if classes is None else "cross-entropy"
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    if classes is None and name not in OF_VALUES:
        raise UsageError(f"The loss {name} needs classes and this data set has none: use the square loss, or absolute.")
    return LOSSES[name]


def are_labels(targets: Tensor) -> bool:
    """Whether all values are 0 or 1."""
    return bool(((targets == 0) | (targets == 1)).all())


def check_targets(loss: ConvexLoss, targets: Tensor) -> None:
    """Raise UsageError where a loss of labels that are there or not has other values to compare with."""
    if loss.name == OF_LABELS and targets.is_floating_point() and not are_labels(targets):
        raise UsageError(ONLY_LABELS)


def missed_labels(outputs: Tensor, targets: Tensor) -> Tensor:
    """Sum over samples of the share of labels that are answered wrongly, (K,) float64; (K, N, C) and (N, C).

    An output above 0 says that a label is there; one that is not finite is wrong.
    """
    wrong = ((outputs > 0) != (targets > 0.5)) | ~torch.isfinite(outputs)
    return wrong.sum((1, 2), dtype=torch.float64) / outputs.shape[-1]


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
