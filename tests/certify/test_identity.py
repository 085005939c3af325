"""Identity claims: the true ones granted, the forged ones refused, each for its reason."""

from dataclasses import fields, replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify import Verdict, decide
from core.certify.identity import deviation
from core.certify.judged import fitted
from core.curves.prescribed import Prescribed, Still, Turning
from core.methods.wide.lifting import Lift, freed_rows
from core.methods.wide.net import Net
from core.path import Claim, Segment
from core.problem import Problem
from tests.core.wide import SLOPED, net_of, problem

T = torch.linspace(0, 1, 101, dtype=torch.float64)
NAMES = ["whole", "fibre", "first layer alone", "above a layer"]


def pair(text: str = f"fcn:9-7-5,{SLOPED}") -> tuple[Net, Net]:
    found = problem(text, 6, 6)
    return net_of(found, 0), net_of(found, 1)


def segment_of(start: Net, end: Net, k: int, s: int = 1) -> Segment:
    return Segment(start.theta, end.theta, Claim.IDENTITY, Lift.above(start, s).curve(start, end, k))


@cache
def true_segments() -> dict[str, tuple[Problem, Segment]]:
    """One of each kind; nobody changes them."""
    a, b = pair()
    lift = Lift.above(a, 1)
    found = {
        "whole": segment_of(a, b, 4),
        "fibre": segment_of(a, lift.h(a, 3, a.features(3)), 3),
        "first layer alone": segment_of(a, lift.preimage(a, 1, freed_rows(a.features(1), 0 * a.W[1])[0]), 1),
    }
    idle = a.changed(2, 0 * a.W[1])
    found["first layer alone"] = segment_of(idle, lift.preimage(idle, 1, 0 * a.features(1)), 1)
    above = Net(a.problem, (a.W[0], *b.W[1:]), (a.b[0], *b.b[1:]))
    found["above a layer"] = segment_of(a, above, 4, s=2)
    return {name: (a.problem, segment) for name, segment in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_true_claims_are_granted(name: str) -> None:
    found, segment = true_segments()[name]
    verdict = decide(found, segment)
    assert verdict.granted is Claim.IDENTITY, verdict.reason
    losses = found.losses(segment.at(T))
    assert verdict.bound == pytest.approx(float(torch.maximum(losses[0], losses[-1])))
    assert losses.max() <= verdict.bound + verdict.drift
    assert verdict.drift < 1e-8


@pytest.mark.parametrize("name", NAMES)
def test_the_proven_deviation_is_above_every_one_that_is_seen(name: str) -> None:
    found, segment = true_segments()[name]
    curve = segment.curve
    judged = fitted(found, segment, torch.stack([segment.start, segment.end]))
    F = found.features(segment.at(T), judged.k, found.data.train.x)
    off = (F - torch.lerp(curve.F[-1][0], curve.F[-1][1], T[:, None, None])).norm(dim=2).amax(0)
    rounding = 1e-12  # of the evaluation of the curve, which the bound leaves to the grids
    assert (off <= deviation(judged) + rounding).all()


@pytest.mark.parametrize("size", [1e-3, 1e-6])
def test_the_proven_deviation_holds_where_there_is_one(size: float) -> None:
    """Tensors that don't quite fit: the bound has to cover what the network really does."""
    found, segment = true_segments()["above a layer"]
    curve = segment.curve
    for forged in (
        replace(curve, D=curve.D + size * torch.rand_like(curve.D)),
        replace(curve, F=(curve.F[0] * (1 + size), *curve.F[1:])),
    ):
        bent = replace(segment, curve=forged)
        judged = fitted(found, bent, torch.stack([segment.start, segment.end]))
        F = found.features(bent.at(T), judged.k, found.data.train.x)
        off = (F - torch.lerp(forged.F[-1][0], forged.F[-1][1], T[:, None, None])).norm(dim=2).amax(0)
        assert (off <= deviation(judged)).all()
        assert off.max() > 1e-3 * size


@pytest.mark.parametrize("name", ["whole", "above a layer"])
def test_the_proven_deviation_covers_other_data(name: str) -> None:
    """Everything fits but the data, which is not quite what D says."""
    found, segment = true_segments()[name]
    x = found.data.train.x
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    data = replace(found.data, train=replace(found.data.train, stored=x + 1e-5 * noise))
    other = Problem(found.network, data, found.loss, found.layered)
    judged = fitted(other, segment, torch.stack([segment.start, segment.end]))
    F = other.features(segment.at(T), judged.k, data.train.x)
    off = (F - torch.lerp(segment.curve.F[-1][0], segment.curve.F[-1][1], T[:, None, None])).norm(dim=2).amax(0)
    assert off.max() > 1e-6
    assert (off <= deviation(judged)).all()
    refused(other, segment)


def test_curves_have_no_jumps_at_their_ends_even_where_tensors_do_not_fit() -> None:
    curve = true_segments()["whole"][1].curve
    bent = replace(curve, F=(*curve.F[:-1], curve.F[-1] + 1.0))
    near = torch.tensor([1e-9, 1 - 1e-9], dtype=torch.float64)
    assert bent.points(near).abs().max() < 1e-5


@settings(max_examples=150)
@given(st.sampled_from(NAMES), st.integers(0, 99), st.integers(-16, 1), st.integers(0, 2**31))
def test_whatever_is_granted_is_true(name: str, which: int, power: int, seed: int) -> None:
    """One tensor of a curve is disturbed by any amount: refused, or within what was granted."""
    found, segment = true_segments()[name]
    tensors = segment.curve.tensors()
    names = sorted(tensors.keys() - {"places", "parameters", "output", "slope"})
    chosen = names[which % len(names)]
    noise = torch.randn(tensors[chosen].shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if chosen.startswith("P"):
        noise = noise + noise.mT
    try:
        curve = Prescribed.of({**tensors, chosen: tensors[chosen] + 10.0**power * noise})
    except ValueError:  # it turns too fast
        return
    disturbed = replace(segment, curve=curve)
    verdict = decide(found, disturbed)
    if verdict.granted is not None:
        losses = found.losses(disturbed.at(T))
        assert losses.max() <= verdict.bound + verdict.drift + 1e-12
        judged = fitted(found, disturbed, torch.stack([segment.start, segment.end]))
        F = found.features(disturbed.at(T), judged.k, found.data.train.x)
        off = (F - torch.lerp(curve.F[-1][0], curve.F[-1][1], T[:, None, None])).norm(dim=2).amax(0)
        assert (off <= deviation(judged) + 1e-11).all()


# ---- forged


def refused(found: Problem, segment: Segment) -> Verdict:
    verdict = decide(found, segment)
    assert (verdict.granted, verdict.bound) == (None, None), verdict.reason
    return verdict


def forged(change: str) -> tuple[Problem, Segment]:
    """The whole curve with one thing wrong."""
    found, segment = true_segments()["whole"]
    curve = segment.curve
    turn: Turning = curve.W[0]
    eye = torch.eye(turn.shape[1], dtype=torch.float64)
    flat, low = turn.V.clone(), turn.C.clone()
    flat[:, 0], low[:, 0] = flat[:, 1], low[:, 1]
    odd = turn.P.clone()
    odd[1, 0, 1] += 1e-9

    def with_(factors: Turning | Still) -> Prescribed:
        return replace(curve, W=(factors, *curve.W[1:]))

    curves = {
        "a rank that drops inside": with_(replace(turn, P=torch.stack([eye, eye - 2 * torch.diag(eye[0])]))),
        "equal columns in V": with_(replace(turn, V=flat)),
        "equal columns in C": with_(replace(turn, C=low)),
        "a factor that is not symmetric": with_(replace(turn, P=odd)),
        "other ends": with_(replace(turn, ends=turn.ends + 1e-15)),
        "what S leaves is large": with_(replace(turn, V=10 * turn.V, P=turn.P / 1000)),
        "a still weight": with_(Still(turn.ends[0])),
        "other biases": replace(curve, b=(curve.b[0] + 1e-9, *curve.b[1:])),
        "other features": replace(curve, F=(*curve.F[:-1], curve.F[-1] + 1e-4)),
        "features below": replace(curve, F=(curve.F[0] + 1e-4, *curve.F[1:])),
        "other data": replace(curve, D=curve.D + 1e-4),
        "dependent data": replace(curve, D=curve.D[[0, 0, 2, 3, 4, 5]]),
        "fewer samples": replace(curve, D=curve.D[:3], F=tuple(one[:, :3] for one in curve.F)),
        "another slope": replace(curve, slope=0.3),
        "not the last": replace(curve, output=False),
        "another place": replace(curve, places=curve.places + torch.tensor([0, -1, 0, 0])),
        "not finite": replace(curve, D=curve.D * float("nan")),
        "float32": replace(curve, D=curve.D.float()),
    }
    return found, replace(segment, curve=curves[change])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("a rank that drops inside", "layer 2: its weight can't be shown to keep full column rank"),
        ("equal columns in V", "layer 2: its weight can't be shown to keep full column rank"),
        ("equal columns in C", "layer 2: its weight can't be shown to keep full column rank"),
        ("what S leaves is large", "layer 2: its weight can't be shown to keep full column rank"),
        ("a factor that is not symmetric", "layer 2: a factor P of its curve is not symmetric"),
        ("other ends", "layer 2: its parameters at the ends are not those of the curve"),
        ("a still weight", "layer 2: its parameters at the ends are not those of the curve"),
        ("other biases", "layer 2: its parameters at the ends are not those of the curve"),
        ("other features", "what rounding leaves may raise the loss by"),
        ("features below", "what rounding leaves may raise the loss by"),
        ("other data", "what rounding leaves may raise the loss by"),
        ("dependent data", "[F_0, 1] can't be shown to have the rank 6 of its rows"),
        ("fewer samples", "for another depth, or for another number of samples"),
        ("another slope", "layer 1: its activation is not leaky ReLU of slope 0.3"),
        ("not the last", "for another depth, or for another number of samples"),
        ("another place", "are not dense layers of this network, one after the other"),
        ("not finite", "not all finite and in float64"),
        ("float32", "not all finite and in float64"),
    ],
)
def test_a_forged_curve_is_refused_for_what_is_wrong(change: str, sentence: str) -> None:
    assert sentence in refused(*forged(change)).reason


class Dipping(Prescribed):
    """Off its prescription between two points of any grid that is likely to be looked at."""

    def points(self, t: Tensor) -> Tensor:
        bump = torch.exp(-(((t - 0.123456789) * 1e7) ** 2))
        return super().points(t) + bump[:, None]


def test_a_curve_that_dips_between_grid_points_is_refused() -> None:
    found, segment = true_segments()["whole"]
    dipping = Dipping(**{one.name: getattr(segment.curve, one.name) for one in fields(segment.curve)})
    t = torch.tensor([0.123456789], dtype=torch.float64)
    assert found.losses(replace(segment, curve=dipping).at(t)) != found.losses(segment.at(t))
    assert "of the unknown family" in refused(found, replace(segment, curve=dipping)).reason


@pytest.mark.parametrize("where", ["above k", "below s", "the first layer"])
def test_what_the_curve_does_not_move_may_not_move(where: str) -> None:
    found, segment = true_segments()["above a layer" if where == "below s" else "fibre"]
    net = Net.of(found, segment.end)
    l = {"above k": 4, "below s": 1, "the first layer": 1}[where]
    moved = replace(segment, end=net.changed(l, net.W[l - 1] + 1e-3).theta)
    said = refused(found, moved).reason
    assert said.startswith("parameters outside of layers" if where != "the first layer" else "what rounding leaves")


def test_hidden_features_that_are_prescribed_must_be_constant_to_the_layer_above() -> None:
    a, _ = pair()
    lift = Lift.above(a, 1)
    moved = lift.preimage(a, 3, a.features(3) + 0.1)
    assert "may raise the loss" in refused(a.problem, segment_of(a, moved, 3)).reason


def test_a_straight_line_is_no_identity() -> None:
    found, segment = true_segments()["whole"]
    assert "this one is a straight line" in refused(found, replace(segment, curve=None)).reason


@pytest.mark.parametrize("angle", [4.0, 1e300, float("nan")])
def test_matrices_that_turn_too_fast_cannot_be_had(angle: float) -> None:
    turn = true_segments()["whole"][1].curve.W[0]
    with pytest.raises(ValueError, match="turns by more than pi"):
        replace(turn, angles=torch.full_like(turn.angles, angle))


def test_tensors_that_do_not_fit_cannot_be_had() -> None:
    curve = true_segments()["whole"][1].curve
    tensors = curve.tensors()
    for name, one in tensors.items():
        fewer = [] if name.startswith("angles") else [one.flatten()[:0]]  # a rotation by no angle is one
        for wrong in (*fewer, torch.stack([one, one])):
            with pytest.raises(ValueError):
                Prescribed.of({**tensors, name: wrong})
        rest = {key: value for key, value in tensors.items() if key != name}
        with pytest.raises((KeyError, ValueError)):
            Prescribed.of(rest)
