"""Weights that float64 likes, reached from below at constant outputs: for deep networks of a small slope.

A curve of Theorem 3.2 inverts the activation in every layer from s on. Where prescribed features are negative that
multiplies by 1 / slope, layer by layer: by 1e8 in four layers of slope 0.01. Positive features are left alone. So let

    W_l have orthonormal columns, times a size, that are orthogonal to the vector of ones, for l = s+1..L

(there are such, since n_{l-1} > n_l). Then F_{l-1} may be raised by any constant and F_{l-1} W_l stays. From below, for
one l after the other, W_l turns while F_l is constant (Lemma 3.3 with k = l), then F_{l-1} is raised, by its own bias.
While W_l turns, F_{l-1} has any sign and its pre-activations are 1 / slope times as large; the layers below are raised
already, so that this is small against them: no layer multiplies what another has multiplied.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from core.methods.method import Construction
from core.methods.wide.lifting import Lift, deficient, freed_rows
from core.methods.wide.net import Net
from core.methods.wide.route import Route
from core.path import Claim
from core.progress import Reporter

RAISED = 3.0  # times 1 / slope and the size of features: by how much they are raised


def direct_or_settled(way: Callable[[bool], Construction], there_is: bool, reporter: Reporter) -> Construction:
    """The direct way, or the settled one, `way(True)`, where float64 follows that alone; of two failures the direct."""
    direct = way(False)
    if direct.gaps is None or not there_is:
        return direct
    reporter.say(f"Float64 can't follow the direct way, {direct.gaps}: another one is tried, through other weights.")
    settled = way(True)
    return settled if settled.gaps is None else direct


def standard_weights(net: Net, s: int) -> dict[int, Tensor]:
    """For layers l > s the weights of the form above that are nearest to the network's, as large as these."""
    found = {}
    for l in range(s + 1, net.depth + 1):
        W = net.W[l - 1]
        ones = W.new_ones(len(W), 1)
        basis = torch.linalg.qr(ones, mode="complete").Q[:, 1:]  # of what is orthogonal to the ones
        u, _, vh = torch.linalg.svd(basis.T @ W, full_matrices=False)
        size = float(torch.linalg.matrix_norm(W)) / W.shape[1] ** 0.5 or 1.0
        found[l] = size * (basis @ u @ vh)
    return found


def settle(route: Route, lift: Lift, weights: dict[int, Tensor]) -> None:
    """Layers s+1..L get the given weights and the features below them are raised; the outputs stay."""
    for l, W in weights.items():
        if l in deficient(route.here, lift.s):
            repair_layer(route, lift, l)
        route.say(f"the weight of layer {l} turns, and the features below are raised.")
        turned = route.here.changed(l, W)
        F, b = route.here.features(l - 1), turned.b[l - 1]
        Z = lift.preactivation(turned, l, route.here.features(l))
        B = F + (Z - b - F @ W) @ W.T / float(W[:, 0].square().sum())
        route.lift(lift.preimage(turned, l - 1, B), lift, l)
        route.lift(raise_features(route.here, lift, l - 1, RAISED / lift.slope * (1 + float(B.abs().max()))), lift, l)


def raise_features(net: Net, lift: Lift, l: int, c: float) -> Net:
    """F_l is larger by c, which the layer above doesn't see."""
    F = net.features(l) + c
    if l > lift.s:
        net = net.changed(l, net.W[l - 1], net.b[l - 1] + c)
    return lift.preimage(net, l, F)


def repair(route: Route, lift: Lift) -> None:
    """Lemma 3.4: full column rank for all weights above layer s, one after the other from below."""
    for l in deficient(route.here, lift.s):
        repair_layer(route, lift, l)


def repair_layer(route: Route, lift: Lift, l: int) -> None:
    """Lemma 3.4 for W_l; those below have full column rank."""
    route.say(f"the weight of layer {l} gets full column rank.")
    A, W = freed_rows(route.here.features(l - 1), route.here.W[l - 1])
    route.lift(lift.preimage(route.here, l - 1, A), lift, l - 1)
    route.go(route.here.changed(l, W), Claim.DATA_INVARIANT)
