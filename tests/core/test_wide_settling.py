"""Deep networks of a small slope: through weights that float64 likes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.certify import certify
from core.methods.connect import connect
from core.methods.method import Task
from core.methods.wide.descent import descend
from core.methods.wide.lifting import Lift
from core.methods.wide.net import Net
from core.methods.wide.rounding import ill_conditioned
from core.methods.wide.route import Route
from core.methods.wide.settling import raise_features, settle, standard_weights
from core.methods.wide.theorems import join
from core.path import Claim
from core.specs.methods import Wide
from tests.core.wide import changed, net_of, off_the_line, problem, seeds

FLAT = "activation=leaky_relu,slope=0.01"
DEEP = f"fcn:14-12-10-8-6,{FLAT}"  # six layers


def deep(seed: int, how: str = "random", text: str = DEEP) -> Net:
    return changed(net_of(problem(text, 6, 6, seed=seed % 1000), seed), how)


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-9) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@given(seeds, st.sampled_from(["random", "zero", "twins", "far"]))
@settings(max_examples=20)
def test_standard_weights_are_orthonormal_and_do_not_see_constants(seed: int, how: str) -> None:
    net = deep(seed, how)
    for l, W in standard_weights(net, 1).items():
        size = float(W[:, 0].norm())
        assert size > 0
        close(W.T @ W / size**2, torch.eye(W.shape[1], dtype=torch.float64))
        close(W.sum(0) / size, torch.zeros(W.shape[1], dtype=torch.float64))
        assert how == "zero" or float(net.W[l - 1].norm()) == pytest.approx(float(W.norm()))


@given(seeds, st.sampled_from(["random", "zero", "twins"]))
@settings(max_examples=6)
def test_outputs_stay_while_weights_settle_and_features_rise(seed: int, how: str) -> None:
    net = deep(seed, how)
    lift, weights = Lift.above(net, 1), standard_weights(net, 1)
    route = Route([net])
    settle(route, lift, weights)
    for one in route.nets:
        close(one.features(net.depth), net.features(net.depth))
    assert all(torch.equal(route.here.W[l - 1], W) for l, W in weights.items())
    assert all(bool((route.here.features(l) > 0).all()) for l in range(1, net.depth))
    path = route.path(net.theta, route.here.theta)
    seen = certify(net.problem, path, {})
    assert seen.excess - seen.drift <= 1e-9


@given(seeds, st.integers(1, 5), st.floats(0.1, 100))
@settings(max_examples=15)
def test_raised_features_are_not_seen_above(seed: int, l: int, c: float) -> None:
    net = deep(seed)
    net = net.changed(l + 1, standard_weights(net, 1)[l + 1])
    up = raise_features(net, Lift.above(net, 1), l, c)
    close(up.features(l), net.features(l) + c, 1e-7)
    close(up.features(net.depth), net.features(net.depth), 1e-7)


def test_where_the_straight_way_is_refused_the_settled_one_is_granted() -> None:
    a, b = deep(0), deep(0, "negative")
    direct = join(a, b, 1, torch.Generator())
    assert "has the condition number" in str(ill_conditioned(a.problem, direct.path(a.theta, b.theta), direct))
    made = connect(Wide(), Task(a.theta, b.theta, a.problem))
    assert made.failure is None
    path, certificate = made.construction.path, made.examination.certificate
    assert path.claims == (Claim.IDENTITY,) * 21
    assert certificate.kind == "identity"
    assert certificate.excess - certificate.drift <= 1e-9
    assert off_the_line(a.problem, path, 41) <= 1e-9


def test_a_descent_settles_too() -> None:
    net = deep(0)
    made = descend(Task(net.theta, net.theta, net.problem), 1e-3)
    assert made.gaps is None
    certificate = certify(net.problem, made.path, {})
    assert certificate.loss_b <= 1e-3
    assert certificate.excess - certificate.drift <= 1e-9


def test_short_ways_stay_short() -> None:
    a, b = (deep(seed, text="fcn:9-7,activation=leaky_relu,slope=0.2") for seed in (0, 1))
    made = connect(Wide(), Task(a.theta, Net(a.problem, b.W, b.b).theta, a.problem))
    assert len(made.construction.path) == 1
