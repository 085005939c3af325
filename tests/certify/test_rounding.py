"""How far float64 may be off: bounds against arithmetic in 50 digits."""

from functools import partial

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from core.certify import adjoint, decide
from core.certify.knots import losses_at
from core.certify.rounding import Evaluation, Rounded, Stretch, pool_stretch, spectral_norm
from core.networks.layered import Layer
from core.path import Claim, Path, Segment
from core.problem import Problem

from .segments import FCNS, Net, normal, problem_of

mpmath.mp.dps = 50
PRECISE = {
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "leaky_relu": lambda z: z if z > 0 else mpmath.mpf(0.1) * z,
    "tanh": mpmath.tanh,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(4 * z)) / 4,
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "linear": lambda z: z,
}


def precise_outputs(problem: Problem, theta: Tensor, activation: str) -> list[list[mpmath.mpf]]:
    """Outputs of every train sample in 50 digits, by the definition of the network."""
    named = {name: one[0] for name, one in problem.layout.split(theta[None]).items()}
    layers = problem.layered.layers
    found = []
    for sample in problem.data.train.x:
        features = [mpmath.mpf(float(one)) for one in sample]
        for layer in layers:
            W = named[layer.weight].tolist()
            b = [0.0] * len(W) if layer.bias is None else named[layer.bias].tolist()
            Z = [mpmath.fdot(row, features) + shift for row, shift in zip(W, b, strict=True)]
            features = Z if layer is layers[-1] else [PRECISE[activation](z) for z in Z]
        found.append(features)
    return found


def precise_loss(problem: Problem, theta: Tensor, activation: str) -> mpmath.mpf:
    """The mean train loss in 50 digits."""
    total = mpmath.mpf(0)
    for z, y in zip(precise_outputs(problem, theta, activation), problem.data.train.y.tolist(), strict=True):
        if problem.loss.name == "cross-entropy":
            total += mpmath.log(sum(mpmath.exp(one - z[y]) for one in z))
        elif problem.loss.name == "square":
            total += sum((one - (c == y)) ** 2 for c, one in enumerate(z)) / 2
        elif problem.loss.name == "absolute":
            total += sum(abs(one - (c == y)) for c, one in enumerate(z))
        else:
            total += max([mpmath.mpf(0), *(1 - z[y] + one for c, one in enumerate(z) if c != y)])
    return total / len(problem.data.train)


def activation_in(text: str) -> str:
    return text.partition("activation=")[2].partition(",")[0] or "relu"


def scaled(problem: Problem, seed: int, scale: float) -> Tensor:
    net = Net.random(problem, torch.Generator().manual_seed(seed))
    for one in net.parameters.values():
        one.mul_(scale)
    return net.theta


@pytest.mark.parametrize("loss", ["cross-entropy", "square", "absolute", "hinge"])
@pytest.mark.parametrize("text", FCNS)
def test_the_true_loss_is_within_its_margin(text: str, loss: str) -> None:
    problem = problem_of(text, loss=loss)
    for seed, scale in enumerate((0.3, 1.0, 4.0, 60.0)):
        theta = scaled(problem, seed, scale)
        found = losses_at(problem, theta[None])
        off = abs(precise_loss(problem, theta, activation_in(text)) - float(found.loss[0]))
        assert off <= float(found.margin[0])
        assert float(found.margin[0]) < 1e-2 * (1 + float(found.loss[0])), "a bound that says something"


@pytest.mark.parametrize("text", FCNS)
def test_features_are_within_their_bound(text: str) -> None:
    problem = problem_of(text)
    theta = scaled(problem, 3, 5.0)
    evaluation = Evaluation(problem.layered, problem.layout.split(theta[None]))
    outputs = evaluation.features(Rounded.exact(problem.data.train.x), problem.layered.depth)
    for i, true in enumerate(precise_outputs(problem, theta, activation_in(text))):
        computed = outputs.features[0, i].tolist()
        off = mpmath.sqrt(sum((one - z) ** 2 for one, z in zip(computed, true, strict=True)))
        assert off <= float(outputs.off[i])


DEEP = "fcn:" + "12x14"


@pytest.mark.parametrize("loss", ["cross-entropy", "square"])
@pytest.mark.parametrize("text", [DEEP, f"{DEEP},activation=leaky_relu,slope=0.1"])
def test_deep_networks_are_looked_at_to_first_order(text: str, loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of(text, loss=loss)
    monkeypatch.setattr("core.certify.knots.FINE", 0.0)
    for seed in range(3):
        theta = scaled(problem, seed, 2.0)
        fine = losses_at(problem, theta[None])
        monkeypatch.setattr(adjoint, "applies", lambda network: False)
        coarse = losses_at(problem, theta[None])
        monkeypatch.undo()
        monkeypatch.setattr("core.certify.knots.FINE", 0.0)
        off = abs(precise_loss(problem, theta, activation_in(text)) - float(fine.loss[0]))
        assert off <= float(fine.margin[0]) < 0.01 * float(coarse.margin[0])


def test_weights_of_1e16_that_cancel_are_refused_and_named() -> None:
    """Two nearly equal units with outgoing weights of 1e16 and -1e16: float64 makes noise of their difference."""
    problem = problem_of("fcn:6")
    start = Net.random(problem, torch.Generator().manual_seed(0))
    for own in (start.weight(1), start.bias(1)):
        own[0] = torch.nextafter(own[1], own[1] + 1)
    start.bias(1)[:2] += 2.0
    start.weight(2)[0, 0], start.weight(2)[0, 1] = 1e16, -1e16
    end = start.copy()
    end.weight(2)[:, 2] += 1.0
    true = precise_loss(problem, start.theta, "relu")
    computed = float(problem.losses(start.theta[None])[0])
    assert abs(true - computed) > 0.1, "the case is one"
    verdict = decide(problem, Segment(start.theta, end.theta, Claim.CONVEX))
    assert verdict.granted is None
    assert "float64 may be off by" in verdict.reason
    assert "in the loss at its start, over 0.0" in verdict.reason


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 999), st.floats(-200, 200))
@settings(max_examples=60, deadline=None)
def test_the_spectral_norm_is_bounded_closely(rows: int, columns: int, seed: int, power: float) -> None:
    W = normal(torch.Generator().manual_seed(seed), rows, columns) * 10.0**power
    true = float(torch.linalg.matrix_norm(W / 10.0**power, 2)) * 10.0**power
    assert true * (1 - 1e-14) <= spectral_norm(W) <= true * min(rows, columns) ** (1 / 128) * (1 + 1e-8)


def test_a_matrix_of_zeros_stretches_nothing_and_one_that_is_not_finite_is_told() -> None:
    assert spectral_norm(torch.zeros(3, 2).double()) == 0
    for bad in (torch.nan, torch.inf):
        assert not spectral_norm(torch.full((3, 2), bad).double()) <= 1e300


@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 1))])
def test_a_convolution_is_bounded_by_norms_of_its_kernel(stride: tuple[int, int], dilation: tuple[int, int]) -> None:
    layer = Layer("w", None, 3, 4, block=9, padding=(1, 1), stride=stride, dilation=dilation)
    W = normal(torch.Generator().manual_seed(0), 1, 4, 3, 3, 3)
    inputs = torch.eye(3 * 7 * 6, dtype=torch.float64).view(1, -1, 3, 7, 6)
    matrix = layer.affine(inputs, {"w": W})[0].flatten(1)
    stretch = Stretch.of(layer, {"w": W})
    true = float(torch.linalg.matrix_norm(matrix, 2))
    assert true <= stretch.spectral <= 4 * true
    assert torch.linalg.matrix_norm(matrix.abs(), 2) <= stretch.frobenius
    assert stretch.fan_in == 27


@pytest.mark.parametrize(
    "pool",
    [
        partial(functional.max_pool2d, kernel_size=2),
        partial(functional.max_pool2d, kernel_size=3, stride=2, padding=1),
        partial(functional.max_pool2d, kernel_size=3, stride=1, dilation=2),
        partial(functional.avg_pool2d, kernel_size=3, stride=2, padding=1),
        partial(functional.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False),
        partial(functional.adaptive_avg_pool2d, output_size=(7, 5)),
    ],
)
def test_pooling_stretches_no_difference_by_more(pool: partial) -> None:
    generator = torch.Generator().manual_seed(0)
    factor, seen = pool_stretch((pool,), 6, 7), 0.0
    for _ in range(50):
        base = normal(generator, 1, 1, 6, 7)
        for sparse in (False, True):
            move = normal(generator, 1, 1, 6, 7) * (torch.rand(6, 7, generator=generator) < 0.1 if sparse else 1)
            for one in (move, move.abs() * 50):  # the second moves winners alone
                seen = max(seen, float((pool(base + one) - pool(base)).norm() / (one.norm() + 1e-300)))
    assert seen <= factor <= 4 * seen


def test_the_level_is_the_largest_bound_with_what_rounding_may_add() -> None:
    problem = problem_of("fcn:6-5")
    ends = [scaled(problem, seed, 3.0) for seed in (0, 1)]
    ends[1][:-18] = ends[0][:-18]  # the last layer alone moves
    known = losses_at(problem, ends)
    verdict = decide(problem, Segment(*ends, Claim.CONVEX))
    assert verdict.granted is Claim.CONVEX, verdict.reason
    assert verdict.bound == float(known.loss.max())
    assert verdict.bound + verdict.drift == pytest.approx(float((known.loss + known.margin).max()), rel=1e-15)
    assert Path.line(*ends, Claim.CONVEX).claims == (Claim.CONVEX,)


def balanced(text: str, loss: str, small: float, large: float) -> tuple[Problem, Tensor]:
    """Weights of the first half so small that products underflow, and of the second so large that it would matter."""
    problem = problem_of(text, loss=loss)
    net = Net.random(problem, torch.Generator().manual_seed(0))
    for one in net.parameters.values():
        one.zero_()
    net.bias(1)[0] = small
    for k in range(2, net.depth):
        net.weight(k)[0, 0] = small if k <= net.depth // 2 else large
    net.weight(net.depth)[:, 0, 0] = torch.linspace(0, 30, 3).double()
    return problem, net.theta


@pytest.mark.parametrize("loss", ["cross-entropy", "square", "absolute", "hinge"])
@pytest.mark.parametrize(
    ("text", "small", "large"),
    [
        ("fcn:1-1-1-1", 1e-200, 1e200),
        ("fcn:1x20", 1e-38, 1e38),
        ("fcn:1x20,activation=leaky_relu,slope=0.1", 1e-38, 1e38),
    ],
)
def test_what_underflows_and_grows_again_is_refused(text: str, small: float, large: float, loss: str) -> None:
    problem, theta = balanced(text, loss, small, large)
    found = losses_at(problem, theta[None])
    off = abs(precise_loss(problem, theta, activation_in(text)) - float(found.loss[0]))
    assert off > 1, "the case is one"
    assert not float(found.margin[0]) < off, "a margin that is no number is none"
    assert decide(problem, Segment(theta, theta.clone(), Claim.INVARIANT)).granted is None
