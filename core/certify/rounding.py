"""How far float64 may be off where it evaluates a network at one parameter point: of features, outputs and losses.

Let Fhat_l be the features that float64 computes of one sample, and F_l those of the same stored numbers in real
arithmetic. Then |Fhat_l - F_l|_2 <= d_l, one number a sample and layer, with d_0 = 0 and

    d_l = pi_l ( |W_l|_2 d_{l-1} + eta_l + zeta_l + pool_l ),
    eta_l  = gamma_{n+16} ( ||W_l||_F |Fhat_{l-1}|_2 + |b_l|_2 ) + n TINY sqrt(numbers),
    zeta_l = C sqrt(numbers) + c |Fhat_l|_2.

n is the fan-in, gamma_n = n u / (1 - n u), u = 2^-53: eta is the rounding of an affine map in any order of summation
(Higham 2002, section 3.1), zeta that of an activation, whose slope is at most 1, and pool that of the averages. pi is
how much pooling may stretch a difference. A convolution is the matrix that it stands for: n is channels x kernel
area, |b_l| counts every position, and its norms are bounded by those of its kernel.

Norms, not entries: |W_1| |W_2| ... |W_L| of the absolute values would explode with depth. The loss of a sample may be
off by what it changes within |d_L| of its outputs, and by its own rounding.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from math import ceil, exp, prod, sqrt

import torch
from torch import Tensor

from core.networks.activations import activation_name
from core.networks.layered import Activation, Layer, LayeredNetwork, Parameters, Pooling

UNIT = 2.0**-53
SAFETY = 1 + 1e-6  # for the rounding of the bounds themselves, of relative size n u
TINY = 2.0**-1022  # what underflow may cost one operation
SQUARED = 2.0**-511  # numbers below this may have squares that underflow
SOFTPLUS = 2.1e-9  # what torch is off by where it takes softplus for the identity, beyond 20


def gamma(n: int) -> float:
    """The largest relative error of a sum of n products."""
    return n * UNIT / (1 - n * UNIT)


@dataclass(frozen=True)
class Rounded:
    """Features (1, N, ...) as float64 computes them, and how far (N,) they may be from the true ones, Euclidean."""

    features: Tensor
    off: Tensor

    @classmethod
    def exact(cls, x: Tensor) -> "Rounded":
        """Samples (N, ...), which are taken as they are."""
        return cls(x[None], x.new_zeros(len(x)))

    def of(self, samples: Tensor) -> "Rounded":
        """Those of some of the samples (M,), by their numbers."""
        return Rounded(self.features[:, samples], self.off[samples])


@dataclass(frozen=True)
class Stretch:
    """What an affine map does to lengths: |W|_2 at most, ||W||_F, |b|_2 of one position, and its fan-in."""

    spectral: float
    frobenius: float
    bias: float
    fan_in: int

    @classmethod
    def of(cls, layer: Layer, parameters: Parameters) -> "Stretch":
        W = parameters[layer.weight][0]
        bias = 0.0 if layer.bias is None else length(parameters[layer.bias][0])
        if not layer.convolution:
            return cls(spectral_norm(W), length(W), bias, W.shape[1])
        offsets = W.abs().flatten(2).sum(2)  # |W| is at most the sum of its entries over the kernel's places
        return cls(_convolution_norm(layer, W), length(offsets), bias, W[0].numel())


class Evaluation:
    """A network at one parameter point, whose features are evaluated with a bound on their rounding."""

    def __init__(self, network: LayeredNetwork, parameters: Parameters) -> None:
        self.layers, self.parameters = network.layers, parameters
        self.stretches = [Stretch.of(layer, parameters) for layer in network.layers]

    @torch.no_grad()
    def features(self, below: Rounded, upto: int, start: int = 0) -> Rounded:
        """F_upto from F_start; layers are counted from 1, F_0 is the data."""
        for layer, stretch in zip(self.layers[start:upto], self.stretches[start:upto], strict=True):
            below = through(layer, self.parameters, stretch, below)
        return below


def affine(layer: Layer, parameters: Parameters, stretch: Stretch, below: Rounded) -> tuple[Tensor, Tensor, Tensor]:
    """Z of the next layer, eta (N,), which is what computing it rounds, and how far it may be off (N,) in all."""
    Z = layer.affine(below.features, parameters)
    size = stretch.frobenius * lengths(below.features.detach()) + stretch.bias * sqrt(prod(Z.shape[3:]))
    eta = gamma(stretch.fan_in + 16) * size * SAFETY + (stretch.fan_in + 16) * TINY * sqrt(Z[0, 0].numel())
    return Z, eta, stretch.spectral * below.off + eta


def through(layer: Layer, parameters: Parameters, stretch: Stretch, below: Rounded) -> Rounded:
    """The features of the next layer."""
    Z, _, off = affine(layer, parameters, stretch, below)
    off = after(layer, Z, off)
    return Rounded(layer.after(Z, overwrite=True), off)


def after(layer: Layer, Z: Tensor, off: Tensor) -> Tensor:
    """How far a layer's features may be off (N,), where its pre-activations Z (1, N, ...) are."""
    off = off + activation_rounding(layer.activation, Z) + (1 + len(layer.pools)) * TINY * sqrt(Z[0, 0].numel())
    if layer.pools:
        off = off + average_rounding(layer, Z)
        off = off * pool_stretch(layer.pools, int(Z.shape[3]), int(Z.shape[4]))
    return off * SAFETY


def activation_rounding(activation: Activation | None, Z: Tensor) -> Tensor:
    """zeta (N,): C sqrt(numbers) + c |act(Z)|, a few units in the last place."""
    constant, relative = _last_places(activation)
    if not constant and not relative:
        return Z.new_zeros(Z.shape[1])
    numbers = sqrt(Z[0, 0].numel())
    return constant * numbers + relative * _largest(activation, Z)


def average_rounding(layer: Layer, Z: Tensor) -> Tensor:
    """What the poolings of a layer round (N,), but for how they stretch it: an average sums up to all positions."""
    return len(layer.pools) * gamma(prod(Z.shape[3:]) + 1) * _largest(layer.activation, Z)


def _largest(activation: Activation | None, Z: Tensor) -> Tensor:
    """A bound (N,) of |act(Z)|: slopes are at most 1."""
    at_zero = 0.0 if activation is None else abs(float(activation(torch.zeros(1, dtype=torch.float64))))
    return lengths(Z) + at_zero * sqrt(Z[0, 0].numel())


def _last_places(activation: Activation | None) -> tuple[float, float]:
    """C and c of zeta."""
    match activation_name(activation):
        case "relu" | "linear":
            return 0.0, 0.0
        case "leaky_relu":
            return 0.0, UNIT
        case "softplus":
            assert isinstance(activation, partial)
            return (8 * UNIT + SOFTPLUS) / activation.keywords["gamma"], 8 * UNIT
        case _:
            return 8 * UNIT, 8 * UNIT


def lengths(features: Tensor) -> Tensor:
    """Upper bounds (N,) of the Euclidean lengths of the samples of features (1, N, ...), but for SAFETY."""
    found: Tensor = torch.linalg.vector_norm(features[0].flatten(1), dim=1)
    return found + SQUARED * sqrt(features[0, 0].numel())


def length(tensor: Tensor) -> float:
    """The same of one tensor."""
    return float(lengths(tensor[None, None])[0])


def spectral_norm(W: Tensor) -> float:
    """An upper bound of |W|_2, at most r^(1/128) times too large for rank r; NaN where W is not finite.

    With G = W W^T or W^T W, |W|_2^64 = |G^32|_2 <= ||G^32||_F. The factor is for the rounding of the products: gamma_n
    of the first is relative to ||W||_F^2 <= r |W|_2^2, and taking roots makes that of the later ones smaller.
    """
    rows, columns = W.shape
    scale = float(W.abs().max())
    if scale == 0:
        return 0.0
    V = W / scale
    G = V @ V.T if rows <= columns else V.T @ V
    exponent, logarithm = 1, 0.0
    for _ in range(5):
        size = G.norm()
        logarithm += float(size.log()) / exponent
        G = (G / size) @ (G / size)
        exponent *= 2
    logarithm += float(G.norm().log()) / exponent
    factor = 1 + 1e-9 + 4 * min(rows, columns) * gamma(max(rows, columns))
    return scale * exp(logarithm / 2) * factor


def _convolution_norm(layer: Layer, W: Tensor) -> float:
    """An upper bound of the norm of a convolution with kernel W (m, n, h, w), for images of any size.

    It is a matrix product with the windows: W as (m, n h w), and a pixel lies in so many of them. Its transpose is
    another, with W as (n, m h w), and reads every output h w times at most.
    """
    area = prod(W.shape[2:])
    windows = area
    if layer.dilation == (1, 1):
        windows = prod(ceil(size / step) for size, step in zip(W.shape[2:], layer.stride, strict=True))
    by_rows = sqrt(windows) * spectral_norm(W.flatten(1))
    return min(by_rows, sqrt(area) * spectral_norm(W.transpose(0, 1).flatten(1)))


@lru_cache(maxsize=64)
def pool_stretch(pools: tuple[Pooling, ...], height: int, width: int) -> float:
    """How much poolings, one after the other, may stretch a difference of images of this size, Euclidean.

    An entry moves by no more than the largest move in its window, or by a weighted mean of the moves: its square is at
    most the sum of their squares, each times its weight (1 for a maximum). So the square of the factor is the largest
    sum of weights that one pixel has. Windows are rectangles and weights products of one for the row and one for the
    column, so images of one row, and of one column, of ones tell the two sums apart.
    """
    found = 1.0
    for pool in pools:
        rows = pool(torch.eye(height, dtype=torch.float64)[:, None, :, None].expand(-1, 1, -1, width).contiguous())
        columns = pool(torch.eye(width, dtype=torch.float64)[:, None, None, :].expand(-1, 1, height, -1).contiguous())
        found *= sqrt(float(rows.amax(3).sum((1, 2)).max() * columns.amax(2).sum((1, 2)).max()))
        height, width = (int(size) for size in rows.shape[2:])
    return found
