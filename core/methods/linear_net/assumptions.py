"""What Proposition 2.2 of Freeman and Bruna 2017, as it is true, asks of a network, with what was found."""

from collections.abc import Iterator
from itertools import accumulate
from math import inf, log10

import torch
from torch import Tensor

from core.methods.linear_net.net import LinearNet
from core.methods.method import Premise, Task
from core.methods.sparse.premises import layered_premises
from core.networks.activations import activation_name, leaky_slope
from core.problem import Problem
from core.progress import plural

SHIFTED = ("cross-entropy", "hinge")  # losses that don't see a constant added to all outputs of a sample


def common(task: Task) -> Iterator[Premise]:
    """A chain of dense layers without activations, whose output layer has a bias where a hidden layer has one."""
    yield from layered_premises(task)
    assert task.problem.layered is not None
    layers = task.problem.layered.layers
    yield Premise("all layers are dense", not any(one.convolution or one.pools for one in layers))
    names = [activation_name(one.activation) for one in layers if leaky_slope(one.activation) != 1]
    yield Premise("all layers are linear (activation=linear)", not names, f"the activation is {', '.join({*names})}")
    holds = layers[-1].bias is not None or all(one.bias is None for one in layers)
    yield Premise("the output layer has a bias where hidden layers have one", holds)
    for theta in (task.a, task.b):
        yield sizes_fit(task.problem, theta)


def sizes_fit(problem: Problem, theta: Tensor) -> Premise:
    """That the product of all weights, by norms, is a number of the models' dtype."""
    assert problem.layered is not None
    norms = [float(torch.linalg.matrix_norm(W)) for W in LinearNet.of(problem, theta).W]
    sizes = list(accumulate(log10(norm) if norm > 0 else -inf for norm in norms))
    largest = log10(torch.finfo(theta.dtype).max)
    names = [one.weight for one, size in zip(problem.layered.layers, sizes, strict=True) if not size <= largest]
    dtype = str(theta.dtype).removeprefix("torch.")
    measured = f"from {names[0]} on it is not" if names else ""
    return Premise(f"the product of the weights' norms is a number of {dtype}", not names, measured)


def widths(problem: Problem) -> list[int]:
    """n_0, ..., n_L."""
    assert problem.layered is not None
    layers = problem.layered.layers
    return [layers[0].inputs * layers[0].block, *(one.outputs for one in layers)]


def sees_shifts(problem: Problem) -> bool:
    """Whether the loss changes where a constant is added to all outputs of a sample."""
    return problem.loss.name not in SHIFTED


def wide_enough(problem: Problem) -> Premise:
    """More units in every hidden layer than the smaller of inputs and outputs; a few less for some losses."""
    n_0, *hidden, n_L = widths(problem)
    needed = min(n_0, n_L) + 1
    words = f"one more than the smaller of {plural(n_0, 'input')} and {plural(n_L, 'output')}"
    if not sees_shifts(problem) and n_L < needed:
        needed, words = n_L, "as many as outputs: the loss doesn't see a constant added to all"
    narrow = next(((l, n) for l, n in enumerate(hidden, start=1) if n < needed), None)
    claim = "every hidden layer is wide enough"
    if narrow is None:
        return Premise(claim, True)
    l, n = narrow
    measured = f"hidden layer {l} has {plural(n, 'unit')}, {needed} are needed ({words}); with {n} it can be false"
    return Premise(claim, False, measured)
