"""What the theorems ask that shapes, the data and one look at the model decide.

    N19   Nguyen 2019 (thesis, chapter 3): 3.2, 4.2, 5.1, and 6.1 for a descent (N neurons a layer) and a path (2N)
    T19   the thesis, chapter 2: 2.4.4 (features of rank N exist), 2.4.12 (critical points of S_k are global minima)
    FB17  Freeman and Bruna 2017: 2.2 (linear networks), 2.4 (one hidden ReLU layer)

Their letters: N samples X, widths n_1..n_L, features F_k; S_k is where F_k and W_{k+2}, ..., W_L have full rank. Ranks
are those that float64 tells: full rank is certain, a lower one is left open where it isn't so by shape.
"""

from collections.abc import Collection

from torch import Tensor

from core.bounds.assumptions.checklist import Assumption, Theorem
from core.methods.linear_net.assumptions import wide_enough
from core.methods.wide.assumptions import (
    decreasing,
    dense,
    distinct,
    independent_shifts,
    onto,
    theorem_3_2,
    theorem_6_1,
    wide,
    widths_of,
)
from core.methods.wide.descent import theorem_4_2
from core.methods.wide.net import Net
from core.methods.wide.ranks import rank
from core.networks.activations import activation_name
from core.problem import Problem
from core.results import NO, OPEN
from core.subnetworks import Weights

ANALYTIC = ("sigmoid", "softplus")  # strictly increasing, analytic, with the tails of Assumption 2.4.2


def nguyen_2019(problem: Problem) -> list[Theorem]:
    chain = Assumption.of("dense layers with biases", [dense(problem)])
    bijective = Assumption.of("activation onto R", [onto(problem)])
    shifts = Assumption.of("activation no sum of its shifts", [independent_shifts(problem)])
    samples = Assumption.of("distinct samples", [distinct(problem)])
    *_, wide_layer = theorem_4_2(problem)
    layer = Assumption.of("N neurons in a layer, decreasing widths above", [wide_layer])
    first = Assumption.of("2N neurons in layer 1", [wide(problem, 1)])
    from_1, from_2 = (Assumption.of(f"decreasing widths from layer {k} on", [decreasing(problem, k)]) for k in (1, 2))
    all_n, all_2n = (
        Assumption.of(f"{many} neurons in every hidden layer", list(theorem_6_1(problem, times))[2:])
        for many, times in (("N", 1), ("2N", 2))
    )
    return [
        Theorem("N19 3.2", [chain, bijective, independent_samples(problem), from_1]),
        Theorem("N19 4.2", [chain, bijective, shifts, samples, layer]),
        Theorem("N19 5.1", [chain, bijective, shifts, samples, first, from_2]),
        Theorem("N19 6.1 descent", [chain, shifts, samples, all_n]),
        Theorem("N19 6.1 path", [chain, shifts, samples, all_2n]),
    ]


def independent_samples(problem: Problem) -> Assumption:
    """rank [X, 1] = N."""
    _, premise, _ = theorem_3_2(problem)
    found = Assumption.of("rank [X, 1] = N", [premise])
    X = problem.data.train.x.flatten(1)
    if found.answer == NO and len(X) <= X.shape[1] + 1:
        return Assumption(found.name, OPEN, f"{found.words}, to rounding")
    return found


def thesis_chapter_2(problem: Problem, net: Net | None) -> list[Theorem]:
    N, widths = len(problem.data.train), widths_of(problem)
    chain = Assumption.of("dense layers with biases", [dense(problem)])
    samples = Assumption.of("distinct samples", [distinct(problem)])
    shape = f"the widths are {'-'.join(map(str, widths))} and N = {N}"
    wide_layers = [k for k in range(1, len(widths)) if widths[k - 1] >= N]
    k = next((k for k in wide_layers if sorted(widths[k:], reverse=True) == widths[k:]), 0)
    return [
        Theorem(
            "T19 2.4.4",
            [
                chain,
                samples,
                activation(problem, ("relu", *ANALYTIC)),
                Assumption.that("N neurons in a hidden layer", bool(wide_layers), shape),
            ],
        ),
        Theorem(
            "T19 2.4.12",
            [
                chain,
                samples,
                activation(problem, ANALYTIC),
                loss(problem, "square"),
                Assumption.that("N neurons in a layer, no widening above", k > 0, shape),
                *([full_ranks(net, k)] if net is not None and k > 0 else []),
            ],
        ),
    ]


def full_ranks(net: Net, k: int) -> Assumption:
    """Whether the model lies in S_k."""
    F = net.features(k)
    low = [f"rank F_{k} is {rank(F)} and N = {len(F)}"] * (rank(F) < len(F))
    low += [
        f"W_{l} has rank {rank(W)} of {min(W.shape)}"
        for l, W in enumerate(net.W[k + 1 :], start=k + 2)
        if rank(W) < min(W.shape)
    ]
    name = f"the model in S_{k}"
    return Assumption(name, OPEN, f"{low[0]}, to rounding") if low else Assumption.that(name, True)


def freeman_bruna_2017(problem: Problem) -> list[Theorem]:
    """2.2 as it is true, of any convex loss, with biases or without; 2.4 without a penalty.

    With one, incoming weights may have norm 1 at most (`largest_incoming_norm`).
    """
    assert problem.layered is not None
    layers, sizes = problem.layered.layers, widths_of(problem)
    flat = Assumption.that("dense layers", not any(one.convolution for one in layers))
    return [
        Theorem(
            "FB17 2.2",
            [
                flat,
                activation(problem, ("linear",)),
                Assumption.of("hidden widths above the least of inputs and outputs", [wide_enough(problem)]),
            ],
        ),
        Theorem(
            "FB17 2.4",
            [
                flat,
                Assumption.that("one hidden layer", len(sizes) == 2, f"it has {len(sizes) - 1}"),
                activation(problem, ("relu",)),
            ],
        ),
    ]


def incoming(problem: Problem, theta: Tensor) -> float:
    """The largest norm of a first layer's neuron's incoming weights, bias included."""
    return float(Weights.of(problem, theta).into_units.norm(dim=1).max())


def activation(problem: Problem, known: Collection[str]) -> Assumption:
    assert problem.layered is not None
    names = dict.fromkeys(activation_name(one.activation) for one in problem.layered.layers[:-1])
    return Assumption.that(f"activation {' or '.join(known)}", set(names) <= set(known), f"it is {', '.join(names)}")


def loss(problem: Problem, name: str) -> Assumption:
    return Assumption.that(f"{name} loss", problem.loss.name == name, f"it is {problem.loss.name}")
