"""Linear networks in the paper's layout: W_l is (n_{l-1}, n_l), the transpose of torch's, and biases may be missing."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.problem import Problem
from core.subnetworks import Weights

Matrices = tuple[Tensor, ...]


@dataclass(frozen=True)
class LinearNet:
    """The map x -> x W_1 ... W_L + F_L(0): W[l - 1] (n_{l-1}, n_l) and b[l - 1] (n_l,) or None, in float64."""

    W: Matrices
    b: tuple[Tensor | None, ...]

    @classmethod
    def of(cls, problem: Problem, theta: Tensor) -> "LinearNet":
        """Of parameters (P,) of a network of dense layers."""
        found = Weights.of(problem, theta.double())
        return cls(tuple(W.flatten(1).T for W in found.W), found.b)

    def theta(self, problem: Problem) -> Tensor:
        """The inverse of `of`: parameters (P,)."""
        return Weights(tuple(W.T for W in self.W), self.b).theta(problem)

    @property
    def has_hidden_biases(self) -> bool:
        """Whether a hidden layer has a bias other than zero."""
        return any(b is not None and bool(b.any()) for b in self.b[:-1])

    def without_hidden_biases(self) -> "LinearNet":
        """The same function, the output layer's bias being F_L(0) and that of every other layer zero."""
        at_zero = self.W[0].new_zeros(len(self.W[0]))
        for W, b in zip(self.W, self.b, strict=True):
            at_zero = at_zero @ W if b is None else at_zero @ W + b
        return LinearNet(self.W, (*(None if b is None else torch.zeros_like(b) for b in self.b[:-1]), at_zero))

    def centred(self) -> "LinearNet":
        """The network whose outputs have the mean 0: no cross-entropy or hinge loss sees the difference."""
        W, b = self.W[-1], self.b[-1]
        W = W - W.mean(1, keepdim=True)
        return LinearNet((*self.W[:-1], W), (*self.b[:-1], None if b is None else b - b.mean()))

    def with_matrices(self, matrices: Matrices) -> "LinearNet":
        """The network with other weights, W_1 to W_L."""
        return LinearNet(matrices, self.b)


def flipped(matrices: Matrices) -> Matrices:
    """The matrices of the transposed product, last to first."""
    return tuple(W.T for W in reversed(matrices))
