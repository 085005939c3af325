"""Networks of one hidden ReLU layer, and what is asked of them: F = mean phi(outputs) + kappa |W_2|_1.

Legend: N samples X (N, n), W (m, n) the weights into m hidden units, features H = relu(X W') (N, m), V (C, m) the
weights out of them and c (C,) the outputs' bias, None where there is none. Where hidden units have biases, these are
the last column of W and the last column of X is 1. Everything is in float64.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.losses import ConvexLoss, values_of
from core.problem import Problem
from core.subnetworks.weights import Weights, with_ones


@dataclass(frozen=True)
class Head:
    """The weights out of some hidden units, and the value of F with them."""

    V: Tensor
    c: Tensor | None
    value: float = float("inf")


@dataclass(frozen=True)
class Shallow:
    """A network: the weights into its hidden units, and its head."""

    W: Tensor
    head: Head

    @classmethod
    def of(cls, problem: Problem, theta: Tensor) -> "Shallow":
        """Of parameters (P,)."""
        weights = Weights.of(problem, theta.double())
        return cls(weights.into_units, Head(weights.W[1].flatten(1), weights.b[1]))

    def theta(self, problem: Problem) -> Tensor:
        """The inverse of `of`, in the problem's dtype."""
        return self.weights(problem).theta(problem)

    def weights(self, problem: Problem) -> Weights:
        """By layers, in the problem's dtype."""
        assert problem.layered is not None
        first, dtype = problem.layered.layers[0], problem.dtype
        rows = self.W if first.bias is None else self.W[:, :-1]
        W = rows.reshape(len(rows), first.inputs, first.block), self.head.V[:, :, None]
        b = None if first.bias is None else self.W[:, -1].to(dtype), None if self.head.c is None else self.head.c
        return Weights(tuple(one.to(dtype) for one in W), tuple(None if one is None else one.to(dtype) for one in b))

    @property
    def width(self) -> int:
        return len(self.W)

    @property
    def of_norm_one(self) -> "Shallow":
        """The same function, with weights into every unit of norm 1 (zero ones stay)."""
        norms = self.W.norm(dim=1)
        norms = torch.where(norms > 0, norms, 1.0)
        return Shallow(self.W / norms[:, None], replace(self.head, V=self.head.V * norms))


@dataclass(frozen=True)
class Target:
    """The samples, a loss phi that is convex in the outputs, and kappa; `bias` says whether the outputs have one."""

    X: Tensor
    y: Tensor
    loss: ConvexLoss
    outputs: int
    kappa: float
    bias: bool

    @classmethod
    def of(cls, problem: Problem, kappa: float) -> "Target":
        """The train set of a problem whose network has one hidden layer."""
        assert problem.layered is not None
        first, last = problem.layered.layers
        train = problem.data.train.to(problem.device, torch.float64)
        X = train.x.flatten(1)
        X = X if first.bias is None else with_ones(X)
        return cls(X, train.y, problem.loss, problem.data.outputs, kappa, last.bias is not None)

    @property
    def values(self) -> Tensor:
        """The targets as numbers (N, C)."""
        return values_of(self.y, self.X.new_zeros(self.outputs))

    def features(self, W: Tensor) -> Tensor:
        return (self.X @ W.T).relu()

    def mean_loss(self, Z: Tensor) -> Tensor:
        """Of outputs (N, C); differentiable."""
        return self.loss.samples(Z[None], self.y[None]).mean()

    def value(self, H: Tensor, head: Head) -> float:
        """F of a head on features H."""
        return float(self.mean_loss(outputs(H, head)) + self.kappa * head.V.abs().sum())

    def valued(self, H: Tensor, head: Head) -> Head:
        return replace(head, value=self.value(H, head))


def outputs(H: Tensor, head: Head) -> Tensor:
    """Z (N, C)."""
    Z = H @ head.V.T
    return Z if head.c is None else Z + head.c
