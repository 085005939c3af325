"""Paths down to p* + eps: proven, and never rising."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.certify import certify
from core.errors import PremiseError
from core.methods.method import Task
from core.methods.monotone import loss_of
from core.methods.wide.descent import descend, lower_outputs
from core.problem import Problem
from tests.core.plain import points
from tests.core.wide import HOW, SLOPED, changed, net_of, problem, seeds

EPS = 1e-3
FITTING = [
    (f"fcn:12-9-6,{SLOPED}", 5, 5, "3.2"),
    (f"fcn:4,{SLOPED}", 4, 5, "3.2"),
    (f"fcn:6-5-4,{SLOPED}", 5, 2, "4.2"),
    (f"fcn:4-7-5,{SLOPED}", 5, 2, "4.2"),
    ("fcn:7-6-9,activation=relu", 5, 2, "6.1"),
    ("fcn:6,activation=elu", 5, 2, "6.1"),
]


@settings(max_examples=60)
@given(
    st.sampled_from(FITTING),
    seeds,
    st.sampled_from(HOW),
    st.sampled_from(["cross-entropy", "square", "absolute", "hinge"]),
)
def test_any_model_descends_to_what_was_asked_for(
    fitting: tuple[str, int, int, str], seed: int, how: str, loss: str
) -> None:
    text, samples, inputs, theorem = fitting
    found = problem(text, samples, inputs, loss, seed % 1000)
    start = changed(net_of(found, seed), how).theta
    made = descend(Task(start, start, found), EPS, theorem)
    assert made.gaps is None
    assert torch.equal(made.path.start, start)
    certificate = certify(found, made.path, {})
    assert certificate.certified
    assert certificate.level - certificate.drift <= certificate.loss_a * (1 + 1e-9) + 1e-12
    assert certificate.loss_b <= EPS
    losses = found.losses(made.path.points(torch.linspace(0, 1, 20 * len(made.path) + 1, dtype=torch.float64)))
    assert (losses.diff() <= 1e-9 * (1 + losses[:-1])).all()


@given(seeds, st.sampled_from(["cross-entropy", "square", "absolute", "hinge"]), st.floats(0.01, 30))
def test_the_loss_falls_on_the_whole_line_of_outputs(seed: int, loss: str, size: float) -> None:
    found = problem("fcn:6", 7, 2, loss, seed % 1000)
    F = size * torch.randn(7, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    goal = loss_of(found, F) / 50
    if goal == 0:
        return
    end = lower_outputs(found, F, goal)
    losses = torch.tensor([loss_of(found, torch.lerp(F, end, t)) for t in torch.linspace(0, 1, 41).double()])
    assert (losses.diff() <= 1e-12 * (1 + losses[:-1])).all()
    assert 0.9 * goal <= losses[-1] <= goal


def with_equal_samples(found: Problem) -> Problem:
    x = found.data.train.x.clone()
    x[1] = x[0]
    return Problem(
        found.network, replace(found.data, train=replace(found.data.train, stored=x)), found.loss, found.layered
    )


@pytest.mark.parametrize(
    ("text", "theorem", "sentence"),
    [
        ("fcn:6-5", "3.2", "onto R"),
        (f"fcn:6-5,{SLOPED}", "3.2", "linearly independent, but rank [X, 1] is 3 and N = 5"),
        ("fcn:6-5,activation=linear", "4.2", "no weighted sum of its own shifts"),
        ("fcn:6-5,activation=linear", "6.1", "no weighted sum of its own shifts"),
        ("fcn:6-5,bias=false", "6.1", "all layers are dense and have biases"),
        ("fcn:6-5", "4.2", "onto R"),
        (f"fcn:4-4,{SLOPED}", "4.2", "the widths are 4-4-3 and N = 5"),
        (f"fcn:6-3,{SLOPED}", "4.2", "the widths are 6-3-3 and N = 5"),
        ("fcn:6-5,activation=elu", "4.2", "onto R"),
        ("fcn:6-4", "6.1", "layer 2 has 4 neurons, N = 5 are needed"),
        ("fcn:6-6,activation=tanh", "6.1", "no weighted sum of its own shifts"),
        ("fcn:3", "auto", "one of Theorems 3.2, 4.2, 6.1 applies"),
    ],
)
def test_every_assumption_is_refused_by_name(text: str, theorem: str, sentence: str) -> None:
    found = problem(text, 5, 2)
    start = points(found, 1)[0]
    with pytest.raises(PremiseError) as error:
        descend(Task(start, start, found), EPS, theorem)
    assert sentence in str(error.value)


@pytest.mark.parametrize(("text", "theorem"), [(f"fcn:4-7-5,{SLOPED}", "4.2"), ("fcn:6", "6.1")])
def test_samples_that_repeat_are_refused(text: str, theorem: str) -> None:
    same = with_equal_samples(problem(text, 5, 2))
    start = net_of(same, 0).theta
    with pytest.raises(PremiseError, match="all training samples are distinct, but 1 of 5 repeat others"):
        descend(Task(start, start, same), EPS, theorem)


def test_a_model_that_is_low_already_stays() -> None:
    found = problem("fcn:6", 5, 2)
    start = net_of(found, 0).theta
    with pytest.raises(PremiseError, match="already, at most the goal of 100"):
        descend(Task(start, start, found), 100.0)


def test_widths_that_do_not_decrease_are_refused() -> None:
    found = problem(f"fcn:6-6,{SLOPED}", 5, 5)
    start = net_of(found, 0).theta
    with pytest.raises(PremiseError, match="decrease from layer 1 on, but layer 1 has 6 neurons and layer 2 has 6"):
        descend(Task(start, start, found), EPS, "3.2")


def test_the_two_three_two_network_is_refused_without_a_word_on_disconnection() -> None:
    found = problem("fcn:3", 4, 2)
    start = net_of(found, 0).theta
    with pytest.raises(PremiseError, match="layer 1 has 3 neurons, N = 4 are needed") as error:
        descend(Task(start, start, found), EPS)
    assert "disconnect" not in str(error.value)


@pytest.mark.parametrize(
    ("layered", "why"),
    [
        (False, "a view by layers, as this method needs, but it branches"),
        (True, "all layers are dense and have biases"),
    ],
)
def test_a_network_without_layers_or_biases_is_refused_in_a_sentence(layered: bool, why: str) -> None:
    found = problem("fcn:6,bias=false", 5, 2)
    if not layered:
        found = replace(found, layered=None, without="it branches")
    theta = points(found, 1)[0]
    with pytest.raises(PremiseError, match=why):
        descend(Task(theta, theta, found), EPS)
