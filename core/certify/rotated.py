"""The rules for identity claims on an `Arc` or a `Turn` of a linear network with one hidden layer.

`core.curves.rotating` states the families; nothing else is taken from whoever made the curve. On both the ends are the
path's knots bit for bit, but for what float64 makes of the turned weights, and hidden biases are zero.

*Arc.* With s = sin^2(pi t/2) and cos sin <= 1/2, in real numbers,

    outputs(t) = (1 - s) outputs(0) + s outputs(1) + cos sin X (W_1(0) W_2(1) + W_1(1) W_2(0)),

so they are within 1/2 |X (W_1(0) W_2(1) + W_1(1) W_2(0))| of their chord in s, entry by entry.

*Turn.* B(t) is orthogonal. With V^T V = 1 + E, R = 1 + V (B - 1) V^T has R^T R - 1 = V (B^T - 1) E (B - 1) V^T, a norm
of at most 4 |E| |V|^2. Let the end be off W_1 R(1)^T and R(1) W_2 by D_1 and D_2; the path adds t times that. So
outputs are within |x W_1| 4 |E| |V|^2 |W_2| + |x D_1| |R| |W_2| + (|x W_1| |R| + |x D_1|) |D_2| of those at the start,
sample by sample, with |R| <= 1 + 2 |V|^2.

A convex loss is largest at an end of a chord; what it may gain within such a distance is the drift, as for
`Prescribed`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.certify.claims import DRIFT, RESIDUAL, Finding
from core.certify.curved import gain_at_ends, random_points, require_right_view
from core.certify.judged import RefusedError
from core.certify.magnitude import CEILING
from core.certify.rounding import SAFETY, TINY, gamma, length, lengths
from core.curves.rotating import Arc, Turn
from core.networks.activations import leaky_slope
from core.networks.layered import Layer
from core.path import Segment
from core.problem import Problem

POINTS = 33  # at random, at which outputs are looked at beside the proof


def rotated(problem: Problem, segment: Segment, curve: Arc | Turn, ends: Tensor) -> Finding:
    """Whether the claim of a segment between `ends` (2, P), finite and in float64, holds."""
    try:
        require_fit(problem, segment, curve, ends)
        delta = arc_deviation(problem, ends) if isinstance(curve, Arc) else turn_deviation(problem, curve, ends)
        off, allowed = looked(problem, segment, ends)
    except RefusedError as refusal:
        return Finding(False, str(refusal))
    drift = gain_at_ends(problem, ends, delta, lengths(delta[None]))
    limit = DRIFT * (1 + float(problem.losses(ends).max()))
    if not drift <= limit:
        return Finding(
            False, f"outputs off their chord may raise the loss by {drift:.2g}, over {limit:.2g}", off, drift
        )
    points = f"on {POINTS} points outputs are off by {off:.2g}"
    if not off <= allowed:
        return Finding(False, f"{points}, over {allowed:.2g}: float64 can't follow this curve", off, drift)
    proven = f"outputs are on their chord for every t, to {float(delta.max()):.2g}"
    return Finding(True, f"{proven}; {points}; the loss may gain {drift:.2g}", off, drift)


def require_fit(problem: Problem, segment: Segment, curve: Arc | Turn, ends: Tensor) -> None:
    """Raise RefusedError where network, curve and knots don't fit each other as the rules take for granted."""
    layers, layout = _two_linear_layers(problem), problem.layout
    named = layout.split(ends)
    if layers[0].bias is not None and bool(named[layers[0].bias].any()):
        raise RefusedError("a hidden bias is not zero")
    numbers = [one for one in curve.tensors().values() if one.is_floating_point()]
    if any(one.dtype != torch.float64 or not bool(torch.isfinite(one).all()) for one in (segment.start, *numbers)):
        raise RefusedError("the curve and its ends are not all finite and in float64")
    if isinstance(curve, Arc):
        squared = layout.marks(layers[1].bias).to(ends.device)
        if not torch.equal(curve.ends, ends) or not torch.equal(curve.squared, squared):
            raise RefusedError("the arc is not one between these ends, with the output layer's bias by squares")
        return
    places = [[layout.begin(one.weight), one.outputs, one.inputs] for one in layers]
    if curve.places.tolist() != places or not torch.equal(curve.start, ends[0]):
        raise RefusedError("the turn does not start at this knot, or turns something else than both weights")
    still = ~(layout.marks(layers[0].weight) | layout.marks(layers[1].weight)).to(ends.device)
    if not torch.equal(ends[0, still], ends[1, still]):
        raise RefusedError("a bias moves")


def _two_linear_layers(problem: Problem) -> tuple[Layer, ...]:
    """Both layers. Raises RefusedError where the network is not what the rules speak of."""
    assert problem.layered is not None
    layers = problem.layered.layers
    if len(layers) != 2 or any(
        one.convolution or one.pools or one.block > 1 or leaky_slope(one.activation) != 1 for one in layers
    ):
        raise RefusedError("the network is not linear with one hidden layer")
    used = [name for one in layers for name in (one.weight, one.bias) if name is not None]
    if sorted(used) != sorted(problem.layout.names):
        raise RefusedError("the network has parameters that belong to no layer, or to several")
    return layers


def _weights(problem: Problem, end: Tensor) -> tuple[Tensor, Tensor]:
    """W_1 (n_0, h) and W_2 (h, n_L)."""
    assert problem.layered is not None
    named = problem.layout.split(end[None])
    first, second = (named[one.weight][0].T for one in problem.layered.layers)
    return first, second


def arc_deviation(problem: Problem, ends: Tensor) -> Tensor:
    """How far outputs (N, C) may be from their chord, entry by entry."""
    X = problem.data.train.x.flatten(1)
    (A_1, A_2), (B_1, B_2) = (_weights(problem, end) for end in ends)
    cross = (X @ A_1) @ B_2 + (X @ B_1) @ A_2
    size = (X.abs() @ A_1.abs()) @ B_2.abs() + (X.abs() @ B_1.abs()) @ A_2.abs()
    n = sum(A_1.shape) + 16
    return _finite((cross.abs() + gamma(n) * size + n * TINY) / 2 * SAFETY)


def turn_deviation(problem: Problem, curve: Turn, ends: Tensor) -> Tensor:
    """The same on a turn, of the outputs (N, C) at the start; each row's Euclidean norm, shared out evenly."""
    X = problem.data.train.x.flatten(1)
    turned = Turned.of(problem, curve, ends)
    W_1, W_2 = turned.weights
    D_1, _ = turned.missed
    round_1, _ = turned.rounding
    _, d_2 = turned.off
    R, w_2 = turned.norm, length(W_2)
    x_W, x_D = _rows(X, W_1), _rows(X, D_1) + lengths(X[None]) * round_1
    off = x_W * turned.stretch * w_2 + x_D * R * w_2 + (x_W * R + x_D) * d_2
    return _finite((off * SAFETY)[:, None].expand(-1, W_2.shape[1]) / W_2.shape[1] ** 0.5)


@dataclass(frozen=True)
class Turned:
    """What is known of a turn: W_1 and W_2 at its start, and by how much D_1, D_2 its end isn't where they turn to.

    |R^T R - 1| is at most `stretch`, |R| at most `norm`; `rounding` is what float64 may be off in a turned weight.
    """

    weights: tuple[Tensor, Tensor]
    missed: tuple[Tensor, Tensor]
    stretch: float
    norm: float
    rounding: tuple[float, float]

    @property
    def off(self) -> tuple[float, float]:
        """How far the weights at the end are from the turned ones, at most."""
        (D_1, D_2), (round_1, round_2) = self.missed, self.rounding
        return length(D_1) + round_1, length(D_2) + round_2

    @classmethod
    def of(cls, problem: Problem, curve: Turn, ends: Tensor) -> "Turned":
        V = curve.V
        (W_1, W_2), (end_1, end_2) = (_weights(problem, end) for end in ends)
        h, v = len(W_2), length(V)
        E = length(V.T @ V - torch.eye(V.shape[1]).to(V)) + gamma(h + 16) * v**2
        R = 1 + 2 * v**2
        missed = (end_1 - curve.turned(W_1.T, 1.0).T, end_2 - curve.turned(W_2, 1.0))
        round_1, round_2 = (gamma(4 * h + 64) * R * length(W) for W in (W_1, W_2))
        return cls((W_1, W_2), missed, 4 * E * v**2, R, (round_1, round_2))


def ridge_at_ends(problem: Problem, curve: Arc | Turn, ends: Tensor) -> tuple[float, float]:
    """|W_1|^2 + |W_2|^2 is nowhere above the chord of these two in s = sin^2(pi t/2), on a curve that fits.

    On an arc it is its chord and 2 cos sin <A, B>, <A, B> the product of the weights at the ends; on a turn
    |W R^T|^2 <= |W|^2 (1 + |R^T R - 1|), and the path adds what the end is off.
    """
    if isinstance(curve, Turn):
        turned = Turned.of(problem, curve, ends)
        stretch = (1 + SAFETY * turned.stretch) ** 0.5
        grown = [(length(W) * stretch + SAFETY * off) ** 2 for W, off in zip(turned.weights, turned.off, strict=True)]
        most = sum(grown) * (1 + 2 * gamma(ends.shape[1] + 64))
        return most, most
    both = torch.stack([torch.cat([W.flatten() for W in _weights(problem, end)]) for end in ends])
    n = both.shape[1]
    first, last = both.square().sum(1)
    cross = (both[0] @ both[1]).abs() + gamma(n + 16) * (both[0].abs() @ both[1].abs())
    up = 1 + 2 * gamma(n + 64)
    return float((first + cross) * up), float((last + cross) * up)


def _rows(X: Tensor, W: Tensor) -> Tensor:
    """Row norms (N,) of X W, with their rounding."""
    return lengths((X @ W)[None]) + gamma(len(W) + 16) * lengths(X[None]) * length(W)


def _finite(delta: Tensor) -> Tensor:
    if not bool((delta <= CEILING).all()):
        raise RefusedError("its outputs can't be shown to stay finite")
    return delta


def looked(problem: Problem, segment: Segment, ends: Tensor) -> tuple[float, float]:
    """The largest distance of outputs from their chord seen at random points, and what is allowed of it."""
    t = random_points(ends, POINTS)
    require_right_view(problem, segment, t)
    x = problem.data.train.x
    first, last = problem.outputs(ends, x)
    off = 0.0
    for at in t:
        s = float((at * torch.pi / 2).sin() ** 2)
        off = max(off, float((problem.outputs(segment.at(at[None]), x)[0] - torch.lerp(first, last, s)).abs().max()))
    return off, RESIDUAL * (1 + float(torch.stack([first, last]).abs().max()))
