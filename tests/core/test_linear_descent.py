"""Descents of linear networks: proven, never rising, to the lowest loss of a linear map."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify import certify
from core.errors import PremiseError
from core.methods.descent import descend
from core.methods.linear_net.lowest import lowest_linear
from core.methods.method import Task
from core.problem import Problem
from core.progress import SilentReporter
from tests.core.linear import KINDS, VALUES, ends, linear_problem
from tests.core.plain import points
from tests.core.wide import SLOPED, net_of, problem

EPS = 1e-4
SHAPES = [(3, 3, 3), (3, 4, 3), (4, 2, 2), (2, 2, 3, 2, 4), (5, 3, 4, 3), (3, 3, 3, 3), (1, 1, 1), (2, 5, 5, 2)]


def lowest_loss(found: Problem, bias: bool) -> float:
    return lowest_linear(found, found.data.outputs, bias, EPS / 2).loss


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.sampled_from(KINDS),
    st.sampled_from(["square", "absolute", "cross-entropy", "hinge"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_any_linear_network_descends_to_the_lowest_loss_of_a_linear_map(
    shape: tuple[int, ...], kind: str, loss: str, bias: bool, seed: int
) -> None:
    assume(loss in VALUES or shape[-1] > 1)
    found = linear_problem(shape, loss, bias)
    start, _ = ends(found, "full" if kind == "scaled" else kind, seed)
    lowest = lowest_loss(found, bias)
    if float(found.losses(start[None])[0]) <= lowest + EPS:
        return
    made = descend(Task(start, start, found), EPS, "2.2")
    assert made.gaps is None
    assert torch.equal(made.path.start, start)
    certificate = certify(found, made.path, {})
    assert certificate.kind == "exact"
    assert certificate.level - certificate.drift <= certificate.loss_a + 1e-9 * (1 + certificate.loss_a)
    assert certificate.loss_b <= lowest + EPS
    losses = found.losses(made.path.points(torch.linspace(0, 1, 20 * len(made.path) + 1, dtype=torch.float64)))
    assert (losses.diff() <= 1e-9 * (1 + losses[:-1])).all()


@pytest.mark.parametrize("bias", [True, False])
def test_the_lowest_map_of_the_square_loss_is_that_of_least_squares(bias: bool) -> None:
    found = linear_problem((3, 4, 2), bias=bias)
    X, Y = found.data.train.x, found.data.train.y
    D = torch.cat([X, X.new_ones(len(X), 1)], 1) if bias else X
    rest = Y - D @ torch.linalg.lstsq(D, Y).solution
    assert lowest_loss(found, bias) == pytest.approx(float(rest.square().sum()) / (2 * len(X)), rel=1e-12)


def test_the_lowest_absolute_loss_is_that_of_the_best_line_through_two_samples() -> None:
    found = linear_problem((1, 2, 3), "absolute", samples=30)
    x, y = found.data.train.x[:, 0], found.data.train.y
    i, j = torch.triu_indices(30, 30, 1)
    slope = (y[j] - y[i]) / (x[j] - x[i])[:, None]
    off = (y - y[i][:, None] - slope[:, None] * (x - x[i][:, None])[:, :, None]).abs().mean(1)  # (pairs, outputs)
    assert lowest_loss(found, True) == pytest.approx(float(off.amin(0).sum()), rel=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_lowest_map_of_the_absolute_loss_is_the_median_where_inputs_say_nothing(scale: float) -> None:
    found = linear_problem((2, 3, 2), "absolute")
    found.data.train.x[:] = found.data.train.x[:1].clone()
    found.data.train.y[:] *= scale
    Y = found.data.train.y
    lowest = lowest_linear(found, 2, True, EPS * scale)
    assert lowest.loss == pytest.approx(float((Y - Y.median(0).values).abs().sum(1).mean()), rel=1e-9)
    assert found.data.train.x[:1] @ lowest.M + lowest.c == pytest.approx(Y.median(0).values[None], rel=1e-9)


def test_inputs_that_are_all_equal_get_no_weights_of_rounding() -> None:
    """Centred they are what rounding leaves, and a map that reads that has weights of 1e15."""
    found = linear_problem((4, 4, 5), "cross-entropy")
    found.data.train.x[:] = found.data.train.x[:1].clone() / 3
    found.data.train.y[:] = 0
    start, _ = ends(found, "full")
    made = descend(Task(start, start, found), EPS, "2.2")
    assert made.gaps is None
    assert float(found.losses(made.path.end[None])[0]) <= 2 * EPS  # of the lowest linear loss that is found, half of it


@pytest.mark.parametrize("loss", ["cross-entropy", "hinge", "absolute"])
@pytest.mark.parametrize("bias", [True, False])
def test_no_map_near_the_lowest_one_is_lower(loss: str, bias: bool) -> None:
    found = linear_problem((2, 4, 3), loss, bias, samples=40)
    lowest = lowest_linear(found, 3, bias, EPS / 2)
    generator = torch.Generator().manual_seed(0)

    def loss_at(M: Tensor, c: Tensor) -> float:
        outputs = (found.data.train.x @ M + c)[None]
        return float(found.loss.samples(outputs, found.data.train.y[None]).mean())

    assert lowest.loss == pytest.approx(loss_at(lowest.M, lowest.c))
    for size in (1e-3, 1e-1, 1.0):
        for _ in range(30):
            M = lowest.M + size * torch.randn(2, 3, generator=generator, dtype=torch.float64)
            c = lowest.c + bias * size * torch.randn(3, generator=generator, dtype=torch.float64)
            assert loss_at(M, c) >= lowest.loss - 1e-9


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (problem("fcn:6", 5, 2), "all layers are linear (activation=linear), but the activation is relu"),
        (
            linear_problem((5, 3, 2, 4)),
            "hidden layer 1 has 3; hidden layer 2 has 2, 4 are needed (the smaller of 5 inputs and 4 outputs)",
        ),
    ],
)
def test_what_the_proposition_does_not_speak_of_is_refused_by_name(found: Problem, sentence: str) -> None:
    start = points(found, 1)[0]
    with pytest.raises(PremiseError) as refusal:
        descend(Task(start, start, found), EPS, "2.2")
    assert sentence in str(refusal.value)


def test_a_model_that_is_low_already_stays() -> None:
    found = linear_problem((3, 4, 2))
    start = points(found, 1)[0]
    with pytest.raises(PremiseError, match="already, at most the goal of"):
        descend(Task(start, start, found), 1e3, "2.2")


class Saying(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (problem(f"fcn:12-9-6,{SLOPED}", 5, 5), "By Theorem 3.2."),
        (problem("fcn:7-6-9,activation=relu", 5, 2), "By Theorem 6.1."),
        (linear_problem((3, 4, 2)), "The lowest loss of a linear map is"),
        (linear_problem((3, 4, 2), bias=False), "The lowest loss of a linear map is"),
    ],
)
def test_auto_takes_the_first_theorem_that_applies(found: Problem, said: str) -> None:
    start, reporter = points(found, 1)[0], Saying()
    descend(Task(start, start, found, reporter=reporter), 1e-3)
    assert any(one.startswith(said) for one in reporter.said)


def test_auto_says_what_each_theorem_assumes_in_vain() -> None:
    found = problem("fcn:3", 5, 2)
    start = net_of(found, 0).theta
    with pytest.raises(PremiseError) as refusal:
        descend(Task(start, start, found), EPS)
    assert "one of Theorems 3.2, 4.2, 6.1 and 2.2 applies, but 3.2 assumes that" in str(refusal.value)
    assert "; 2.2 assumes that all layers are linear (activation=linear), but the activation is relu" in (
        str(refusal.value)
    )
    narrow = problem("fcn:3,bias=false", 5, 2)
    start = points(narrow, 1)[0]
    with pytest.raises(PremiseError, match=r"and 6\.1 assume that all layers are dense and have biases; 2\.2"):
        descend(Task(start, start, narrow), EPS)
