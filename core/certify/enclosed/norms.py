"""Upper bounds on the spectral norms of layers, convolutions as the matrices that they stand for."""

from math import ceil, log2, pi

import torch
from torch import Tensor

from core.certify.rounding import UNIT, gamma, spectral_norm
from core.networks.layered import Layer

NUMBERS = 1 << 24  # of matrices that are worked on at once


def layer_norm(layer: Layer, W: Tensor, image: tuple[int, int] | None) -> float:
    """|W|_2 at most, of a weight (m, n) or a kernel (m, n, h, w) that reads images of the size `image`."""
    if image is None:
        return spectral_norm(W)
    return torus_norm(W, layer.dilation, image)


def torus_norm(kernel: Tensor, dilation: tuple[int, int], image: tuple[int, int]) -> float:
    """An upper bound of the norm of a convolution of images of a size; NaN where the kernel is not finite.

    With zero padding it is part of the circular convolution on a torus that is larger by what the dilated kernel
    reaches over, and a stride leaves rows out. On a torus the norm is the largest of one matrix a frequency,
    sum over places of kernel x phase. The frequencies of one half are enough: those of the other are conjugates.
    """
    m, n, h, w = kernel.shape
    H, W = image[0] + dilation[0] * (h - 1), image[1] + dilation[1] * (w - 1)
    rows = torch.arange(H, dtype=kernel.dtype, device=kernel.device)
    columns = torch.arange(W // 2 + 1, dtype=kernel.dtype, device=kernel.device)
    down = torch.arange(h, device=kernel.device) * dilation[0]
    along = torch.arange(w, device=kernel.device) * dilation[1]
    angles = (rows[:, None, None, None] * down[:, None] / H + columns[:, None, None] * along / W).flatten(0, 1)
    phases = torch.polar(torch.ones_like(angles), -2 * pi * angles.remainder(1.0)).flatten(1)  # (frequencies, places)
    places = kernel.flatten(2).to(phases.dtype)
    at_once = max(1, NUMBERS // (m * n))
    norms = [_largest(torch.einsum("mnp,fp->fmn", places, some)) for some in torch.split(phases, at_once)]
    size = float(kernel.abs().sum((2, 3)).norm())
    return float(torch.stack(norms).max()) + gamma(h * w + 8 * ceil(log2(H * W + 1)) + 32) * size


def _largest(matrices: Tensor) -> Tensor:
    """The largest norm of complex matrices (F, m, n), each bounded as in `spectral_norm`."""
    r, n = sorted(matrices.shape[1:])
    V = matrices if matrices.shape[1] == r else matrices.mH
    scale = V.abs().amax()
    if float(scale) == 0:
        return scale
    G = (V / scale) @ (V / scale).mH
    logarithm, exponent = torch.zeros(len(G), dtype=scale.dtype, device=scale.device), 1
    for _ in range(5):
        size = torch.linalg.matrix_norm(G).clamp_min(2.0**-1000)
        logarithm += size.log() / exponent
        G = G / size[:, None, None]
        G = G @ G
        exponent *= 2
    logarithm += torch.linalg.matrix_norm(G).clamp_min(2.0**-1000).log() / exponent
    factor = 1 + 1e-9 + 8 * r * gamma(n)
    return scale * (logarithm.amax() / 2).exp() * factor + scale * 16 * n * UNIT
