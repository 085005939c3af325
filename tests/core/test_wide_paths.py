"""Theorems 3.2, 5.1 and 6.1 for arbitrary pairs of models: proven paths that never pass the larger end."""

from dataclasses import replace
from pathlib import Path as File

import pytest
import torch
from hypothesis import given, settings

from core.certify import certify
from core.errors import PremiseError, RunError
from core.methods.connect import connect
from core.methods.method import Task, require
from core.methods.wide import build, premises
from core.networks.architectures import build as build_network
from core.path import Claim, Path
from core.problem import Problem
from core.specs.methods import Wide
from core.specs.networks import read_network
from tests.core.plain import points
from tests.core.wide import SLOPED, Case, cases, changed, net_of, off_the_line, problem


def built(case: Case) -> Path:
    options = Wide(theorem=case.theorem)
    require(premises(options, case.task))
    made = build(options, case.task)
    assert made.gaps is None
    return made.path


@settings(max_examples=60)
@given(cases())
def test_any_two_models_are_joined_by_a_proven_path(case: Case) -> None:
    path = built(case)
    assert torch.equal(path.start, case.a)
    assert torch.equal(path.end, case.b)
    found = certify(case.problem, path, {})  # raises where a segment has no proof
    assert found.kind == ("identity" if Claim.IDENTITY in path.claims else "exact")
    ends = max(found.loss_a, found.loss_b)
    assert found.level - found.drift <= ends * (1 + 1e-9) + 1e-12
    assert found.drift <= 1e-6 * (1 + ends)


@settings(max_examples=25)
@given(cases())
def test_outputs_stand_still_or_move_on_a_line(case: Case) -> None:
    path = built(case)
    assert off_the_line(case.problem, path, 41) <= 1e-9
    losses = case.problem.losses(path.points(torch.linspace(0, 1, 20 * len(path) + 1, dtype=torch.float64)))
    assert losses.max() <= max(losses[0], losses[-1]) * (1 + 1e-9) + 1e-12


@settings(max_examples=15)
@given(cases())
def test_a_file_holds_the_whole_path(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    path = built(case)
    file = tmp_path_factory.mktemp("paths") / "path.safetensors"
    path.save(file)
    again = Path.load(file)
    t = torch.linspace(0, 1, 2 * len(path) + 4, dtype=torch.float64)
    torch.testing.assert_close(again.points(t), path.points(t), rtol=1e-9, atol=1e-9)
    assert torch.equal(again.knots, path.knots)
    assert all(
        torch.equal(*pair)
        for i in path.curves
        for pair in zip(path.curves[i].tensors().values(), again.curves[i].tensors().values(), strict=True)
    )
    first, second = (certify(case.problem, one, {}) for one in (path, again))
    assert (first.kind, first.carries) == (second.kind, second.carries)
    assert second.level - second.drift == pytest.approx(first.level - first.drift, rel=1e-12)
    assert second.drift == pytest.approx(first.drift, rel=0.1, abs=1e-15)  # rounding alone


def task_of(text: str, samples: int, inputs: int, loss: str | None = None) -> Task:
    found = problem(text, samples, inputs, loss)
    return Task(net_of(found, 0).theta, net_of(found, 1).theta, found)


def refusal(task: Task, theorem: str) -> str:
    with pytest.raises(PremiseError) as error:
        require(premises(Wide(theorem=theorem), task))
    return str(error.value)


def with_samples(task: Task, change: str) -> Task:
    """The last training sample is the first one, hardly another, or the middle between two."""
    x = task.problem.data.train.x.clone()
    x[-1] = {"twice": x[0], "close": x[0] + 1e-12 * x[1], "middle": (x[0] + x[1]) / 2}[change]
    data = task.problem.data
    data = replace(data, train=replace(data.train, stored=x))
    return replace(task, problem=Problem(task.problem.network, data, task.problem.loss, task.problem.layered))


@pytest.mark.parametrize(
    ("text", "samples", "inputs", "theorem", "sentence"),
    [
        ("fcn:9-6,activation=relu", 5, 6, "3.2", "the activation is strictly monotonic and onto R"),
        ("fcn:9-6,activation=leaky_relu,slope=0", 5, 6, "3.2", "strictly monotonic and onto R"),
        ("fcn:9-6,activation=elu", 5, 6, "5.1", "strictly monotonic and onto R"),
        (f"fcn:9-6,{SLOPED}", 8, 6, "3.2", "linearly independent, but rank [X, 1] is 7 and N = 8"),
        (f"fcn:9-9,{SLOPED}", 5, 6, "3.2", "decrease from layer 1 on, but layer 1 has 9 neurons and layer 2 has 9"),
        (f"fcn:9-3,{SLOPED}", 5, 6, "3.2", "layer 2 has 3 neurons and layer 3 has 3"),
        ("fcn:20-6,activation=linear", 5, 6, "5.1", "is no weighted sum of its own shifts"),
        (f"fcn:9-6,{SLOPED}", 5, 2, "5.1", "layer 1 has 9 neurons, 2N = 10 are needed"),
        (f"fcn:10-6-7,{SLOPED}", 5, 2, "5.1", "decrease from layer 2 on, but layer 2 has 6 neurons and layer 3 has 7"),
        ("fcn:20-20,activation=tanh", 5, 2, "6.1", "is no weighted sum of its own shifts"),
        ("fcn:20-9-20", 5, 2, "6.1", "layer 2 has 9 neurons, 2N = 10 are needed"),
        ("fcn:20-20,bias=false", 5, 2, "6.1", "all layers are dense and have biases"),
    ],
)
def test_every_assumption_is_refused_by_name(text: str, samples: int, inputs: int, theorem: str, sentence: str) -> None:
    assert sentence in refusal(task_of_any(text, samples, inputs), theorem)


def task_of_any(text: str, samples: int, inputs: int) -> Task:
    found = problem(text, samples, inputs)
    a, b = points(found, 2)
    return Task(a, b, found)


@pytest.mark.parametrize("theorem", ["5.1", "6.1"])
def test_samples_that_repeat_are_refused(theorem: str) -> None:
    task = with_samples(task_of(f"fcn:12-5,{SLOPED}" if theorem == "5.1" else "fcn:12-12", 5, 2), "twice")
    assert "all training samples are distinct, but 1 of 5 repeat others" in refusal(task, theorem)


def test_dependent_samples_are_refused() -> None:
    assert "rank [X, 1] is 5 and N = 6" in refusal(with_samples(task_of(f"fcn:9-5,{SLOPED}", 6, 6), "middle"), "3.2")


def test_without_any_theorem_all_are_named_with_their_numbers() -> None:
    said = refusal(task_of("fcn:3", 3, 2), "auto")  # the 2-3-2 network of Freeman and Bruna, with biases
    onto = "the activation is strictly monotonic and onto R (Assumption 2.1)"
    known = "only linear and leaky_relu of one slope above 0 are known to be"
    assert said == (
        "The method assumes that one of Theorems 3.2, 5.1, 6.1 applies, but "
        f"3.2 assumes that {onto}, but {known}; 5.1 assumes that {onto}, but {known}; "
        "6.1 assumes that layer 1 has 2N neurons or more, but layer 1 has 3 neurons, 2N = 6 are needed."
    )
    assert "disconnected" not in said


@pytest.mark.parametrize(
    ("text", "inputs", "claims"),
    [
        (f"fcn:12-6,{SLOPED}", 5, {Claim.IDENTITY}),
        (f"fcn:12-6,{SLOPED}", 2, {Claim.IDENTITY, Claim.INVARIANT, Claim.DATA_INVARIANT}),
        (f"fcn:12-12-12,{SLOPED}", 2, {Claim.CONVEX, Claim.INVARIANT, Claim.DATA_INVARIANT}),
    ],
)
def test_the_first_theorem_that_applies_is_chosen(text: str, inputs: int, claims: set[Claim]) -> None:
    assert set(build(Wide(), task_of(text, 5, inputs)).path.claims) == claims


def test_two_models_with_full_rank_are_one_curve_apart() -> None:
    path = build(Wide(), task_of(f"fcn:12-9-6,{SLOPED}", 5, 5)).path
    assert path.claims == (Claim.IDENTITY,)
    assert path.normalized_length() > 1


def test_models_in_float32_are_refused() -> None:
    found = problem(f"fcn:12-6,{SLOPED}", 5, 5).to("cpu", torch.float32)
    a, b = points(found, 2)
    assert "dtype=float64), but they are in float32" in refusal(Task(a, b, found), "auto")


def test_convolutions_are_refused() -> None:
    network = build_network(read_network("cnn"), (1, 28, 28), 3)
    problem_ = Problem(
        network.module.double(), problem("fcn:3", 3, 784).data, problem("fcn:3", 3, 2).loss, network.layered
    )
    zeros = torch.zeros(problem_.layout.total, dtype=torch.float64)
    assert "all layers are dense" in refusal(Task(zeros, zeros, problem_), "auto")


def test_weights_that_hardly_have_full_rank_are_no_obstacle() -> None:
    task = task_of(f"fcn:12-9-6,{SLOPED}", 5, 5)
    net = net_of(task.problem, 0)
    for size in (1e-6, 1e-9, 1e-12):
        W = net.W[1].clone()
        W[:, 0] = W[:, 1] + size * W[:, 0]
        path = build(Wide(), replace(task, a=net.changed(2, W).theta)).path
        assert certify(task.problem, path, {}).certified
        assert off_the_line(task.problem, path, 41) <= 1e-9


def test_what_float64_cannot_follow_fails_with_the_condition_number() -> None:
    task = task_of("fcn:12-9-6-5,activation=leaky_relu,slope=1e-7", 5, 5)  # the inverse of the activation is steep
    made = connect(Wide(), task)
    assert made.failure is not None
    assert "has the condition number" in made.failure
    assert not made.examination.certificate.certified


def test_samples_too_close_for_float64_are_refused_with_the_condition_number() -> None:
    task = with_samples(task_of("fcn:12-12", 5, 2), "close")
    with pytest.raises(RunError, match=r"has the condition number .* training samples may be too close to each other"):
        build(Wide(), task)


def test_regression_with_several_outputs() -> None:
    found = problem(f"fcn:12-9-6,{SLOPED}", 5, 5)
    y = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    data = replace(found.data, train=replace(found.data.train, y=y), test=None, classes=None)
    case = Problem(found.network, data, problem("fcn:3", 3, 2, "square").loss, found.layered)
    task = Task(net_of(case, 0).theta, changed(net_of(case, 1), "zero").theta, case)
    made = connect(Wide(), task)
    assert made.failure is None
    assert made.examination.certificate.kind == "identity"
    assert made.examination.certificate.excess - made.examination.certificate.drift <= 1e-9


def test_everything_is_repeatable(tmp_path: File) -> None:
    task = task_of("fcn:12-12", 5, 2)
    first, second = (build(Wide(), task).path for _ in range(2))
    assert torch.equal(first.knots, second.knots)
    other = build(Wide(), replace(task, a=changed(net_of(task.problem, 0), "zero").theta, seed=1)).path
    assert len(other) != len(first)
