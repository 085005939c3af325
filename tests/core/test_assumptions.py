"""The checklist of all theorems: each assumption, broken alone, is the only one that fails."""

from dataclasses import replace

import pytest
import torch

from core.bounds import BOUNDS
from core.bounds.result import BoundResult
from core.errors import PremiseError
from core.methods.wide.net import Net
from core.problem import Problem
from core.progress import SilentReporter
from core.results import NO, OPEN, YES
from core.specs.bounds import Assumptions
from tests.core.plain import classes, points, problem_of
from tests.core.wide import SLOPED, net_of, problem

N = 5


def found(case: Problem, theta: torch.Tensor | None = None) -> BoundResult:
    return BOUNDS["assumptions"](Assumptions(), case, points(case, 1)[0] if theta is None else theta, SilentReporter())


def answers(bound: BoundResult, theorem: str) -> dict[str, float]:
    named = {one.name: one.value for one in bound.measurements if one.role == "assumption"}
    return {
        name.removeprefix(f"{theorem}: "): value for name, value in named.items() if name.startswith(f"{theorem}: ")
    }


def reasons(bound: BoundResult) -> dict[str, str]:
    """Of the theorems that don't apply, what the summary says against each."""
    told = [part.removeprefix(" not ").partition(" (") for part in bound.summary.split(";") if part.startswith(" not ")]
    return {name: reason for names, _, reason in told for name in names.split(", ")}


HOLDING = {
    "N19 3.2": (f"fcn:9-6,{SLOPED}", 6),
    "N19 4.2": (f"fcn:4-9-6,{SLOPED}", 2),
    "N19 5.1": (f"fcn:10-6,{SLOPED}", 2),
    "N19 6.1 descent": ("fcn:5-6", 2),
    "N19 6.1 path": ("fcn:10-11,activation=elu", 2),
    "T19 2.4.4": ("fcn:4-5", 2),
    "T19 2.4.12": ("fcn:4-5,activation=softplus", 2),
    "FB17 2.2": ("fcn:3-3,activation=linear,bias=false", 2),
    "FB17 2.4": ("fcn:4", 2),
    "NBM21 4.1": ("fcn:2-3", 2),
    "NBM21 4.2": ("fcn:2-3", 2),
    "NBM21 4.3": ("fcn:40-48", 2),
    "NBM21 4.4": ("fcn:12-12", 6),
}


def case_of(text: str, inputs: int, theorem: str) -> Problem:
    return problem(text, N, inputs, "square" if theorem.startswith(("FB17", "T19 2.4.12")) else None)


@pytest.mark.parametrize("theorem", HOLDING)
def test_what_holds_is_ticked_off(theorem: str) -> None:
    case = case_of(*HOLDING[theorem], theorem)
    theta = 0.1 * points(case, 1)[0] if theorem == "FB17 2.4" else points(case, 1)[0]
    bound = found(case, theta)
    ticked = answers(bound, theorem)
    assert set(ticked.values()) == {YES}
    assert len(ticked) >= 2
    assert theorem in bound.summary.split(";")[0]


BROKEN = [
    ("N19 3.2", "fcn:9-6,activation=elu", 6, "activation onto R", "only linear and leaky_relu"),
    ("N19 3.2", f"fcn:9-6,{SLOPED}", 3, "rank [X, 1] = N", "rank [X, 1] is 4 and N = 5"),
    ("N19 3.2", f"fcn:9-9,{SLOPED}", 6, "decreasing widths from layer 1 on", "layer 1 has 9 neurons and layer 2 has 9"),
    ("N19 4.2", "fcn:4-9-6,activation=elu", 2, "activation onto R", "only linear and leaky_relu"),
    ("N19 4.2", "fcn:4-9-6,activation=linear", 2, "activation no sum of its shifts", "only relu, elu"),
    ("N19 4.2", f"fcn:4-4-4,{SLOPED}", 2, "N neurons in a layer, decreasing widths above", "the widths are 4-4-4-3"),
    ("N19 5.1", "fcn:10-6", 2, "activation onto R", "only linear and leaky_relu"),
    ("N19 5.1", "fcn:10-6,activation=linear", 2, "activation no sum of its shifts", "only relu, elu"),
    ("N19 5.1", f"fcn:9-6,{SLOPED}", 2, "2N neurons in layer 1", "layer 1 has 9 neurons, 2N = 10 are needed"),
    (
        "N19 5.1",
        f"fcn:10-6-6,{SLOPED}",
        2,
        "decreasing widths from layer 2 on",
        "layer 2 has 6 neurons and layer 3 has 6",
    ),
    ("N19 6.1 descent", "fcn:5-4", 2, "N neurons in every hidden layer", "layer 2 has 4 neurons, N = 5 are needed"),
    ("N19 6.1 descent", "fcn:5-6,activation=tanh", 2, "activation no sum of its shifts", "only relu, elu"),
    ("N19 6.1 path", "fcn:10-9", 2, "2N neurons in every hidden layer", "layer 2 has 9 neurons, 2N = 10 are needed"),
    ("N19 6.1 path", "fcn:10-11,bias=false", 2, "dense layers with biases", ""),
    ("T19 2.4.4", "fcn:4-4", 2, "N neurons in a hidden layer", "the widths are 4-4-3 and N = 5"),
    ("T19 2.4.4", "fcn:4-5,activation=tanh", 2, "activation relu or sigmoid or softplus", "it is tanh"),
    ("T19 2.4.12", f"fcn:4-12,{SLOPED}", 2, "activation sigmoid or softplus", "it is leaky_relu"),
    ("FB17 2.2", "fcn:3-2,activation=linear,bias=false", 2, "hidden widths above", "layer 2 has 2 units, 3 are needed"),
    ("FB17 2.2", "fcn:4-3,activation=linear", 3, "hidden widths above", "layer 2 has 3 units, 4 are needed"),
    ("FB17 2.2", "fcn:3-3,bias=false", 2, "activation linear", "it is relu"),
    ("FB17 2.4", "fcn:4-4", 2, "one hidden layer", "it has 2"),
    ("FB17 2.4", "fcn:4,activation=elu", 2, "activation relu", "it is elu"),
    ("NBM21 4.1", "fcn:2-1", 2, "two neurons in every hidden layer", "layer 2 has 1"),
    ("NBM21 4.3", "fcn:40-8", 2, "A1", "room for 0 of 5 samples"),
    ("NBM21 4.3", "fcn:40", 2, "network, loss and targets of its kind", "Genericity needs two hidden layers"),
    ("NBM21 4.4", "fcn:12-5", 6, "network, loss and targets of its kind", "Hidden layer 2 has 5 neurons"),
]


@pytest.mark.parametrize(("theorem", "text", "inputs", "name", "words"), BROKEN)
def test_each_assumption_broken_alone_fails_alone(theorem: str, text: str, inputs: int, name: str, words: str) -> None:
    case = case_of(text, inputs, theorem)
    bound = found(case, 0.1 * points(case, 1)[0])
    failing = [one for one, answer in answers(bound, theorem).items() if answer != YES]
    assert failing[0] == "all"
    assert [one.startswith(name) for one in failing[1:]] == [True]
    reason = reasons(bound)[theorem]
    assert reason.startswith(name)
    assert words in reason


@pytest.mark.parametrize(
    "theorem", ["N19 4.2", "N19 5.1", "N19 6.1 descent", "N19 6.1 path", "T19 2.4.4", "T19 2.4.12"]
)
def test_samples_that_repeat_fail(theorem: str) -> None:
    case = case_of(*HOLDING[theorem], theorem)
    case.data.train.x[1] = case.data.train.x[0]
    bound = found(case)
    assert answers(bound, theorem)["distinct samples"] == NO
    assert next(one.value for one in bound.measurements if one.name == "repeated_samples") == 1.0


def test_what_float64_cannot_tell_is_left_open() -> None:
    case = case_of(*HOLDING["N19 3.2"], "N19 3.2")
    x = case.data.train.x
    x[4] = (x[0] + x[1]) / 2
    bound = found(case)
    assert answers(bound, "N19 3.2")["rank [X, 1] = N"] == OPEN
    assert "open: N19 3.2 (rank [X, 1] = N: rank [X, 1] is 4 and N = 5, to rounding)" in bound.summary


def test_a_model_without_full_ranks_is_left_open() -> None:
    case = problem("fcn:5-4-4,activation=softplus", N, 2, "square")
    net = net_of(case, 0)
    assert answers(found(case, net.theta), "T19 2.4.12")["the model in S_1"] == YES
    low = Net(case, (net.W[0], net.W[1], 0 * net.W[2], net.W[3]), net.b)
    assert answers(found(case, low.theta), "T19 2.4.12")["the model in S_1"] == OPEN


@pytest.mark.parametrize("loss", ["square", "cross-entropy", "hinge"])
def test_linear_networks_need_neither_the_square_loss_nor_missing_biases(loss: str) -> None:
    assert answers(found(problem("fcn:4-4,activation=linear", N, 5, loss)), "FB17 2.2")["all"] == YES
    narrow = answers(found(problem("fcn:4-3,activation=linear", N, 5, loss)), "FB17 2.2")
    assert narrow["hidden widths above the least of inputs and outputs"] == (NO if loss == "square" else YES)
    assert set(narrow) == {"all", "dense layers", "activation linear", *[one for one in narrow if "widths" in one]}


@pytest.mark.parametrize("loss", ["square", "cross-entropy", "hinge"])
def test_one_hidden_relu_layer_is_all_that_2_4_asks_for_without_a_penalty(loss: str) -> None:
    case = problem("fcn:4", N, 2, loss)
    bound = found(case, 10 * points(case, 1)[0])
    assert set(answers(bound, "FB17 2.4").values()) == {YES}
    assert next(one.value for one in bound.measurements if one.name == "largest_incoming_norm") > 1


def test_a_square_loss_is_asked_for_by_critical_points_alone() -> None:
    bound = found(problem("fcn:4", N, 2))
    asking = {one.name for one in bound.measurements if one.name.endswith(": square loss")}
    assert "FB17 2.4: square loss" not in asking
    assert answers(bound, "T19 2.4.12")["square loss"] == NO
    assert "epsilon_of_dropout" in {one.name for one in bound.measurements}


def test_numbers_stand_beside_the_answers() -> None:
    case = case_of(*HOLDING["N19 5.1"], "N19 5.1")
    measured = {(one.name, one.layer): one.value for one in found(case).measurements}
    assert measured["samples", None] == N
    assert measured["rank_of_inputs_and_ones", None] == 3
    assert [measured["width", l] for l in (1, 2, 3)] == [10, 6, 3]
    assert [measured["rank", l] for l in (1, 2)] == [5, 5]
    assert [measured["weight_rank", l] for l in (1, 2, 3)] == [2, 6, 3]


def test_convolutions_are_looked_at_and_nothing_follows() -> None:
    data = classes((1, 28, 28), 4)
    case = problem_of("cnn,channels=2-2,hidden=4", data)
    bound = found(case)
    assert answers(bound, "NBM21 4.4")["dense layers"] == NO
    assert answers(bound, "N19 6.1 path")["dense layers with biases"] == NO


def test_a_network_without_hidden_layers_is_refused() -> None:
    case = problem("fcn:4", N, 2)
    alone = Problem(case.network, case.data, case.loss, replace(case.layered, layers=case.layered.layers[:1]))
    with pytest.raises(PremiseError, match="needs a hidden layer"):
        found(alone)
    with pytest.raises(PremiseError, match="needs a network with a view by layers"):
        found(Problem(case.network, case.data, case.loss))


def test_an_assumption_that_decides_for_several_theorems_is_told_once() -> None:
    said = found(problem("fcn:4-9-6,activation=elu", N, 2, "square")).summary
    reason = "(activation onto R: only linear and leaky_relu of one slope above 0 are known to be)"
    assert f"not N19 3.2, N19 4.2, N19 5.1 {reason}" in said
    assert said.count("activation onto R") == 1
