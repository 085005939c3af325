"""A network's parameters by layers and neurons, and subnetworks that read a few neurons of one layer.

W_k has shape (n_k, n_{k-1}, block): the weights into each unit, neuron by neuron below (`Layer.blocks`), so that
dense layers, convolutions (neurons are channels) and the step between them are one thing. Layers are counted from 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from core.networks.layered import Layer, LayeredNetwork
from core.problem import Problem


@dataclass(frozen=True)
class Weights:
    """W[k - 1] (n_k, n_{k-1}, block) and b[k - 1] (n_k,), or None without bias, of layers k = 1..L."""

    W: tuple[Tensor, ...]
    b: tuple[Tensor | None, ...]

    @classmethod
    def of(cls, problem: Problem, theta: Tensor) -> "Weights":
        """By layers, of parameters (P,) of a problem whose network has a view by layers."""
        assert problem.layered is not None
        named = {name: one[0] for name, one in problem.layout.split(theta[None]).items()}
        layers = problem.layered.layers
        W = tuple(layer.blocks(named[layer.weight]) for layer in layers)
        return cls(W, tuple(None if layer.bias is None else named[layer.bias] for layer in layers))

    def theta(self, problem: Problem) -> Tensor:
        """The inverse of `of`: parameters (P,)."""
        assert problem.layered is not None
        named = {}
        for layer, W, b in zip(problem.layered.layers, self.W, self.b, strict=True):
            named[layer.weight] = W
            if layer.bias is not None and b is not None:
                named[layer.bias] = b
        return problem.layout.join(named)

    @property
    def depth(self) -> int:
        return len(self.W)

    @property
    def widths(self) -> tuple[int, ...]:
        """n_0, ..., n_L."""
        return (self.W[0].shape[1], *(len(W) for W in self.W))

    @property
    def into_units(self) -> Tensor:
        """The weights into each unit of layer 1 (n_1, n_0 block), its bias last where it has one."""
        rows, bias = self.W[0].flatten(1), self.b[0]
        return rows if bias is None else torch.cat([rows, bias[:, None]], 1)

    def changed(self, k: int, W: Tensor, b: Tensor | None) -> "Weights":
        """With another layer k."""
        Ws, bs = list(self.W), list(self.b)
        Ws[k - 1], bs[k - 1] = W, b
        return Weights(tuple(Ws), tuple(bs))


def with_ones(F: Tensor) -> Tensor:
    """[F, 1] (N, n + 1): what units read whose bias is the last of their weights."""
    return torch.cat([F, F.new_ones(len(F), 1)], 1)


@dataclass(frozen=True)
class Subnetwork:
    """xi_l: reads the neurons `reads` of layer l (None: the whole input), and has layers l + 1..L of its own.

    `reads` lies in the kept set I_l = `kept`, in order; for l = 0 both are None. `loss` is its train loss.
    """

    level: int
    kept: Tensor | None
    reads: Tensor | None
    weights: Weights
    loss: float


def view_of(problem: Problem, level: int, widths: Sequence[int]) -> tuple[nn.Module, LayeredNetwork]:
    """Layers level + 1..L of a network with other widths (m_level, ..., m_L): bare parameters, and their view."""
    assert problem.layered is not None
    shapes = dict(zip(problem.layout.names, problem.layout.shapes, strict=True))
    module, views = nn.Module(), []
    for i, layer in enumerate(problem.layered.layers[level:]):
        n, m = widths[i], widths[i + 1]
        _declare(module, f"weight{i}", (m, n, *shapes[layer.weight][2:]) if layer.convolution else (m, n * layer.block))
        if layer.bias is not None:
            _declare(module, f"bias{i}", (m,))
        views.append(_renamed(layer, i, n, m))
    return module, LayeredNetwork(tuple(views))


def _renamed(layer: Layer, i: int, inputs: int, outputs: int) -> Layer:
    bias = None if layer.bias is None else f"bias{i}"
    return replace(layer, weight=f"weight{i}", bias=bias, inputs=inputs, outputs=outputs)


def _declare(module: nn.Module, name: str, shape: tuple[int, ...]) -> None:
    """A parameter without memory: only its name and shape matter."""
    module.register_parameter(name, nn.Parameter(torch.empty(shape, device="meta")))
