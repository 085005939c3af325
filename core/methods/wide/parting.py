"""Distinct rows of F_1, ..., F_{k-1}: what Theorem 4.2 of Nguyen 2019 asks below its wide layer k.

Let the samples be distinct and the activation strictly monotonic. Parameters for which two rows of F_l are equal have
measure zero, so the paper starts from a point nearby. Here layers are taken from below, F_{l-1} having distinct rows:

- Where rank(F_l) < n_l, a neuron is not needed (Lemma 4.3): it is freed, and random incoming weights tell all samples
  apart. The outputs stay, so this costs nothing.
- Where all neurons are needed, W_l and b_l move on a line, so that pre-activations change by R. What the loss may gain
  is bounded by the checker's rule for such a move (*enclosed*), and the step is halved until that is at most `delta`
  shared out among the layers.
"""

import torch

from core.certify import decide
from core.errors import RunError
from core.methods.wide.freeing import drawn, free
from core.methods.wide.net import Net
from core.methods.wide.ranks import independent
from core.methods.wide.route import Route
from core.path import Claim, Segment

HALVINGS = 40


def part_samples(route: Route, k: int, delta: float, generator: torch.Generator) -> None:
    """Rows of F_1, ..., F_{k-1} become distinct; the loss gains at most `delta`.

    Raises RunError where a step that small doesn't tell all samples apart in float64.
    """
    for l in range(1, k):
        if (twice := repeated_rows(route.here, l)) == 0:
            continue
        route.say(f"{twice} samples have the same features in layer {l} as others: they are told apart.")
        order, r = independent(route.here.features(l))
        below = route.here.features(l - 1)
        if r < len(order):
            free(route, l, order[:r])
            route.go(drawn(route.here, l, below, order[r:], generator), Claim.INVARIANT)
        else:
            towards = drawn(route.here, l, below, order, generator)
            route.go(move_layer(route.here, towards, l, delta / (k - 1)), Claim.ENCLOSED)
        if (left := repeated_rows(route.here, l)) > 0:
            raise RunError(
                "ill-conditioned",
                f"Rows of F_{l} can't be told apart where the loss may rise by {delta:g}: {left} still repeat others.",
            )


def repeated_rows(net: Net, l: int) -> int:
    """Rows of F_l that repeat others."""
    F = net.features(l)
    return len(F) - len(torch.unique(F, dim=0))


def move_layer(net: Net, towards: Net, l: int, delta: float) -> Net:
    """The network with layer l changed by part of what `towards` has there, at a cost of `delta` or less.

    The full step changes pre-activations by about 1, the next ones by half of the one before.
    """
    start = net.theta
    allowed = float(net.problem.losses(start[None])[0]) + delta
    for halving in range(HALVINGS):
        step = 0.5**halving
        W, b = (one + step * other for one, other in zip(net.layer(l), towards.layer(l), strict=True))
        end = net.changed(l, W, b)
        bound = decide(net.problem, Segment(start, end.theta, Claim.ENCLOSED)).bound
        if bound is not None and bound <= allowed:
            return end
    return net
