"""Outputs of many networks of one architecture on the same samples, with all that they share worked through once.

A hidden unit that no live unit reads adds nothing, and is left out. What is left of layer k is named by a hash of its
weights and of all that is left below it: networks that agree in the name share F_k. So a path on which layer after
layer is rewritten costs little more than its two ends.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeVar

import torch
from torch import Tensor

from core.networks.layered import Layer, LayeredNetwork, Parameters
from core.networks.layout import Layout

Name = bytes
Features = TypeVar("Features")


@dataclass(frozen=True)
class Piece:
    """What is left of a layer: the live units and what they read. `share` of the layer's multiplications is left."""

    layer: Layer
    parameters: Parameters
    share: float


class Together:
    """Networks at given parameter points (P,), all on one device in one dtype.

    `which[i]` is the number of point i's network among the different ones.
    """

    def __init__(self, network: LayeredNetwork, layout: Layout, points: Iterable[Tensor]) -> None:
        self.pieces: dict[Name, Piece] = {}
        self.networks: list[tuple[Name, ...]] = []
        self.which: list[int] = []
        numbers: dict[Name, int] = {}
        for point in points:
            names = self._add(network, layout.split(point[None]))
            if names[-1] not in numbers:
                numbers[names[-1]] = len(self.networks)
                self.networks.append(names)
            self.which.append(numbers[names[-1]])
        self._last_use = {name: i for i, names in enumerate(self.networks) for name in names}

    def _add(self, network: LayeredNetwork, parameters: Parameters) -> tuple[Name, ...]:
        """The names of a network's layers, whose pieces are kept where they are new."""
        names: list[Name] = []
        reads = None
        for layer, rows in zip(network.layers, live_units(network, parameters), strict=True):
            piece = _piece(layer, parameters, rows, reads)
            name = _name(names[-1] if names else b"", piece)
            self.pieces.setdefault(name, piece)
            names.append(name)
            reads = rows
        return tuple(names)

    def outputs(self, x: Tensor) -> Iterator[Tensor]:
        """Outputs (N, C) of the different networks, in order, on samples (N, ...)."""

        def after(name: Name, features: Tensor) -> Tensor:
            piece = self.pieces[name]
            return piece.layer.after(piece.layer.affine(features, piece.parameters), overwrite=True)

        return (last[0] for last in self.walk(x[None], after))

    def walk(self, inputs: Features, after: Callable[[Name, Features], Features]) -> Iterator[Features]:
        """What the different networks, in order, make of `inputs`; `after` takes it through one piece."""
        known: dict[Name, Features] = {}
        for number, names in enumerate(self.networks):
            done = next((k for k in range(len(names), 0, -1) if names[k - 1] in known), 0)
            last = known[names[done - 1]] if done else inputs
            for name in names[done:]:
                last = known[name] = after(name, last)
            yield last
            for name in names:
                if self._last_use[name] == number:
                    del known[name]

    def passes(self, multiplications: Sequence[int]) -> float:
        """What `outputs` costs, in plain forward passes of networks with this many multiplications in each layer."""
        done = {name: piece.share * multiplications[k] for k, name, piece in self._layerwise()}
        return sum(done.values()) / sum(multiplications)

    def _layerwise(self) -> Iterator[tuple[int, Name, Piece]]:
        return ((k, name, self.pieces[name]) for names in self.networks for k, name in enumerate(names))


def live_units(network: LayeredNetwork, parameters: Parameters) -> list[Tensor]:
    """Masks (n_k,) of the units of layers 1..L that a live unit reads; outputs are live. Never empty.

    All are live where a parameter is not finite: 0 times infinity is no number, and so is the output.
    """
    if not all(bool(torch.isfinite(one).all()) for one in parameters.values()):
        return [
            torch.ones_like(parameters[layer.weight][0].flatten(1)[:, 0], dtype=torch.bool) for layer in network.layers
        ]
    outputs = parameters[network.layers[-1].weight][0]
    live = [torch.ones(len(outputs), dtype=torch.bool, device=outputs.device)]
    for above in reversed(network.layers[1:]):
        read = (above.blocks(parameters[above.weight][0])[live[-1]] != 0).any(2).any(0)
        read[0] |= ~read.any()
        live.append(read)
    return live[::-1]


def _piece(layer: Layer, parameters: Parameters, rows: Tensor, reads: Tensor | None) -> Piece:
    """A layer between its live units `rows` (n_k,) and those below, `reads` (None: all of the input)."""
    weight = parameters[layer.weight]
    kept = layer.blocks(weight[0])[rows]
    if reads is not None:
        kept = kept[:, reads]
    m, n, block = kept.shape
    shape = (1, m, n, *weight.shape[3:]) if layer.convolution else (1, m, n * block)
    own = {layer.weight: kept.reshape(shape)}
    if layer.bias is not None:
        own[layer.bias] = parameters[layer.bias][:, rows]
    return Piece(replace(layer, inputs=n, outputs=m), own, m * n / (layer.inputs * layer.outputs))


def _name(below: Name, piece: Piece) -> Name:
    """A hash of a piece's numbers, zeros without sign, and of the pieces below."""
    found = blake2b(below, digest_size=16)
    for one in piece.parameters.values():
        found.update(repr(tuple(one.shape)).encode())
        found.update((one + 0.0).contiguous().cpu().numpy().data)
    return found.digest()
