"""Losses and gradients of K networks on one batch of samples: by hand for dense layers, by autograd for all others.

By hand is the chain rule layer by layer, for Z_k = W_k F_{k-1} + b_k and F_k = act(Z_k), with D_k = d loss / d Z_k:

    dW_k = D_k F_{k-1}^T,    db_k = D_k 1,    D_{k-1} = (W_k^T D_k) * act'(Z_{k-1}).

These are the products that autograd does too, in one matmul for all networks. But gradients are written where the
optimizer reads them, into memory that stays, and products may be in bfloat16 while parameters stay as they are.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import RunError
from core.networks.activations import Derivative, derivative_of
from core.networks.layered import Layer, Parameters
from core.problem import Problem
from core.specs.descent import Precision


class Gradients:
    """Losses (K,) and gradients (K, P) of K networks (K, P) on samples that they share or have each of their own."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, thetas: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient is in memory that the next call may overwrite."""
        return self.problem.gradients(thetas, x, y)


def gradients_of(problem: Problem, precision: Precision) -> Gradients:
    """The fastest way for a problem's network. Raises RunError where products can't be of that precision."""
    layers = () if problem.layered is None else problem.layered.layers
    derivatives = [derivative_of(layer.activation) for layer in layers[:-1]]
    known = [one for one in derivatives if one is not None]
    plain = all(not layer.convolution and not layer.pools for layer in layers)
    dense = len(layers) > 0 and len(known) == len(layers) - 1 and plain
    if precision == "bfloat16":
        if not dense:
            sentence = "bfloat16 needs dense layers with relu, leaky_relu, tanh or sigmoid: use precision=full."
            raise RunError("precision", sentence)
        if not has_bfloat16(problem.device):
            sentence = f"This machine's {problem.device} has no bfloat16 in hardware: use precision=full."
            raise RunError("precision", sentence)
        return ByHand(problem, layers, known, torch.bfloat16)
    return ByHand(problem, layers, known, problem.dtype) if dense else Gradients(problem)


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are made in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


@dataclass
class _Memory:
    """A gradient (K, P) in the dtype of the parameters, and parameters and gradient in that of the products."""

    gradient: Tensor
    weights: Tensor
    products: Tensor

    @classmethod
    def like(cls, thetas: Tensor, dtype: torch.dtype) -> "_Memory":
        gradient = torch.zeros_like(thetas, requires_grad=False)  # where no layer reads, it stays so
        if dtype == thetas.dtype:
            return cls(gradient, thetas.detach(), gradient)
        return cls(gradient, torch.empty_like(gradient, dtype=dtype), torch.zeros_like(gradient, dtype=dtype))


class ByHand(Gradients):
    """For chains of dense layers whose activations have a known derivative."""

    def __init__(
        self, problem: Problem, layers: tuple[Layer, ...], derivatives: list[Derivative], dtype: torch.dtype
    ) -> None:
        super().__init__(problem)
        self.layers = layers
        self.derivatives = derivatives
        self.dtype = dtype
        self.memory: _Memory | None = None

    @torch.no_grad()
    def __call__(self, thetas: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if self.memory is None or self.memory.gradient.shape != thetas.shape:
            self.memory = _Memory.like(thetas, self.dtype)
        memory, layout = self.memory, self.problem.layout
        weights = thetas.detach() if self.dtype == thetas.dtype else memory.weights.copy_(thetas)
        parameters, gradients = layout.split(weights), layout.split(memory.products)
        targets = y if x.dim() > self.problem.data.train.stored.dim() else y[None]
        features = self._features(parameters, x)
        losses, delta = self._at_outputs(features.pop().to(thetas.dtype), targets)
        self._backward(parameters, gradients, features, delta.to(self.dtype))
        if memory.products is not memory.gradient:
            memory.gradient.copy_(memory.products)
        return losses, memory.gradient

    def _features(self, parameters: Parameters, x: Tensor) -> list[Tensor]:
        """F_0, ..., F_{L-1} and Z_L, each (K or 1, n, N)."""
        lowest = self.problem.inputs(x.to(self.dtype)).flatten(2).transpose(1, 2)
        found = [lowest.expand(len(parameters[self.layers[0].weight]), -1, -1)]
        for layer in self.layers:
            W = parameters[layer.weight]
            if layer.bias is None:
                Z = torch.bmm(W, found[-1])
            else:
                Z = torch.baddbmm(parameters[layer.bias][:, :, None], W, found[-1])
            found.append(layer.after(Z, overwrite=True))
        return found

    def _at_outputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Losses (K,) of outputs (K, C, N), and their derivatives D_L (K, C, N)."""
        with torch.enable_grad():
            leaf = outputs.requires_grad_(True)
            losses = self.problem.loss.samples(leaf.transpose(1, 2), targets).mean(-1)
            (delta,) = torch.autograd.grad(losses.sum(), leaf)
        return losses.detach(), delta

    def _backward(self, parameters: Parameters, gradients: Parameters, features: list[Tensor], delta: Tensor) -> None:
        """Write dW_k and db_k into `gradients`, from D_L down."""
        for k in reversed(range(len(self.layers))):
            layer = self.layers[k]
            torch.bmm(delta, features[k].transpose(1, 2), out=gradients[layer.weight])
            if layer.bias is not None:
                torch.sum(delta, 2, out=gradients[layer.bias])
            if k > 0:
                below = torch.bmm(parameters[layer.weight].transpose(1, 2), delta)
                delta = self.derivatives[k - 1](below, features[k])
