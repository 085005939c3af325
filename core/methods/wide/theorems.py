"""Nguyen 2019, Theorems 3.2, 5.1 and 6.1, and the one construction behind them.

For any two parameter vectors of a dense network with biases, N training samples and a loss that is convex in the
outputs, a path that is nowhere above the larger end exists if

    3.2   leaky ReLU or linear (2.1: strictly monotonic, onto R), rank [X, 1] = N, n_1 > ... > n_L
    5.1   leaky ReLU (2.1 and 2.2), distinct samples, n_1 >= 2 N, n_2 > ... > n_L
    6.1   ReLU, leaky ReLU or ELU (2.2: no weighted sum of its own shifts), distinct samples, n_1, ..., n_{L-1} >= 2 N

All are one construction with another layer s: the layers below s, wide ones, get features of full rank and become equal
in both networks (`freeing`); the layers from s on are joined by `lifting`. s = 1, 2 and L. Without any theorem nothing
is said of a pair: fewer neurons than asked for do not mean that there is no path.
"""

import torch

from core.methods.wide.assumptions import Assumptions, theorem_3_2, theorem_5_1, theorem_6_1, widths_of
from core.methods.wide.freeing import copy_layer, make_full_rank
from core.methods.wide.lifting import Lift
from core.methods.wide.net import Net
from core.methods.wide.route import Route
from core.methods.wide.settling import repair, settle, standard_weights
from core.path import Claim
from core.problem import Problem
from core.progress import Reporter, SilentReporter

THEOREMS: dict[str, Assumptions] = {
    "3.2": theorem_3_2,
    "5.1": theorem_5_1,
    "6.1": theorem_6_1,
}


def first_layer_that_follows(theorem: str, problem: Problem) -> int:
    """The layer s of a theorem."""
    return {"3.2": 1, "5.1": 2, "6.1": len(widths_of(problem))}[theorem]


def join(
    a: Net, b: Net, s: int, generator: torch.Generator, settled: bool = False, reporter: Reporter | None = None
) -> Route:
    """From a to b: layers below s by Lemmas 4.3, 5.2 and 5.3, the others by Theorem 3.2 (s = L: by a straight line).

    With `settled` the weights above s become those that float64 likes first: a longer path.
    """
    reporter = reporter or SilentReporter()
    there, back = (Route([net], reporter=reporter, whose=f"From {name}: ") for name, net in (("a", a), ("b", b)))
    for k in range(1, s):
        make_full_rank(back, k, generator)
    for k in range(1, s):
        make_full_rank(there, k, generator)
        copy_layer(there, k, back.here)
    reporter.say(f"The outputs of both are joined by a line; layer {s} follows.")
    if s == a.depth:
        there.go(back.here, Claim.CONVEX)
    else:
        lift = Lift.above(back.here, s)
        weights = standard_weights(back.here, s)
        for route in (there, back):
            if settled:
                settle(route, lift, weights)
            else:
                repair(route, lift)
        there.lift(back.here, lift, a.depth)
    there.back(back)
    return there
