"""Rays in level sets: the norm grows without limit, the outputs stay."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bounds import BOUNDS
from core.bounds.result import BoundResult
from core.certify import certify
from core.errors import PremiseError
from core.methods.wide.net import Net
from core.methods.wide.rays import assumptions, ray_by
from core.progress import SilentReporter
from core.results import YES
from core.specs.bounds import Unbounded
from tests.core.plain import points
from tests.core.wide import SLOPED, changed, net_of, problem, seeds

FITTING = [
    (f"fcn:9-6,{SLOPED}", 5, 5, "5.1"),
    (f"fcn:9-6,{SLOPED}", 5, 5, "3.2"),
    (f"fcn:5,{SLOPED}", 4, 5, "3.2"),
    (f"fcn:9-6,{SLOPED}", 5, 5, "scaling"),
    ("fcn:7-3", 5, 2, "5.1"),
    ("fcn:4-4", 9, 2, "scaling"),
    ("fcn:6,activation=elu", 5, 2, "5.1"),
    ("fcn:6,activation=tanh", 5, 2, "5.1"),
]


def found(net: Net, options: Unbounded) -> BoundResult:
    return BOUNDS["unbounded"](options, net.problem, net.theta, SilentReporter())


def column(bound: BoundResult, name: str) -> list[float]:
    return [one.value for one in bound.measurements if one.name == name]


@settings(max_examples=40)
@given(
    st.sampled_from(FITTING),
    seeds,
    st.sampled_from(["random", "twins", "zero", "negative"]),
    st.sampled_from(["cross-entropy", "square", "hinge"]),
)
def test_the_norm_grows_a_million_times_and_the_loss_stays(
    fitting: tuple[str, int, int, str], seed: int, how: str, loss: str
) -> None:
    text, samples, inputs, theorem = fitting
    net = changed(net_of(problem(text, samples, inputs, loss, seed % 1000), seed), how)
    if how == "zero" and theorem == "scaling":
        return
    bound = found(net, Unbounded(theorem=theorem))
    norms, losses = torch.tensor(column(bound, "norm")), torch.tensor(column(bound, "train_loss"))
    assert norms[0] == pytest.approx(float(net.theta.norm()))
    assert (norms[5:].diff() > 0).all()
    assert bound.value == pytest.approx(float(norms[-1] / (norms[0] or 1.0)))
    assert bound.value >= 1e6
    assert (losses - losses[0]).abs().max() <= 1e-9 * (1 + losses[0])
    if how == "random" and theorem != "scaling":
        assert column(bound, "proven") == [YES]


@given(st.sampled_from(FITTING[:3]), seeds)
@settings(max_examples=15)
def test_the_checker_grants_the_whole_way(fitting: tuple[str, int, int, str], seed: int) -> None:
    text, samples, inputs, theorem = fitting
    net = net_of(problem(text, samples, inputs, seed=seed % 1000), seed)
    ray = ray_by(theorem, net, torch.Generator().manual_seed(seed))
    route = ray.through([ray.at(s) for s in (8.0, 64.0, 512.0)])
    path = route.path(net.theta, route.here.theta)
    certificate = certify(net.problem, path, {})
    assert certificate.excess - certificate.drift <= 1e-9
    outputs = net.problem.outputs(path.points(torch.linspace(0, 1, 41).double()), net.problem.data.train.x)
    torch.testing.assert_close(outputs, outputs[:1].expand_as(outputs), rtol=1e-9, atol=1e-9)


@given(seeds)
def test_powers_of_two_scale_without_any_rounding(seed: int) -> None:
    net = net_of(problem("fcn:4-4", 9, 2, seed=seed % 1000), seed)
    at = ray_by("scaling", net, torch.Generator()).at
    assert all(torch.equal(at(2.0**i).features(3), net.features(3)) for i in range(20))


@pytest.mark.parametrize(
    ("text", "theorem", "sentence"),
    [
        ("fcn:3", "5.1", "more neurons than its features have rank, but F_1 has rank 3 and layer 1 3 neurons"),
        ("fcn:3,activation=tanh", "scaling", "the activation is homogeneous, but only relu, leaky_relu and linear"),
        ("fcn:3,activation=tanh", "3.2", "onto R"),
        ("fcn:3,activation=tanh", "auto", "one of Theorems 5.1, 3.2, scaling applies"),
        ("fcn:9,bias=false", "auto", "all layers are dense and have biases"),
    ],
)
def test_where_no_ray_is_known_the_assumption_is_named(text: str, theorem: str, sentence: str) -> None:
    case = problem(text, 9, 2)
    with pytest.raises(PremiseError) as error:
        BOUNDS["unbounded"](Unbounded(theorem=theorem), case, points(case, 1)[0], SilentReporter())
    assert sentence in str(error.value)


def test_zeros_cannot_be_scaled() -> None:
    net = changed(net_of(problem("fcn:4-4", 9, 2), 0), "zero")
    with pytest.raises(PremiseError, match="a hidden layer has parameters other than zero"):
        found(net, Unbounded(theorem="scaling"))
    assert "Theorem 5.1" in found(net, Unbounded()).summary


def test_the_simplest_ray_is_taken_first() -> None:
    net = net_of(problem(f"fcn:9-6,{SLOPED}", 5, 5), 0)
    assert list(assumptions(net)) == ["5.1", "3.2", "scaling"]
    bound = found(net, Unbounded(times=1e3))
    assert bound.summary.startswith("by Theorem 5.1 the norm goes from")
    assert 1e3 <= bound.value < 1e4
