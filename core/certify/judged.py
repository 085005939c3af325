"""Whether a curve is of the family `Prescribed` and fits network and knots: what `identity` takes for granted."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.curves.prescribed import Prescribed
from core.networks.activations import leaky_slope
from core.networks.layered import Layer
from core.path import Segment
from core.problem import Problem


class RefusedError(Exception):
    """Why a claim is refused, as a sentence."""


@dataclass(frozen=True)
class Judged:
    """A curve that moves layers s..k of a network. `ends` (2, P) are the knots."""

    problem: Problem
    curve: Prescribed
    ends: Tensor
    s: int

    @property
    def k(self) -> int:
        return self.s + len(self.curve.F) - 1

    @property
    def depth(self) -> int:
        assert self.problem.layered is not None
        return self.problem.layered.depth

    def layer(self, l: int) -> Layer:
        assert self.problem.layered is not None
        return self.problem.layered.layers[l - 1]

    def knot(self, l: int, i: int) -> tuple[Tensor, Tensor]:
        """W_l (n_{l-1}, n_l) and b_l of the start (i = 0) or the end (i = 1)."""
        named, layer = self.problem.layout.split(self.ends[i : i + 1]), self.layer(l)
        return named[layer.weight][0].T, named[str(layer.bias)][0]


def fitted(problem: Problem, segment: Segment, ends: Tensor) -> Judged:
    """The curve with its place in the network. Raises RefusedError where it has none, or anything else moves."""
    curve = _curve(segment)
    if problem.layered is None:
        raise RefusedError(f"the network has no view by layers, which identity claims need{problem.because}")
    expected = [_place(problem, l) for l in range(1, problem.layered.depth + 1)]
    rows = [tuple(row) for row in curve.places.tolist()]
    s = expected.index(rows[0]) + 1 if rows[0] in expected else 1
    judged = Judged(problem, curve, ends, s)
    if expected[s - 1 : judged.k] != rows or None in expected[judged.k :] or curve.parameters != problem.layout.total:
        raise RefusedError("the layers that the curve moves are not dense layers of this network, one after the other")
    if curve.output != (judged.k == judged.depth) or len(curve.D) != len(problem.data.train):
        raise RefusedError("the curve is made for another depth, or for another number of samples")
    for l in range(s, judged.k + (not curve.output)):
        if leaky_slope(judged.layer(l).activation) != curve.slope:
            raise RefusedError(f"layer {l}: its activation is not leaky ReLU of slope {curve.slope:g}")
    _require_knots(judged)
    return judged


def _curve(segment: Segment) -> Prescribed:
    curve = segment.curve
    if type(curve) is not Prescribed:
        family = "a straight line" if curve is None else f"of the unknown family {curve.family!r}"
        raise RefusedError(f"identity is claimed of curves on which features are prescribed, and this one is {family}")
    numbers = [one for name, one in curve.tensors().items() if name not in ("places", "parameters", "output")]
    if any(one.dtype != torch.float64 or not bool(torch.isfinite(one).all()) for one in (segment.start, *numbers)):
        raise RefusedError("the curve and its ends are not all finite and in float64")
    return curve


def _place(problem: Problem, l: int) -> tuple[int, ...] | None:
    """Where layer l lies in theta, as `Prescribed.places` has it; None for layers that the rule does not speak of."""
    assert problem.layered is not None
    layer, layout = problem.layered.layers[l - 1], problem.layout
    names = [name for one in problem.layered.layers for name in (one.weight, one.bias)]
    shared = names.count(layer.weight) > 1 or names.count(layer.bias) > 1
    if layer.convolution or layer.pools or layer.block > 1 or layer.bias is None or shared:
        return None
    return layout.begin(layer.weight), layout.begin(layer.bias), layer.inputs, layer.outputs


def _require_knots(judged: Judged) -> None:
    """Layers above s are at both knots those of the curve, bit for bit, and what it doesn't move is equal."""
    curve, s, ends = judged.curve, judged.s, judged.ends
    still = torch.ones(ends.shape[1], dtype=torch.bool, device=ends.device)
    for weight, bias, n, m in curve.places.tolist():
        still[weight : weight + n * m] = still[bias : bias + m] = False
    if not torch.equal(ends[0, still], ends[1, still]):
        raise RefusedError(f"parameters outside of layers {s} to {judged.k} move")
    for l in range(s + 1, judged.k + 1):
        for i in (0, 1):
            W, b = judged.knot(l, i)
            if not (torch.equal(W, curve.W[l - 1 - s].at(float(i))) and torch.equal(b, curve.b[l - 1 - s][i])):
                raise RefusedError(f"layer {l}: its parameters at the ends are not those of the curve")
