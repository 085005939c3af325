"""Rays in a level set: networks as large as one likes with the outputs of one model on its training data.

Nguyen 2019, second statements of Theorems 3.2, 4.2 and 5.1: level sets have no bounded part. From a model a path of
constant loss leads to where at(1) is, and at(s), s >= 1, goes on from there at constant loss, its norm without limit.

    5.1      neurons of a hidden layer k that its features don't need, rank(F_k) < n_k, are freed (Lemma 4.3), then all
             that they read is multiplied by s. (Of the theorem's assumptions only this is used, and k = 1 there.)
    3.2      leaky ReLU, rank [X, 1] = N, n_1 > ... > n_L: W_2 gets full rank (Lemma 3.4), layer 1 becomes the h of
             Lemma 3.3 for k = 2, then W_2 is multiplied by s and layer 1 stays h, which keeps F_2
    scaling  ReLU, leaky ReLU or linear (the remark after Theorem 4.2): act(s z) = s act(z), so a hidden layer is
             multiplied by s and the weight above it divided by s

The first two are segments that the checker decides, invariant and identity. The third is none; where s is a power of
two, though, float64 multiplies without rounding, and the outputs are equal bit for bit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.methods.method import Premise
from core.methods.wide.assumptions import Assumptions, theorem_3_2
from core.methods.wide.freeing import drawn, free
from core.methods.wide.lifting import Lift
from core.methods.wide.net import Net
from core.methods.wide.ranks import independent
from core.methods.wide.route import Route
from core.methods.wide.settling import repair
from core.networks.activations import leaky_slope
from core.path import Claim
from core.problem import Problem


@dataclass(frozen=True)
class Ray:
    """The way from a model to where its ray begins, and the ray; `claim` is what at(1) to at(s) claims, if anything."""

    route: Route
    at: Callable[[float], Net]
    claim: Claim | None
    lift: Lift | None = field(default=None)

    def through(self, nets: Sequence[Net]) -> Route:
        """The way from the model along the ray, through networks on it: from one to the next W_2 keeps its size."""
        assert self.claim is not None
        found = Route(list(self.route.nets), list(self.route.claims), dict(self.route.lifts))
        for net in nets:
            if self.lift is None:
                found.go(net, self.claim)
            else:
                found.lift(net, self.lift, 2)
        return found


def assumptions(net: Net) -> dict[str, Assumptions]:
    """What each ray needs, the simplest ray first."""

    def freed(_: Problem) -> Iterator[Premise]:
        ranks = [(l, independent(net.features(l))[1], net.W[l - 1].shape[1]) for l in range(1, net.depth)]
        measured = "; ".join(f"F_{l} has rank {r} and layer {l} {n} neurons" for l, r, n in ranks)
        claim = "a hidden layer has more neurons than its features have rank"
        yield Premise(claim, any(r < n for _, r, n in ranks), measured)

    def scaled(problem: Problem) -> Iterator[Premise]:
        assert problem.layered is not None
        known = [
            one.activation is torch.relu or leaky_slope(one.activation) is not None for one in problem.layered.layers
        ]
        yield Premise("the activation is homogeneous", all(known), "only relu, leaky_relu and linear are known to be")
        moving = any(bool(W.any() or b.any()) for W, b in zip(net.W[:-1], net.b[:-1], strict=True))
        yield Premise("a hidden layer has parameters other than zero", moving)

    return {"5.1": freed, "3.2": theorem_3_2, "scaling": scaled}


def ray_by(theorem: str, net: Net, generator: torch.Generator) -> Ray:
    """The ray from a network, by what is named: its assumptions hold."""
    match theorem:
        case "5.1":
            return freed_ray(net, generator)
        case "3.2":
            return lifted_ray(net)
        case _:
            return scaled_ray(net)


def freed_ray(net: Net, generator: torch.Generator) -> Ray:
    """Dead neurons of the first layer that has any to spare read what they like; they read something first."""
    route = Route([net])
    spare = {l: independent(net.features(l)) for l in range(1, net.depth)}
    k = next(l for l, (order, r) in spare.items() if r < len(order))
    order, r = spare[k]
    free(route, k, order[:r])
    dead, (W, b) = order[r:], net.layer(k)
    if not bool(W[:, dead].any() or b[dead].any()):
        route.go(drawn(route.here, k, route.here.features(k - 1), dead, generator), Claim.INVARIANT)
    start = route.here
    factors = torch.zeros(W.shape[1], dtype=W.dtype, device=W.device)
    factors[dead] = 1.0

    def at(s: float) -> Net:
        times = 1 + (s - 1) * factors
        return start.changed(k, start.W[k - 1] * times, start.b[k - 1] * times)

    return Ray(route, at, Claim.INVARIANT)


def lifted_ray(net: Net) -> Ray:
    """W_2 grows and layer 1 makes up for it."""
    route, lift = Route([net]), Lift.above(net, 1)
    repair(route, lift)
    F: Tensor = route.here.features(2)
    route.lift(lift.h(route.here, 2, F), lift, 2)
    start = route.here

    def at(s: float) -> Net:
        return start if s == 1 else lift.h(start.changed(2, s * start.W[1]), 2, F)

    return Ray(route, at, Claim.IDENTITY, lift)


def scaled_ray(net: Net) -> Ray:
    """The hidden layer of the largest norm grows, the weight above it shrinks."""
    k = max(range(1, net.depth), key=lambda l: float(net.W[l - 1].norm() + net.b[l - 1].norm()))

    def at(s: float) -> Net:
        return net.changed(k, s * net.W[k - 1], s * net.b[k - 1]).changed(k + 1, net.W[k] / s)

    return Ray(Route([net]), at, None)
