"""Proposition 2.3 of Freeman and Bruna 2017: the product of two ReLU units lies between its sharp bounds."""

from math import cos, sin

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.bounds import BOUNDS
from core.bounds.linearisation import linearisation
from core.bounds.result import BoundResult
from core.errors import PremiseError
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.bounds import Linearisation
from tests.core.plain import classes, points, problem_of

ROUNDING = 1e-12
seeds = st.integers(0, 2**32 - 1)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair(seed: int, n: int, angle: float) -> tuple[Tensor, Tensor]:
    """Unit vectors (1, n) at an angle."""
    frame = torch.linalg.qr(normal(seed, n, 2)).Q.T
    return frame[:1], cos(angle) * frame[:1] + sin(angle) * frame[1:]


@given(seed=seeds, n=st.integers(2, 6), N=st.integers(1, 40), angle=st.floats(0, 3.1416), scale=st.floats(-3, 3))
def test_the_product_lies_between_its_bounds(seed: int, n: int, N: int, angle: float, scale: float) -> None:
    w1, w2 = pair(seed, n, angle)
    X = 10**scale * normal(seed + 1, N, n)
    found = linearisation(w1, w2, X)
    off = ROUNDING * (1 + float(X.square().sum(1).max()))
    plain = torch.relu(X @ w1[0]).dot(torch.relu(X @ w2[0])) / N
    assert float(found.product) == pytest.approx(float(plain), abs=off)
    assert found.lower_printed <= found.lower + off
    assert found.lower <= found.product + off
    assert found.product <= found.upper + off
    sigma = torch.linalg.eigvalsh(X.T @ X / N)[-1]
    assert found.lower >= found.upper - sigma * (1 - cos(angle)) / 2 - off
    bisector = (w1 + w2)[0] / (w1 + w2).norm()
    if angle < 3:
        ours = (1 + cos(angle)) / 2 * torch.relu(X @ bisector).square().mean()
        assert float(found.upper) == pytest.approx(float(ours), rel=1e-9, abs=off)


def test_the_sharp_bound_is_reached_by_samples_that_one_unit_alone_sees() -> None:
    """On x = (1, -1 / 2) only the first of the axes is active: the product is 0, and no sharper bound is true."""
    w1, w2 = torch.eye(2, dtype=torch.float64)[:1], torch.eye(2, dtype=torch.float64)[1:]
    found = linearisation(w1, w2, torch.tensor([[2.0, 1.0]], dtype=torch.float64))
    assert float(found.lower) == float(found.product) == 2.0
    assert float(found.upper) == 2.25


def test_equal_units_act_as_linear_ones_and_opposite_ones_never_meet() -> None:
    w, X = pair(0, 3, 0.0)[0], normal(1, 50, 3)
    same, opposite = linearisation(w, w, X), linearisation(w, -w, X)
    assert float(same.lower) == float(same.product) == float(same.upper) > 0
    assert float(opposite.product) == float(opposite.upper) == float(opposite.lower) == 0.0


def computed(problem: Problem, theta: Tensor, pairs: str = "nearest") -> BoundResult:
    return BOUNDS["linearisation"](Linearisation(pairs=pairs), problem, theta, SilentReporter())


def column(bound: BoundResult, name: str) -> list[float]:
    return [one.value for one in bound.measurements if one.name == name]


@pytest.mark.parametrize("bias", ["true", "false"])
def test_every_unit_is_compared_with_its_nearest(bias: str) -> None:
    problem = problem_of(f"fcn:9,bias={bias}", classes((4,)))
    theta = points(problem, 1)[0]
    near, every = computed(problem, theta), computed(problem, theta, "all")
    assert column(near, "unit") == list(range(9))
    assert len(column(every, "unit")) == 36
    for unit, angle in zip(column(near, "unit"), column(near, "angle"), strict=True):
        pairs = zip(column(every, "unit"), column(every, "neighbour"), column(every, "angle"), strict=True)
        assert angle == pytest.approx(min(a for i, j, a in pairs if unit in (i, j)))
    for found in (near, every):
        gaps = [b - a for a, b in zip(column(found, "lower"), column(found, "upper"), strict=True)]
        assert found.value == max(gaps)
        assert all(
            low <= lower <= product + ROUNDING <= upper + 2 * ROUNDING
            for low, lower, product, upper in zip(
                *(column(found, name) for name in ("lower_printed", "lower", "product", "upper")), strict=True
            )
        )


def test_units_without_a_direction_have_no_neighbour() -> None:
    problem = problem_of("fcn:3,bias=false", classes((4,)))
    theta = points(problem, 1)[0]
    theta[:4] = 0
    assert column(computed(problem, theta), "unit") == [1, 2]
    theta[:8] = 0
    with pytest.raises(PremiseError, match="layer 1 has 1"):
        computed(problem, theta)


@pytest.mark.parametrize(
    ("text", "shape", "said"),
    [("fcn:3,activation=elu", (4,), "ReLU units"), ("cnn,channels=2,hidden=3", (1, 28, 28), "dense first layer")],
)
def test_other_layers_are_refused(text: str, shape: tuple[int, ...], said: str) -> None:
    problem = problem_of(text, classes(shape))
    with pytest.raises(PremiseError, match=said):
        computed(problem, points(problem, 1)[0])


def test_too_many_pairs_are_refused_with_their_number() -> None:
    problem = problem_of("fcn:202", classes((4,)))
    with pytest.raises(PremiseError, match="pairs=all of 202 units are 20301, at most 20000"):
        computed(problem, points(problem, 1)[0], "all")
