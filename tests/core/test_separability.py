"""Separability: never a wrong verdict, and every proof holds in rational numbers."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.bounds.clock import Clock
from core.bounds.separability import compute, search
from core.bounds.separability.deciding import SeparabilityVerdict, decide, judge
from core.bounds.separability.proofs import hulls_meet, kernel, separates
from core.bounds.separability.search import Points, newton, program
from core.data.dataset import Dataset, Split
from core.errors import PremiseError
from core.problem import Problem
from core.progress import SilentReporter
from core.results import NO, OPEN, YES
from core.specs.bounds import Separability
from tests.core.plain import classes, points, problem_of
from tests.core.rational import exact, hulls_meet_in_the_plane, solved

XOR = ([[0, 0], [1, 1], [0, 1], [1, 0]], [0, 0, 1, 1])


@pytest.fixture(params=["newton", "program"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The linear program decides alone where Newton's method makes no step."""
    if request.param == "program":
        monkeypatch.setattr(search, "STEPS", 0)
    return request.param


def asked(X: object, labels: object, seconds: float = 60.0) -> SeparabilityVerdict:
    X = torch.as_tensor(X, dtype=torch.float64)
    return decide(X, torch.as_tensor(labels), Clock.of(seconds), lambda part: None)


def signs(labels: Tensor) -> Tensor:
    return torch.where(labels == 1, 1.0, -1.0).double()


def value(x: list[float], w: list[float], b: float) -> Fraction:
    return sum((Fraction(a) * Fraction(c) for a, c in zip(x, w, strict=True)), Fraction(b))


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("X", "labels", "answer"),
    [
        (*XOR, NO),
        ([[0], [1]], [0, 1], YES),
        ([[0.1], [0.1]], [0, 1], NO),
        ([[0.1], [0.1 + 4 * np.spacing(0.1)]], [0, 1], YES),
        ([[0], [1], [2]], [0, 1, 0], NO),
        ([[0], [1], [2]], [0, 1, 2], NO),  # an order is not enough: each class from all others
        ([[0, 0], [2, 6], [1, 3]], [0, 0, 1], NO),  # touches a segment
        ([[0, 0, 5], [2, 6, 5], [1, 3, 5]], [0, 0, 1], NO),
        ([[0, 0], [2, 6], [1, 3.0000001]], [0, 0, 1], YES),
        ([[0, 0], [3, 0], [0, 3], [1, 1]], [0, 0, 0, 1], NO),
        ([[0, 0], [3, 0], [0, 3], [2, 2]], [0, 0, 0, 1], YES),
    ],
)
def test_small_sets_are_decided(X: object, labels: object, answer: float, way: str) -> None:
    assert asked(X, labels).answer == answer


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=7),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=7),
    st.integers(-60, 60),
)
def test_points_of_a_grid_are_decided_as_by_whole_numbers(
    first: list[tuple[int, int]], second: list[tuple[int, int]], power: int
) -> None:
    X = torch.tensor([*first, *second], dtype=torch.float64) * 2.0**power
    verdict = asked(X, [0] * len(first) + [1] * len(second))
    assert verdict.answer == (NO if hulls_meet_in_the_plane(first, second) else YES)


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(2, 40), st.integers(0, 999), st.floats(-12, 0))
def test_what_was_planted_separable_is_never_refuted(n: int, count: int, seed: int, gap: float) -> None:
    X = normal(seed, count, n)
    w = normal(seed + 1, n)
    w /= w.norm()
    labels = (X @ w > 0).long()
    labels[:2] = torch.tensor([0, 1])
    X += ((2 * labels - 1) * (10**gap + (X @ w).abs()) - X @ w)[:, None] * w  # 10^gap from the plane, at least
    points, y = Points.of(X), signs(labels)
    candidate = newton(points, y, Clock.of(60))
    verdict = judge(points, y, candidate)
    assert verdict.answer != NO
    if verdict.answer == YES:
        plane, b = points.plane(y, candidate.direction)
        assert all(value(x, plane.tolist(), b) * int(s) > 0 for x, s in zip(X.tolist(), y, strict=True))
    assert asked(X, labels).answer == YES
    for some in range(5):
        assert not hulls_meet(X, y, normal(seed + some, count).abs())


@settings(max_examples=40)
@given(st.integers(1, 8), st.integers(0, 999), st.sampled_from([2, 3, 7]), st.integers(-40, 40))
def test_what_was_planted_inseparable_is_never_called_separable(n: int, seed: int, classes: int, power: int) -> None:
    X = torch.round(normal(seed, 30, n) * 64) / 64
    labels = torch.arange(30) % classes
    X[0] = (X[classes] + X[2 * classes] + 2 * X[3 * classes]) / 4  # exactly, in the hull of class 0
    labels[0] = 1
    assert asked(X * 2.0**power, labels).answer == NO


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(6, 20), st.integers(0, 999))
def test_weights_that_are_taken_for_a_proof_can_be_mended_exactly(n: int, count: int, seed: int) -> None:
    X, labels = normal(seed, count, n), torch.arange(count) % 2
    y = signs(labels)
    weights = newton(Points.of(X), y, Clock.of(60)).weights
    if not hulls_meet(X, y, weights):
        return
    used = (weights > 1e-9 * weights.max()).nonzero()[:, 0]
    Z = exact((y[:, None] * torch.cat([X, torch.ones(count, 1).double()], 1))[used].numpy())
    c = [Fraction(one) for one in weights[used].tolist()]
    p = range(n + 1)
    residual = [sum(a[j] * b for a, b in zip(Z, c, strict=True)) for j in p]
    gram = [[sum(a[i] * a[j] * b * b for a, b in zip(Z, c, strict=True)) for j in p] for i in p]
    u = solved(gram, residual)
    mended = [b - b * b * sum(a[j] * u[j] for j in p) for a, b in zip(Z, c, strict=True)]
    assert all(one > 0 for one in mended)
    assert all(sum(a[j] * b for a, b in zip(Z, mended, strict=True)) == 0 for j in p)


@settings(max_examples=100)
@given(st.integers(2, 4), st.integers(0, 9999), st.floats(-15.5, -3))
def test_a_point_that_misses_a_line_by_a_hair_is_no_proof(n: int, seed: int, miss: float) -> None:
    random = np.random.default_rng(seed)
    direction, start = random.integers(1, 9, (2, n)).astype(float)
    X = torch.from_numpy(start + np.array([0, 2, 4, 6, 1, 5, 3])[:, None] * direction)
    X[4:, -1] += X[4:, -1] * 10**miss  # none is on the line, and all are to one side of it
    weights = torch.tensor([1, 0.5, 0.5, 1, 1, 1, 1]).double() + torch.from_numpy(random.uniform(0, 1e-12, 7))
    assert not hulls_meet(X, torch.tensor([1, 1, 1, 1, -1, -1, -1]).double(), weights)


@given(st.integers(1, 6), st.integers(0, 999), st.floats(-1, 1))
def test_signs_near_zero_are_those_of_rational_numbers(n: int, seed: int, b: float) -> None:
    X, w = normal(seed, 6, n), normal(seed + 1, n)
    X -= ((X @ w + b) / (w @ w))[:, None] * w  # on the plane, to rounding
    exactly = [value(x, w.tolist(), b) for x in X.tolist()]
    y = torch.tensor([1.0 if one > 0 else -1.0 for one in exactly]).double()
    assert separates(X, y, w, b) == all(one != 0 for one in exactly)
    assert not separates(X, -y, w, b)


def test_the_kernel_is_the_one_of_rational_numbers() -> None:
    rows = exact(np.array([[1, 2, 3], [2, 4, 6], [0, 1, 0.1]]))
    c = kernel(rows, 3)
    assert c is not None
    assert any(c)
    assert all(sum(a * b for a, b in zip(row, c, strict=True)) == 0 for row in rows)
    assert kernel(rows[:1], 3) is None
    assert kernel(exact(np.eye(3)), 3) is None


@pytest.mark.parametrize("separable", [True, False])
def test_a_program_grows_until_it_decides(separable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SUBSET", 6)
    X = normal(3, 300, 4)
    labels = (X[:, 0] + X[:, 1] > 0).long()
    if not separable:
        labels[::50] = 1 - labels[::50]
    points, y = Points.of(X), signs(labels)
    candidate = program(points, y, torch.ones(300).double(), Clock.of(60))
    assert candidate is not None
    assert judge(points, y, candidate).answer == (YES if separable else NO)
    assert program(points, y, torch.ones(300).double(), Clock.of(0)) is None


def test_the_class_that_is_hardest_comes_first() -> None:
    X = torch.tensor([[-9.0], [-8], [0], [1], [2], [8], [9], [0.5]]).double()
    assert search.hardest_first(Points.of(X), torch.tensor([4, 4, 7, 7, 7, 5, 5, 5]))[-1] == 4


def test_powers_of_two_change_nothing() -> None:
    X, labels = normal(0, 20, 30), torch.arange(20) % 3
    verdict, scaled = asked(X, labels), asked(X * 2.0**-90, labels)
    assert verdict.answer == scaled.answer == YES
    assert scaled.margin == pytest.approx(verdict.margin, rel=1e-9)


def test_without_time_nothing_is_decided() -> None:
    assert asked(*XOR, seconds=0) == SeparabilityVerdict(OPEN, why="class 1: time was up")


class Listening(SilentReporter):
    def __init__(self) -> None:
        self.heard: list[float] = []

    def progress(self, fraction: float | None, message: str) -> None:
        self.heard.append(fraction)


def answers(options: Separability, problem: Problem, theta: Tensor) -> dict[tuple[int, int | None], float]:
    found = compute(options, problem, theta, SilentReporter())
    return {(one.layer, one.draw): one.value for one in found.measurements if one.name == "separable"}


def clustered(distance: float, samples: int = 40) -> Dataset:
    """Three classes around the corners of a triangle."""
    labels = torch.arange(samples) % 3
    x = torch.eye(3).double()[labels] * distance + normal(5, samples, 3) / 10
    return Dataset("clusters", Split(x, labels), None, 3)


def test_every_layer_and_draw_is_decided_and_says_what_follows() -> None:
    problem, listening = problem_of("fcn:16x3", clustered(5.0)), Listening()
    theta = points(problem, 1)[0]
    found = compute(Separability(draws=2), problem, theta, listening)
    assert (found.value, found.layer_count) == (4, 4)
    assert "Corollary 4.4" in found.summary
    assert "eps > 0" in found.summary
    assert answers(Separability(draws=2), problem, theta) == {
        (0, None): YES,
        **{(layer, draw): YES for layer in (1, 2, 3) for draw in (0, 1)},
    }
    kept = {one.value for one in found.measurements if one.name == "kept"}
    assert kept == {13.0}, "n_l - n_L"
    assert listening.heard == sorted(listening.heard)
    assert 0 <= listening.heard[0] <= listening.heard[-1] <= 1


def test_where_no_set_will_do_all_neurons_prove_it() -> None:
    problem = problem_of("fcn:8-8", classes((4,), samples=60))
    found = answers(Separability(draws=3), problem, points(problem, 1)[0])
    assert found == {(layer, draw): NO for layer in (0, 1, 2) for draw in ((None,) if layer == 0 else (0, 1, 2, None))}


def test_channels_are_kept_with_their_blocks() -> None:
    problem = problem_of("cnn,channels=7-8,hidden=9", classes((1, 28, 28), samples=30))
    found = compute(Separability(draws=1, kept="importance"), problem, points(problem, 1)[0], SilentReporter())
    assert found.layer_count == 4
    widths = {one.layer: one.value for one in found.measurements if one.name == "kept" and one.draw == 0}
    assert widths == {1: 4, 2: 5, 3: 6}
    assert "not separable" in found.summary or "convolutions" in found.summary


def test_the_same_seed_gives_the_same_numbers_and_time_is_honoured() -> None:
    problem = problem_of("fcn:16x3", clustered(0.3))
    theta = points(problem, 1)[0]
    one, again = (answers(Separability(draws=3, seed=4), problem, theta) for _ in range(2))
    assert one == again
    hurried = compute(Separability(minutes=1e-9), problem, theta, SilentReporter())
    assert hurried.value == 0
    assert "time was up" in hurried.summary


def test_fewer_samples_can_be_separated_where_all_can_not() -> None:
    problem = problem_of("fcn:8-8", classes((4,), samples=60))
    theta = points(problem, 1)[0]
    few = compute(Separability(samples=4), problem, theta, SilentReporter())
    assert few.value > compute(Separability(), problem, theta, SilentReporter()).value == 0


def test_what_the_corollary_asks_is_named_where_it_is_missing() -> None:
    data = classes((4,))
    regression = Dataset("values", Split(data.train.x, data.train.x[:, :1]), None, None)
    alike = Dataset("alike", Split(data.train.x, torch.zeros(9, dtype=torch.long)), None, 3)
    for network, chosen, loss, match in (
        ("fcn:8-5", data, None, "Hidden layer 2 has 5 neurons, and separability needs 6: twice the 3 outputs"),
        ("fcn:8", regression, None, "about classes, and this data set has none"),
        ("fcn:8", alike, None, "samples of two classes"),
        ("fcn:8", data, "square", "cross-entropy or hinge"),
        ("fcn:8,bias=false", data, None, "needs biases"),
    ):
        problem = problem_of(network, chosen, loss)
        with pytest.raises(PremiseError, match=match):
            compute(Separability(), problem, points(problem, 1)[0], SilentReporter())
    problem = problem_of("fcn:8", data)
    bare = Problem(problem.network, data, problem.loss, None)
    with pytest.raises(PremiseError, match="view by layers"):
        compute(Separability(), bare, points(problem, 1)[0], SilentReporter())
    with pytest.raises(PremiseError, match="features of layer 1 are not finite"):
        compute(Separability(), problem, points(problem, 1)[0] * torch.inf, SilentReporter())
