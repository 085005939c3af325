"""Square linear networks: the level that paths between unlike determinants have to reach."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.bounds import BOUNDS
from core.bounds.result import BoundResult
from core.errors import PremiseError
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.bounds import LinearFloor
from tests.core.linear import linear_problem, random_net
from tests.core.plain import points


def floor_of(problem: Problem, theta: Tensor | None = None) -> BoundResult:
    theta = points(problem, 1)[0] if theta is None else theta
    return BOUNDS["linear-floor"](LinearFloor(), problem, theta, SilentReporter())


def measured(bound: BoundResult) -> dict[tuple[str, int | None], float | None]:
    return {(one.name, one.layer): one.value for one in bound.measurements}


def unit_problem(bias: bool = False) -> Problem:
    """1-1-1 with x = y = 1."""
    problem = linear_problem((1, 1, 1), bias=bias, samples=1)
    problem.data.train.x[:] = problem.data.train.y[:] = 1.0
    return problem


def test_the_floor_of_the_smallest_network_is_one_half() -> None:
    theta = torch.ones(2, dtype=torch.float64)
    bound = floor_of(unit_problem(), theta)
    assert bound.value == 0.5
    assert measured(bound)["model_loss", None] == 0.0
    assert [measured(bound)["sign_of_determinant", l] for l in (1, 2)] == [1.0, 1.0]
    assert "every path to a model with another sign of either reaches 0.5" in bound.summary
    assert measured(floor_of(unit_problem(), -theta))["sign_of_determinant", 1] == -1.0


def test_a_bias_of_the_output_takes_the_smallest_network_below_one_half() -> None:
    """w = 0 and b_2 = 1 have the loss 0: uncentred data would give 1/2."""
    bound = floor_of(unit_problem(bias=True))
    assert bound.value == 0.0
    assert "there is no floor" in bound.summary


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.booleans(), st.integers(0, 999))
def test_no_network_with_a_determinant_of_zero_is_below_the_floor(r: int, bias: bool, seed: int) -> None:
    problem = linear_problem((r, r, r), bias=bias)
    net = random_net(problem, seed)
    net["layers.0.weight"] = net["layers.0.weight"].clone()
    net["layers.0.weight"][0] = 0.0 if r == 1 else net["layers.0.weight"][-1]
    theta = problem.layout.join(net)
    bound = floor_of(problem, theta)
    assert measured(bound)["sign_of_determinant", 1] == 0.0
    assert float(problem.losses(theta[None])[0]) >= bound.value * (1 - 1e-12)


@pytest.mark.parametrize("r", [2, 3])
def test_the_floor_is_attained(r: int) -> None:
    """By the truncated singular value decomposition of what least squares find."""
    problem = linear_problem((r, r, r), bias=False)
    X, Y = problem.data.train.x, problem.data.train.y
    Q, s, right = torch.linalg.svd(X, full_matrices=False)
    left, sizes, rows = torch.linalg.svd(Q.T @ Y)
    sizes[-1] = 0
    first = right.T @ (left * sizes / s[:, None])
    theta = problem.layout.join({"layers.0.weight": first.T, "layers.1.weight": rows.T})
    bound = floor_of(problem, theta)
    assert float(problem.losses(theta[None])[0]) == pytest.approx(bound.value, rel=1e-12)


def test_inputs_without_full_rank_have_no_floor() -> None:
    problem = linear_problem((3, 3, 3), bias=False)
    problem.data.train.x[:, 1] = problem.data.train.x[:, 0]
    bound = floor_of(problem)
    assert bound.value == measured(bound)["least_squares_loss", None]
    assert "there is no floor" in bound.summary


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (linear_problem((3, 3, 3), "cross-entropy"), "the loss is square, but it is cross-entropy"),
        (linear_problem((3, 4, 3)), "as many units as inputs and as outputs, but the widths are 3-4-3"),
        (linear_problem((2, 2, 2, 2)), "one hidden layer, with as many units"),
    ],
)
def test_what_the_floor_does_not_speak_of_is_refused(problem: Problem, sentence: str) -> None:
    with pytest.raises(PremiseError, match=sentence):
        floor_of(problem)
