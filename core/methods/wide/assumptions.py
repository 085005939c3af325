"""What the theorems of Nguyen 2019 assume, each assumption with what was measured."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import torch

from core.methods.method import Premise, Task, first_failed
from core.methods.sparse.premises import layered_premises
from core.networks.activations import leaky_slope, shifts_are_independent
from core.problem import Problem
from core.subnetworks.weights import with_ones

Assumptions = Callable[[Problem], Iterator[Premise]]


def common(task: Task) -> Iterator[Premise]:
    """What all of them need here: a chain of dense layers with biases, and float64."""
    yield from layered_premises(task)
    yield dense(task.problem)
    claim = "the models are in float64, which exact paths need (train them with -o dtype=float64)"
    yield Premise(claim, task.problem.dtype == torch.float64, f"they are in {task.problem.dtype}".replace("torch.", ""))


def dense(problem: Problem) -> Premise:
    assert problem.layered is not None
    layers = problem.layered.layers
    holds = all(not (one.convolution or one.pools or one.bias is None) and one.block == 1 for one in layers)
    return Premise("all layers are dense and have biases", holds)


def of_theorem(chosen: str, theorems: Mapping[str, Assumptions], problem: Problem) -> Iterator[Premise]:
    """Those of the theorem asked for; for auto that there is one whose assumptions hold, or why there is none."""
    if chosen != "auto":
        yield from theorems[chosen](problem)
        return
    failed = {name: first_failed(assumptions(problem)) for name, assumptions in theorems.items()}
    why = "; ".join(f"{name} assumes that {one.claim}, but {one.measured}" for name, one in failed.items() if one)
    yield Premise(f"one of Theorems {', '.join(theorems)} applies", None in failed.values(), why)


def first_that_applies(chosen: str, theorems: Mapping[str, Assumptions], problem: Problem) -> str:
    """The theorem asked for; for auto the first whose assumptions hold."""
    if chosen != "auto":
        return chosen
    return next(name for name, assumptions in theorems.items() if first_failed(assumptions(problem)) is None)


def widths_of(problem: Problem) -> list[int]:
    """n_1, ..., n_L."""
    assert problem.layered is not None
    return [layer.outputs for layer in problem.layered.layers]


def theorem_3_2(problem: Problem) -> Iterator[Premise]:
    yield onto(problem)
    N, X = len(problem.data.train), problem.data.train.x.flatten(1)
    r = int(torch.linalg.matrix_rank(with_ones(X)))
    yield Premise("the training samples are linearly independent", r == N, f"rank [X, 1] is {r} and N = {N}")
    yield decreasing(problem, 1)


def theorem_5_1(problem: Problem) -> Iterator[Premise]:
    yield onto(problem)
    yield independent_shifts(problem)
    yield distinct(problem)
    yield wide(problem, 1)
    yield decreasing(problem, 2)


def theorem_6_1(problem: Problem, times: int = 2) -> Iterator[Premise]:
    """Any two points are joined with 2N neurons a layer; a descent needs N, `times` = 1."""
    yield independent_shifts(problem)
    yield distinct(problem)
    for k in range(1, len(widths_of(problem))):
        yield wide(problem, k, times)


def onto(problem: Problem) -> Premise:
    assert problem.layered is not None
    slopes = [leaky_slope(layer.activation) for layer in problem.layered.layers[:-1]]
    measured = "only linear and leaky_relu of one slope above 0 are known to be"
    claim = "the activation is strictly monotonic and onto R (Assumption 2.1)"
    return Premise(claim, all(slope is not None and slope > 0 for slope in slopes) and len(set(slopes)) == 1, measured)


def independent_shifts(problem: Problem) -> Premise:
    assert problem.layered is not None
    holds = all(shifts_are_independent(layer.activation) for layer in problem.layered.layers[:-1])
    claim = "the activation is no weighted sum of its own shifts (Assumption 2.2)"
    return Premise(claim, holds, "only relu, elu and leaky_relu of a slope other than 1 are known not to be")


def distinct(problem: Problem) -> Premise:
    X = problem.data.train.x.flatten(1)
    twice = len(X) - len(torch.unique(X, dim=0))
    return Premise("all training samples are distinct", twice == 0, f"{twice} of {len(X)} repeat others")


def wide(problem: Problem, k: int, times: int = 2) -> Premise:
    """n_k >= `times` N."""
    n, needed = widths_of(problem)[k - 1], times * len(problem.data.train)
    what = "N" if times == 1 else f"{times}N"
    measured = f"layer {k} has {n} neurons, {what} = {needed} are needed"
    return Premise(f"layer {k} has {what} neurons or more", n >= needed, measured)


def decreasing(problem: Problem, k: int) -> Premise:
    steps = enumerate(pairwise(widths_of(problem)[k - 1 :]), start=k)
    odd = [f"layer {l} has {n} neurons and layer {l + 1} has {m}" for l, (n, m) in steps if n <= m]
    return Premise(f"the widths decrease from layer {k} on", not odd, "; ".join(odd))
