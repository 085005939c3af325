"""Which neurons matter on a straight segment, and which of them compute the same.

Layers are counted from 1 and units from 0, as in the tensors; neurons of a convolution are its channels.

*Dead*, decided from the output downwards: a hidden neuron whose weights into all units above that are not
dead themselves are zero at both ends. Such a weight is zero along the line. Output units are never dead.
*Twins*: neurons of one layer whose incoming weights and bias are equal at both ends, so along the whole line:
their features are equal. Input features are constants of the data, each one a neuron of its own.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core.networks.layered import Layer, LayeredNetwork
from core.problem import Problem


@dataclass(frozen=True)
class Move:
    """One layer at both ends of a segment, in float64, with -0.0 written as 0.0.

    W: two of (n_k, n_{k-1}, block), the weights into each unit, neuron by neuron below; b (2, n_k), zero for
    a layer without bias. An entry that changes is unequal at the two ends: no difference is ever rounded.
    """

    layer: Layer
    W: tuple[Tensor, Tensor]
    b: Tensor

    @property
    def still(self) -> bool:
        return torch.equal(*self.W) and torch.equal(self.b[0], self.b[1])

    @cached_property
    def reach(self) -> Tensor:
        """Sums over a block of max(|W(0)|, |W(1)|), (n_k, n_{k-1}): zero only where all of it is, at both."""
        top = torch.maximum(self.W[0].abs(), self.W[1].abs())
        return top[..., 0] if top.shape[-1] == 1 else top.sum(-1)


@dataclass(frozen=True)
class Line:
    """A straight segment as the rules see it: its ends (2, P) in float64 and its layers, first to last."""

    problem: Problem
    ends: Tensor
    layers: list[Move]

    @classmethod
    def of(cls, problem: Problem, network: LayeredNetwork, ends: Tensor) -> "Line":
        return cls(problem, ends, _moves(network, problem, ends))


def _moves(network: LayeredNetwork, problem: Problem, ends: Tensor) -> list[Move]:
    named = problem.layout.split(ends + 0.0)  # -0.0 + 0.0 = 0.0, and no other number changes
    found: list[Move] = []
    for layer in network.layers:
        assert not found or layer.inputs == found[-1].layer.outputs
        weight = named[layer.weight]
        W = (layer.blocks(weight[0]), layer.blocks(weight[1]))
        b = ends.new_zeros(2, layer.outputs) if layer.bias is None else named[layer.bias]
        found.append(Move(layer, W, b))
    return found


def live_units(layers: list[Move]) -> list[Tensor]:
    """Masks (n_k,) of the units that are not dead, for layers 1..L (list index 0 is layer 1)."""
    last = layers[-1].b
    live = [torch.ones(last.shape[1], dtype=torch.bool, device=last.device)]
    for above in reversed(layers[1:]):
        live.append((above.reach[live[-1]] != 0).any(0))
    return live[::-1]


def twin_classes(below: Move) -> dict[int, Tensor]:
    """Classes of twins in a layer, by their size m: members (classes, m). Every neuron is in one class."""
    incoming = torch.cat([*(W.flatten(1) for W in below.W), below.b.T], 1)
    classes: dict[bytes, list[int]] = {}
    for unit, row in enumerate(incoming.cpu().numpy()):  # finite and without -0.0: equal rows, equal bytes
        classes.setdefault(row.tobytes(), []).append(unit)
    sizes: dict[int, list[list[int]]] = {}
    for members in classes.values():
        sizes.setdefault(len(members), []).append(members)
    return {size: torch.tensor(members, device=below.b.device) for size, members in sizes.items()}
