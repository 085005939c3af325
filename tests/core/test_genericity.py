"""Genericity: witnesses hold in rational numbers, and what is generic is not refuted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bounds.clock import Clock
from core.bounds.genericity import compute
from core.bounds.genericity.conditions import (
    capacity,
    dependent_samples,
    distinct_without_one,
    least_width,
    refitted_loss,
    stuck,
)
from core.bounds.genericity.dependence import dependent, on_a_line, primes, same_rows
from core.bounds.result import BoundResult
from core.data.dataset import Dataset, Split
from core.errors import PremiseError
from core.losses import LOSSES
from core.problem import Problem
from core.progress import SilentReporter
from core.results import NO, OPEN, YES
from core.specs.bounds import Genericity
from tests.core.plain import classes, points, problem_of
from tests.core.rational import affine_rank

LONG = Clock.of(3600)
LATE = Clock.of(0)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def test_capacities_are_those_worked_out_by_hand() -> None:
    assert capacity(245, 245, 123, 10) == 4 * 30 * 3 == 360
    assert capacity(64, 64, 32, 10) == 4 * 8 * 0 == 0
    assert least_width(60_000, 10) == 3120
    assert capacity(3120, 3120, 1560, 10) == 4 * 390 * 39 == 60_840
    assert capacity(3119, 3119, 1560, 10) == 4 * 389 * 38 == 59_128


@given(st.integers(1, 10**6), st.integers(1, 20))
def test_the_least_width_is_the_least(samples: int, outputs: int) -> None:
    n = least_width(samples, outputs)
    assert capacity(n, n, (n + 1) // 2, outputs) >= samples
    assert capacity(n - 1, n - 1, n // 2, outputs) < samples


@settings(max_examples=150)
@given(st.integers(2, 6), st.integers(1, 6), st.integers(0, 10**6), st.sampled_from([1, 2, 50]))
def test_dependence_is_that_of_rational_numbers(m: int, d: int, seed: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    points = random.integers(-spread, spread + 1, (m, d)) * 2.0 ** random.integers(-30, 30, d)
    assert dependent(points, LONG) == (affine_rank(points) < m - 1)


@given(st.integers(3, 9), st.integers(0, 999), st.integers(-300, 300))
def test_a_combination_is_dependent_and_the_least_change_of_it_is_not(m: int, seed: int, power: int) -> None:
    points = np.round(normal(seed, m, m - 1) * 2**20) / 2**20
    points[-1] = (points[0] + points[1] * 3) / 4
    assert dependent(points * 2.0**power, LONG) is True
    points[-1, 0] = np.nextafter(points[-1, 0], 9)
    assert dependent(points * 2.0**power, LONG) is False


def test_primes_are_primes() -> None:
    some = primes()[:5]
    assert some[0] == 2**31 - 1
    assert all(p % q for p in some for q in range(2, 46341))


def test_without_time_dependence_is_left_open() -> None:
    assert dependent(np.array([[0.1, 0.2], [0.1, 0.2], [3.0, 4.0]]), LATE) is None


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(0, 999))
def test_random_points_are_not_refuted(d: int, seed: int) -> None:
    assert dependent_samples(normal(seed, d + 20, d), 0, LONG) is None


@settings(max_examples=60)
@given(st.integers(2, 8), st.integers(0, 999), st.sampled_from(["pair", "triple", "plane"]))
def test_what_was_planted_is_found_and_proven(d: int, seed: int, planted: str) -> None:
    F = np.round(normal(seed, d + 12, d) * 2**30) / 2**30
    if planted == "pair":
        F[7] = F[3]
    elif planted == "triple":
        F[7] = (F[3] + F[5]) / 2
    else:
        F[:, 0] = F[:, 1:].sum(1) * 0.5 + 1
    witness = dependent_samples(F, 0, LONG)
    assert witness is not None
    assert 2 <= len(witness) <= d + 1
    assert affine_rank(F[list(witness)]) < len(witness) - 1


def test_three_points_on_a_line_are_found_among_many() -> None:
    F = np.round(normal(0, 1000, 6) * 2**20)
    F[900] = F[11] + 3 * (F[500] - F[11])
    assert sorted(on_a_line(F, np.random.default_rng(0), LONG) or ()) == [11, 500, 900]
    assert on_a_line(F, np.random.default_rng(0), LATE) is None


def test_neurons_that_are_stuck_are_those_with_one_value_too_often() -> None:
    F = normal(1, 30, 4)[:, :, None]
    F[:11, 1] = 0.0
    F[:10, 2] = -0.0
    assert stuck(F, 10) == {1: (0.0, 11)}
    block = np.concatenate([F, F[:, [0, 0, 1, 0]]], 2)
    assert stuck(block, 10).keys() == {1, 2}


@settings(max_examples=100)
@given(st.integers(2, 5), st.integers(1, 5), st.integers(0, 10**6), st.sampled_from([1, 2]))
def test_distinct_without_one_is_as_by_trying_all(samples: int, n: int, seed: int, block: int) -> None:
    F = np.random.default_rng(seed).integers(0, 2, (samples, n, block)).astype(float) * -1.0
    rows = [{tuple(row) for row in np.delete(F, k, 1).reshape(samples, -1).tolist()} for k in range(n)]
    possible = [k for k in range(n) if len(rows[k]) == samples]
    found = distinct_without_one(F, LONG, lambda part: None)
    assert found.answer == (YES if possible else NO)
    assert found.without == (possible[0] if possible else None)
    if found.equal is not None:
        assert (F[found.equal[0]] == F[found.equal[1]]).all()


def test_equal_rows_are_equal() -> None:
    F = normal(0, 50, 3)
    assert same_rows(F) is None
    F[40] = F[2]
    assert sorted(same_rows(F) or ()) == [2, 40]


@pytest.mark.parametrize("loss", ["square", "cross-entropy", "hinge"])
def test_a_refitted_output_layer_is_no_worse_than_its_start(loss: str) -> None:
    F, y = torch.from_numpy(normal(0, 60, 4)), torch.arange(60) % 3
    W, b = torch.from_numpy(normal(1, 3, 4)), torch.zeros(3).double()
    start = float(LOSSES[loss].samples((F @ W.T + b)[None], y[None]).mean())
    found = refitted_loss(F, y, LOSSES[loss], (W, b), LONG)
    assert found < start
    assert refitted_loss(F, y, LOSSES[loss], (W, b), LATE) <= start
    if loss == "square":
        X, targets = torch.cat([F, torch.ones(60, 1).double()], 1), torch.eye(3).double()[y]
        best = 0.5 * (X @ torch.linalg.lstsq(X, targets).solution - targets).square().sum(1).mean()
        assert found == pytest.approx(float(best), rel=1e-6)


def values(found: BoundResult, name: str) -> dict[tuple[int | None, int | None], float]:
    return {(one.layer, one.draw): one.value for one in found.measurements if one.name == name}


def examined(network: str, data: Dataset, **options: object) -> BoundResult:
    problem = problem_of(network, data)
    return compute(Genericity(**options), problem, points(problem, 1)[0], SilentReporter())


def test_a_wide_network_on_few_samples_fulfils_all() -> None:
    found = examined("fcn:9-8-96x2", classes((5,), samples=40), draws=2)
    assert found.value == 4
    assert "two such models are joined" in found.summary
    assert values(found, "distinct") == {(0, None): YES, (1, None): YES, (2, None): YES}
    assert values(found, "generic") == {(3, None): YES}
    assert values(found, "wide_enough") == {(4, None): YES}
    assert values(found, "capacity") == {(4, None): 4 * 12 * 4}
    assert values(found, "epsilon").keys() == {(4, 0), (4, 1)}


def test_dead_neurons_refute_every_set() -> None:
    problem = problem_of("fcn:10-10", classes((5,), samples=40))
    theta = points(problem, 1)[0]
    named = problem.layout.split(theta[None].clone())
    named["layers.0.bias"][0, :6] = -100.0
    found = compute(Genericity(), problem, problem.layout.join({k: v[0] for k, v in named.items()}), SilentReporter())
    assert values(found, "generic")[1, None] == NO
    assert values(found, "stuck_neurons")[1, None] >= 6
    assert "A2 fails for every set" in found.summary
    assert "0 on 40" in found.summary
    assert "does not apply" in found.summary


def test_samples_that_are_equal_are_named() -> None:
    data = classes((5,), samples=40)
    data.train.x[9] = data.train.x[4]
    found = examined("fcn:20x4", data)
    assert values(found, "distinct") == {(0, None): NO, (1, None): NO, (2, None): NO}
    assert "samples 4 and 9 are equal" in found.summary
    assert "A2 fails for every set" in found.summary


def test_generic_features_are_left_open() -> None:
    found = examined("fcn:64x2", classes((5,), samples=60), draws=2)
    assert values(found, "generic") == {(1, None): OPEN, (1, 0): OPEN, (1, 1): OPEN}
    assert "A2 is open: not refuted in 2 of 2 kept sets" in found.summary


def test_channels_count_as_neurons() -> None:
    found = examined("cnn,channels=3-4,hidden=6", classes((1, 28, 28), samples=20), kept="importance")
    assert values(found, "kept")[1, None] == 2
    assert values(found, "dimensions") == {(2, None): 2 * 49}
    assert values(found, "generic") == {(2, None): YES}


def test_the_same_seed_gives_the_same_numbers_and_time_is_honoured() -> None:
    data = classes((5,), samples=60)
    one, again = (examined("fcn:64x2", data, draws=2, seed=3) for _ in range(2))
    assert one == again
    hurried = examined("fcn:64x4", data, minutes=1e-9)
    assert "A3 is open at layer 1: time was up" in hurried.summary


def test_fewer_samples_need_less_room() -> None:
    data = classes((5,), samples=60)
    assert values(examined("fcn:64x2", data, samples=20), "samples") == {(2, None): 20}


def test_what_the_corollary_asks_is_named_where_it_is_missing() -> None:
    data = classes((4,))
    far = Dataset("values", Split(data.train.x, 3 + data.train.x[:, :1].abs()), None, None)
    for network, chosen, match in (
        ("fcn:8", data, "needs two hidden layers .* has 1"),
        ("fcn:8-8,activation=tanh", data, "needs ReLU"),
        ("fcn:8-8,bias=false", data, "needs biases"),
        ("fcn:8-8", far, r"targets in \[-1, 1\]"),
    ):
        with pytest.raises(PremiseError, match=match):
            examined(network, chosen)
    problem = problem_of("fcn:8-8", data)
    with pytest.raises(PremiseError, match="view by layers"):
        compute(Genericity(), Problem(problem.network, data, problem.loss), points(problem, 1)[0], SilentReporter())
