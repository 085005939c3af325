"""Whether a view by layers is worth what its module is, in float64, at random parameters on random samples."""

from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from core.networks.layered import LayeredNetwork

CHECKS = 2  # random points at which a view is compared with its module
SIZES = (1.0, 10.0, 1000.0)  # of parameters, and of samples, there
SAME = 1e-9  # of the outputs, relative to the largest
JOLT, ROUNDING = 2.0**-50, 100.0  # a relative change like rounding's, and how many times its effect is allowed


@torch.no_grad()
def disagreement(view: LayeredNetwork, module: nn.Module, shape: tuple[int, ...]) -> str | None:
    """How view and module (float64) differ, as the end of a sentence; overwrites the module's parameters.

    Looked at is at parameters and samples of several sizes: what a forward pass does to large values alone, small ones
    don't show.
    """
    generator = torch.Generator().manual_seed(0)
    for _ in range(CHECKS):
        for value in module.parameters():
            value.normal_(generator=generator).mul_(2**0.5 / max(1, prod(value.shape[1:])) ** 0.5)
        x = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
        for before, size in pairwise((1.0, *SIZES)):
            for value in module.parameters():
                value.mul_(size / before)
            for scale in SIZES if size == 1 else (1.0,):
                if odd := _disagreement_at(view, module, scale * x, generator):
                    return odd
    return None


def _disagreement_at(view: LayeredNetwork, module: nn.Module, x: Tensor, generator: torch.Generator) -> str | None:
    parameters = {name: value[None] for name, value in module.named_parameters()}
    found, expected = view.outputs(x[None], parameters)[0], module(x.clone())
    off, size = difference(found, expected)
    if off <= SAME * size:
        return None
    near = {name: _jolted(value, generator) for name, value in parameters.items()}
    rounded, _ = difference(view.outputs(x[None], near)[0], found)
    if off <= SAME * size + ROUNDING * rounded:
        return None
    return f"what was traced differs from what it computes, by {off:.2g} where outputs reach {size:.2g}"


def _jolted(value: Tensor, generator: torch.Generator) -> Tensor:
    """The parameter as other rounding would have it: networks of large weights may amplify that without bounds."""
    return value * (1 + JOLT * torch.randn(value.shape, generator=generator, dtype=value.dtype))


def difference(found: Tensor, expected: Tensor) -> tuple[float, float]:
    """The largest difference of outputs, and the largest finite output expected.

    What is the same infinity or no number in both does not differ; what is one in one of them alone does without end.
    """
    same = (found == expected) | (found.isnan() & expected.isnan())
    off = torch.where(same, 0.0, (found - expected).abs()).nan_to_num(nan=torch.inf, posinf=torch.inf)
    return float(off.max()), float(torch.where(expected.isfinite(), expected.abs(), 0.0).max())
