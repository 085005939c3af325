"""The assumptions of Nguyen 2019, Theorems 3.2, 5.1 and 6.1, and the one construction behind them.

For any two parameter vectors of a dense network with biases, N training samples and a loss that is convex in the
outputs, a path that is nowhere above the larger end exists if

    3.2   leaky ReLU or linear (2.1: strictly monotonic, onto R), rank [X, 1] = N, n_1 > ... > n_L
    5.1   leaky ReLU (2.1 and 2.2), distinct samples, n_1 >= 2 N, n_2 > ... > n_L
    6.1   ReLU, leaky ReLU or ELU (2.2: no weighted sum of its own shifts), distinct samples, n_1, ..., n_{L-1} >= 2 N

All are one construction with another layer s: the layers below s, wide ones, get features of full rank and become equal
in both networks (`freeing`); the layers from s on are joined by `lifting`. s = 1, 2 and L. Without any theorem nothing
is said of a pair: fewer neurons than asked for do not mean that there is no path.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch

from core.methods.method import Premise
from core.methods.wide.freeing import copy_layer, make_full_rank
from core.methods.wide.lifting import Lift, deficient, freed_rows
from core.methods.wide.net import Net, with_ones
from core.methods.wide.route import Route
from core.networks.activations import leaky_slope, shifts_are_independent
from core.path import Claim
from core.problem import Problem


def widths_of(problem: Problem) -> list[int]:
    """n_1, ..., n_L."""
    assert problem.layered is not None
    return [layer.outputs for layer in problem.layered.layers]


def theorem_3_2(problem: Problem) -> Iterator[Premise]:
    yield _onto(problem)
    N, X = len(problem.data.train), problem.data.train.x.flatten(1)
    r = int(torch.linalg.matrix_rank(with_ones(X)))
    yield Premise("the training samples are linearly independent", r == N, f"rank [X, 1] is {r} and N = {N}")
    yield _decreasing(problem, 1)


def theorem_5_1(problem: Problem) -> Iterator[Premise]:
    yield _onto(problem)
    yield _independent_shifts(problem)
    yield _distinct(problem)
    yield _wide(problem, 1)
    yield _decreasing(problem, 2)


def theorem_6_1(problem: Problem) -> Iterator[Premise]:
    yield _independent_shifts(problem)
    yield _distinct(problem)
    for k in range(1, len(widths_of(problem))):
        yield _wide(problem, k)


THEOREMS: dict[str, Callable[[Problem], Iterator[Premise]]] = {
    "3.2": theorem_3_2,
    "5.1": theorem_5_1,
    "6.1": theorem_6_1,
}


def first_layer_that_follows(theorem: str, problem: Problem) -> int:
    """The layer s of a theorem."""
    return {"3.2": 1, "5.1": 2, "6.1": len(widths_of(problem))}[theorem]


def _onto(problem: Problem) -> Premise:
    assert problem.layered is not None
    slopes = [leaky_slope(layer.activation) for layer in problem.layered.layers[:-1]]
    measured = "known to be are linear and leaky_relu of a slope above 0"
    claim = "the activation is strictly monotonic and onto R (Assumption 2.1)"
    return Premise(claim, all(slope is not None and slope > 0 for slope in slopes) and len(set(slopes)) == 1, measured)


def _independent_shifts(problem: Problem) -> Premise:
    assert problem.layered is not None
    holds = all(shifts_are_independent(layer.activation) for layer in problem.layered.layers[:-1])
    claim = "the activation is no weighted sum of its own shifts (Assumption 2.2)"
    return Premise(claim, holds, "known not to be are relu, elu and leaky_relu of a slope other than 1")


def _distinct(problem: Problem) -> Premise:
    X = problem.data.train.x.flatten(1)
    twice = len(X) - len(torch.unique(X, dim=0))
    return Premise("all training samples are distinct", twice == 0, f"{twice} of {len(X)} repeat others")


def _wide(problem: Problem, k: int) -> Premise:
    N, n = len(problem.data.train), widths_of(problem)[k - 1]
    return Premise(
        f"layer {k} has 2N neurons or more", n >= 2 * N, f"layer {k} has {n} neurons, 2N = {2 * N} are needed"
    )


def _decreasing(problem: Problem, k: int) -> Premise:
    steps = enumerate(pairwise(widths_of(problem)[k - 1 :]), start=k)
    odd = [f"layer {l} has {n} neurons and layer {l + 1} has {m}" for l, (n, m) in steps if n <= m]
    return Premise(f"the widths decrease from layer {k} on", not odd, "; ".join(odd))


def join(a: Net, b: Net, s: int, generator: torch.Generator) -> Route:
    """From a to b: layers below s by Lemmas 4.3, 5.2 and 5.3, the others by Theorem 3.2 (s = L: by a straight line)."""
    there, back = Route([a]), Route([b])
    for k in range(1, s):
        make_full_rank(back, k, generator)
    for k in range(1, s):
        make_full_rank(there, k, generator)
        copy_layer(there, k, back.here)
    if s == a.depth:
        there.go(back.here, Claim.CONVEX)
    else:
        lift = Lift.above(back.here, s)
        repair(there, lift)
        repair(back, lift)
        there.lift(back.here, lift, a.depth)
    there.back(back)
    return there


def repair(route: Route, lift: Lift) -> None:
    """Lemma 3.4: full column rank for all weights above layer s, one after the other from below."""
    for l in deficient(route.here, lift.s):
        A, W = freed_rows(route.here.features(l - 1), route.here.W[l - 1])
        route.lift(lift.preimage(route.here, l - 1, A), lift, l - 1)
        route.go(route.here.changed(l, W), Claim.DATA_INVARIANT)
