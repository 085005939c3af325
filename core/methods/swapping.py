"""Exchanging hidden units: another point of parameter space with the same function."""

import torch
from torch import Tensor

from core.errors import PremiseError
from core.problem import Problem


def swap_units(problem: Problem, theta: Tensor, layer: int, units: tuple[int, int]) -> Tensor:
    """Parameters (P,) with two units of hidden layer `layer` (from 1) exchanged: incoming, bias and outgoing.

    Raises PremiseError where the network has no such layer or units.
    """
    if problem.layered is None:
        raise PremiseError("Units can be exchanged only in a network with a view by layers; this one has none.")
    hidden = problem.layered.layers[:-1]
    if not 1 <= layer <= len(hidden):
        raise PremiseError(f"There is no hidden layer {layer}: this network has {len(hidden)}.")
    here, above = problem.layered.layers[layer - 1 : layer + 1]
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
