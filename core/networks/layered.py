"""Layers and neurons: the view of a network that theorems speak about.

A layered network is a chain of L layers. Layer k has an affine map with parameters (W_k, b_k) and, but for
the last, an elementwise activation, possibly followed by pooling, which acts on every channel alone:

    Z_k = F_{k-1} W_k + b_k,    F_k = pool(act(Z_k)),    F_0 = X,    output = Z_L.

Neurons of a convolution are its channels. Parameters come in batches of K points: a parameter of shape S is a
tensor (K, *S), and features are (K, N, ...); features that all points share may have K = 1.
PyTorch's layout is kept: a dense weight is (n_k, n_{k-1}), the transpose of the papers' W_k.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch.nn import functional

from core.networks.pooling import pooled

Activation = Callable[[Tensor], Tensor]
Pooling = Callable[[Tensor], Tensor]
Pair = tuple[int, int]  # of height and width
Parameters = Mapping[str, Tensor]
ONEDNN_FROM = 1 << 14  # weights from which its matmul is the faster one (measured: 15 % on AMD Zen 4 at 245 x 245)


@dataclass(frozen=True)
class Layer:
    """One affine map (dense, or a convolution) and what follows it.

    `inputs` is the number of neurons below and `block` the number of features each of them has there: 1
    between dense layers, height x width of a channel where a dense layer reads an image, kernel area in a
    convolution.

    Certificates rely on what may stand in `activation` and `pools`. Activations are elementwise, nondecreasing and of
    slope at most 1. Poolings map images (N, C, H, W) channel by channel, each entry to the maximum of some entries or
    to a sum of some with weights that are not negative and at most 1 in sum.
    """

    weight: str
    bias: str | None
    inputs: int
    outputs: int
    block: int = 1
    padding: Pair | None = None  # of a convolution, with zeros; None: dense
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    activation: Activation | None = None  # None: linear, as in the last layer
    pools: tuple[Pooling, ...] = ()

    @property
    def convolution(self) -> bool:
        return self.padding is not None

    def affine(self, features: Tensor, parameters: Parameters, buffers: "Buffers | None" = None) -> Tensor:
        """Pre-activations (K, N, ...) of features (K or 1, N, ...) under K parameter points.

        Weight and bias may have one row for all points (1, ...) each, where they don't change from point to point.
        """
        weight = parameters[self.weight]
        bias = None if self.bias is None else parameters[self.bias]
        if self.padding is not None:
            return _convolve(features, weight, bias, (self.stride, self.padding, self.dilation))
        return _multiply(features.flatten(2), weight, bias, buffers)

    def after(self, preactivation: Tensor, overwrite: bool = False) -> Tensor:
        """Features (K, N, ...) from pre-activations, which may lie in the same memory where that may be overwritten."""
        if overwrite and self.activation is torch.relu:
            features = preactivation.relu_()
        else:
            features = preactivation if self.activation is None else self.activation(preactivation)
        if not self.pools:
            return features
        images = features.flatten(0, 1)
        for pool in self.pools:
            images = pooled(pool, images)
        return images.reshape(*features.shape[:2], *images.shape[1:])

    def blocks(self, weight: Tensor) -> Tensor:
        """A weight (n_k, ...) as (n_k, inputs, block): the weights into each unit, neuron by neuron below."""
        return weight.reshape(self.outputs, self.inputs, self.block)


@dataclass(frozen=True)
class LayeredNetwork:
    """A chain of layers; reads the same parameters by name as the module it views.

    `traced` says that it was found by looking at somebody else's module: then it has to be compared with that.
    """

    layers: tuple[Layer, ...]
    traced: bool = False

    @property
    def depth(self) -> int:
        return len(self.layers)

    def features(
        self, inputs: Tensor, parameters: Parameters, upto: int, start: int = 0, buffers: "Buffers | None" = None
    ) -> Tensor:
        """F_upto (K or 1, N, ...) from F_start (`inputs`); layers are counted from 1, F_0 is the data.

        With `buffers` the result lies in them: it is overwritten by what is computed with them next.
        """
        for layer in self.layers[start:upto]:
            preactivation = layer.affine(inputs, parameters, buffers)
            inputs = layer.after(preactivation, overwrite=buffers is not None or not preactivation._is_view())
        return inputs

    def outputs(
        self, features: Tensor, parameters: Parameters, start: int = 0, buffers: "Buffers | None" = None
    ) -> Tensor:
        """Z_L (K, N, C) from F_start; `buffers` as in `features`."""
        return self.features(features, parameters, self.depth, start, buffers)


@dataclass(frozen=True)
class LayerSize:
    """Of one sample: the numbers that a layer reads or makes, whichever are more, and its multiplications."""

    width: int
    multiplications: int


@torch.no_grad()
def layer_sizes(network: LayeredNetwork, sample: Tensor, parameters: Parameters) -> list[LayerSize]:
    """Of every layer, found by sending one sample (1, 1, ...) through at one parameter point."""
    found = []
    for layer in network.layers:
        preactivation = layer.affine(sample, parameters)
        fan_in = parameters[layer.weight][0, 0].numel()
        width = max(sample.numel(), preactivation.numel())
        found.append(LayerSize(width, preactivation.numel() * fan_in))
        sample = layer.after(preactivation)
    return found


class Buffers:
    """Two blocks of memory that layer after layer and pass after pass write to in turn; without gradients only.

    On the CPU, fresh memory costs as much as the arithmetic of a thin layer: the system hands it out page by page.
    """

    def __init__(self) -> None:
        self.blocks = [torch.empty(0), torch.empty(0)]

    def take(self, like: Tensor, *shape: int) -> Tensor:
        """Memory of a shape, in the dtype and on the device of `like`, valid until the call after the next."""
        self.blocks.reverse()
        block, size = self.blocks[0], prod(shape)
        if block.numel() < size or block.dtype != like.dtype or block.device != like.device:
            block = self.blocks[0] = like.new_empty(size)
        return block[:size].view(shape)


def _multiply(features: Tensor, weight: Tensor, bias: Tensor | None, buffers: Buffers | None) -> Tensor:
    """Dense layers of K points at once: features (K or 1, N, n), weight (K or 1, m, n), bias (K or 1, m)."""
    points, samples = features.shape[:2]
    if len(weight) == 1:  # one matmul for the samples of all points
        shared = None if bias is None or len(bias) > 1 else bias[0]
        flat = features.flatten(0, 1)
        out = _linear(flat, weight[0], shared, buffers)
        out = out.view(points, samples, -1)
        return out if bias is None or shared is not None else out + bias[:, None]
    if points == 1:  # one matmul for the neurons of all points
        wide = features[0] @ weight.flatten(0, 1).T
        out = wide.view(-1, *weight.shape[:2]).transpose(0, 1)
        return out if bias is None else out + bias[:, None]
    # Along the samples (K, m, N): for thin layers that is up to three times faster, and losses want it so.
    columns = features.transpose(1, 2)
    memory = None if buffers is None else buffers.take(features, points, weight.shape[1], samples)
    if bias is None:
        return torch.bmm(weight, columns, out=memory).transpose(1, 2)
    return torch.baddbmm(bias[:, :, None], weight, columns, out=memory).transpose(1, 2)


def _linear(x: Tensor, W: Tensor, b: Tensor | None, buffers: Buffers | None) -> Tensor:
    """x W^T + b of samples (N, n), weight (m, n) and bias (m,)."""
    if buffers is None:
        return functional.linear(x, W, b)
    if W.numel() >= ONEDNN_FROM and _has_onednn(x):
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, W, b, "none", [], "")
        return found
    out = buffers.take(x, len(x), len(W))
    return torch.mm(x, W.T, out=out) if b is None else torch.addmm(b, x, W.T, out=out)


def _has_onednn(x: Tensor) -> bool:
    """Whether torch has oneDNN's float32 matmul, which it uses where it compiles, but not in `linear`."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _convolve(features: Tensor, weight: Tensor, bias: Tensor | None, moves: tuple[Pair, Pair, Pair]) -> Tensor:
    """K convolutions at once, as one with K groups; points that share features or weights share the work.

    `moves` are stride, padding and dilation.
    """
    if len(weight) == 1 and (bias is None or len(bias) == 1):
        flat = functional.conv2d(features.flatten(0, 1), weight[0], None if bias is None else bias[0], *moves)
        return flat.view(*features.shape[:2], *flat.shape[1:])
    points = max(len(features), len(weight), 1 if bias is None else len(bias))
    weight = weight.expand(points, *weight.shape[1:])
    shared = len(features) == 1
    grouped = features[0] if shared else features.transpose(0, 1).flatten(1, 2)
    out = functional.conv2d(
        grouped,
        weight.flatten(0, 1),
        None if bias is None else bias.expand(points, -1).flatten(),
        *moves,
        groups=1 if shared else points,
    )
    return out.view(len(out), points, -1, *out.shape[2:]).transpose(0, 1)
