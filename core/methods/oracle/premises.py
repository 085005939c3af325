"""What Theorem 2.4 of Freeman and Bruna 2017 presupposes, as it is built here."""

from collections.abc import Iterator

import torch

from core.methods.method import Premise, Task
from core.methods.oracle.shallow import Shallow
from core.methods.sparse.premises import layered_premises, sizes_premise
from core.networks.activations import activation_name
from core.problem import Problem
from core.specs.compressing import oracle_sizes
from core.specs.methods import Oracle

ROUNDING = 1e-9  # that a norm of 1 may be above it


def premises(options: Oracle, task: Task) -> Iterator[Premise]:
    yield from layered_premises(task)
    yield from one_hidden_relu(task.problem)
    yield sizes_premise("the oracle has no more units than there are", lambda m: oracle_sizes(options, m[0]), task)
    if options.kappa > 0:
        for name, theta in (("a", task.a), ("b", task.b)):
            yield norms(task.problem, theta, f"model {name}")


def one_hidden_relu(problem: Problem) -> Iterator[Premise]:
    """One dense hidden layer of ReLU units."""
    assert problem.layered is not None
    layers = problem.layered.layers
    yield Premise("there is one hidden layer", len(layers) == 2, f"this network has {len(layers) - 1}")
    yield Premise("both layers are dense", not any(one.convolution or one.pools for one in layers))
    name = activation_name(layers[0].activation)
    yield Premise("the hidden units are ReLU", layers[0].activation is torch.relu, f"they are {name}")


def norms(problem: Problem, theta: torch.Tensor, whose: str) -> Premise:
    """With a penalty on W_2 alone it is the norms of W_1 that keep the problem from being a matter of scale."""
    found = Shallow.of(problem, theta).W.norm(dim=1)
    unit = int(found.argmax())
    largest = float(found[unit])
    measured = f"unit {unit} of {whose} has norm {largest:.4g}; with kappa=0 norms don't matter"
    claim = "the weights into every hidden unit, bias included, have norm 1 or less, as kappa above 0 asks"
    return Premise(claim, largest <= 1 + ROUNDING, measured)


def width(problem: Problem) -> int:
    """m."""
    assert problem.layered is not None
    return problem.layered.layers[0].outputs
