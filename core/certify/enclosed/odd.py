"""Where float64 can't hold what a bound is made of: the sentence that ends a search."""

import torch
from torch import Tensor

from core.certify.enclosed.chords import steps
from core.certify.enclosed.moving import MovingNetwork
from core.certify.enclosed.nonlinear import norms
from core.certify.rounding import Rounded


def odd_place(network: MovingNetwork, t: Tensor, below: Rounded, sample: int) -> str:
    """The layer with the first norm, output or gap that is not finite on the pieces between t (G + 1,).

    `below` are the features (1, 1, ...) of the sample of that number.
    """
    for number, layer in enumerate(network.layers, start=1):
        if (odd := _odd(layer.norms)) is not None:
            return f"layer {number}: the norm of its weights is {odd}"
    for number, step in enumerate(steps(network, t, below, entries=False), start=network.lowest + 1):
        found = {"an output": step.Z, "the norm of its outputs": norms(step.Z), "the gap of its outputs": step.gap.norm}
        for what, numbers in found.items():
            if (odd := _odd(numbers)) is not None:
                return f"sample {sample}, layer {number}: {what} is {odd}"
    return f"sample {sample}, layer {network.depth}: the line above its loss is not finite"


def _odd(numbers: Tensor) -> float | None:
    """The first that is not finite."""
    odd = numbers[~torch.isfinite(numbers)]
    return float(odd[0]) if len(odd) else None
