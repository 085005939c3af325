"""Exchanging hidden units: another point of parameter space with the same function."""

from collections import Counter

import torch
from torch import Tensor

from core.errors import PremiseError
from core.problem import Problem


def swap_units(problem: Problem, theta: Tensor, layer: int, units: tuple[int, int]) -> Tensor:
    """Parameters (P,) with two units of hidden layer `layer` (from 1) exchanged: incoming, bias and outgoing.

    Raises PremiseError where the network has no such layer or units, or one that shares its weights.
    """
    network = problem.require_layers("Exchanging units")
    hidden = network.layers[:-1]
    if not 1 <= layer <= len(hidden):
        raise PremiseError(f"There is no hidden layer {layer}: this network has {len(hidden)}.")
    used = Counter(name for one in network.layers for name in (one.weight, one.bias) if name is not None)
    here, above = network.layers[layer - 1 : layer + 1]
    if shared := [one for one in (here.weight, here.bias, above.weight) if used[one or ""] > 1]:
        raise PremiseError(f"Units of layer {layer} can't be exchanged: its {shared[0]} belongs to several layers.")
    if not 0 <= min(units) <= max(units) < here.outputs:
        raise PremiseError(f"Layer {layer} has units 0 to {here.outputs - 1}, not {units[0]} and {units[1]}.")
    order = torch.arange(here.outputs)
    order[list(units)] = order[list(units[::-1])]
    parameters: dict[str, Tensor] = {name: one[0] for name, one in problem.layout.split(theta[None]).items()}
    parameters[here.weight] = parameters[here.weight][order]
    if here.bias is not None:
        parameters[here.bias] = parameters[here.bias][order]
    outgoing = parameters[above.weight]
    parameters[above.weight] = above.blocks(outgoing)[:, order].reshape(outgoing.shape)
    return problem.layout.join(parameters)
