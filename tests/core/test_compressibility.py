"""One model's side of Theorem 2.4 of Freeman and Bruna 2017, as numbers."""

import pytest
import torch

from core.bounds import BOUNDS
from core.bounds.result import BoundResult
from core.data.dataset import Dataset, Split
from core.errors import PremiseError, UsageError
from core.methods.oracle.heads import best_head
from core.methods.oracle.shallow import Head, Shallow, Target
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.bounds import Compressibility
from core.specs.compressing import oracle_sizes
from tests.core.plain import classes, points, problem_of


def problem(m: int = 8, text: str = "", outputs: int = 1) -> Problem:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(30, n, generator=generator, dtype=torch.float64) for n in (3, outputs))
    return problem_of(f"fcn:{m}{text}", Dataset("random", Split(x, y), None, None))


def computed(case: Problem, theta: torch.Tensor, **options: object) -> BoundResult:
    kind = Compressibility(epochs=5, draws=1, **options)  # type: ignore[arg-type]
    return BOUNDS["compressibility"](kind, case, theta, SilentReporter())


def numbers(bound: BoundResult, name: str) -> dict[int | None, float]:
    return {one.draw: one.value for one in bound.measurements if one.name == name}


def test_quantities_are_in_the_order_that_they_must_have() -> None:
    case = problem()
    found = computed(case, points(case, 1)[0], units="0-2-5-8")
    own, head = numbers(found, "model")[None], numbers(found, "best_head")[None]
    delta, e = numbers(found, "delta"), numbers(found, "e")
    assert list(delta) == list(e) == [0, 2, 5, 8]
    assert head <= own
    assert delta[0] == pytest.approx(head)
    assert list(delta.values()) == sorted(delta.values())
    assert all(e[l] <= delta[8 - l] + 1e-12 for l in (0, 8)), "the model's own few units are an oracle"
    for alpha in ("0.1", "0.3"):
        turned = numbers(found, f"delta_{alpha}")
        assert all(turned[l] <= delta[l] for l in delta)
    assert found.value == min(max(own, delta[l], e[l]) for l in delta)


@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_the_value_is_that_of_units_that_do_not_turn_whatever_angle_is_asked_for(alpha: float) -> None:
    """Of one kept unit and an oracle of seven the kept one is the higher: the path passes both."""
    case = problem()
    net, target = Shallow.of(case, points(case, 1)[0]), Target.of(case, 0.0)
    theta = Shallow(net.W, best_head(target, target.features(net.W), net.head)).theta(case)
    found = computed(case, theta, units="7", alpha=alpha)
    still = numbers(computed(case, theta, units="7", alpha=0.0), "delta")[7]
    own, e = numbers(found, "model")[None], numbers(found, "e")[7]
    assert still > max(own, e)
    assert found.value == still


def test_merging_costs_what_it_says() -> None:
    case = problem(5)
    theta = points(case, 1)[0]
    net = Shallow.of(case, theta)
    net.W[3] = 2 * net.W[1] + 1e-3
    theta = net.theta(case)
    target = Target.of(case, 0.0)
    H = target.features(net.W)
    beta = best_head(target, H, net.head)
    V = beta.V.clone()
    V[:, 1] += V[:, 3] * net.W[3].norm() / net.W[1].norm()
    V[:, 3] = 0
    other = beta.V.clone()
    other[:, 3] += other[:, 1] * net.W[1].norm() / net.W[3].norm()
    other[:, 1] = 0
    costs = [target.value(H, Head(one, beta.c)) - beta.value for one in (V, other)]
    found = numbers(computed(case, theta, units="1", alpha=0.0), "merging")[None]
    assert min(abs(found - one) for one in costs) < 1e-12
    assert found > 0


def test_exact_twins_are_merged_for_nothing() -> None:
    case = problem(5)
    net = Shallow.of(case, points(case, 1)[0])
    net.W[3] = 2 * net.W[1]
    found = computed(case, net.theta(case), units="1", alpha=0.0)
    assert numbers(found, "merging")[None] == pytest.approx(0, abs=1e-12)
    assert numbers(found, "delta")[1] == pytest.approx(numbers(found, "best_head")[None], rel=1e-9)


def test_with_a_penalty_the_gap_of_the_best_head_is_told() -> None:
    case = problem(5)
    theta = Shallow.of(case, points(case, 1)[0]).of_norm_one.theta(case)
    found = computed(case, theta, units="2", alpha=0.0, kappa=0.01)
    assert 0 <= numbers(found, "gap")[None] < 1e-5
    assert numbers(computed(case, theta, units="2", alpha=0.0), "gap") == {}


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("-4", {}, "there is one hidden layer, but this network has 2"),
        (",activation=tanh", {}, "the hidden units are ReLU, but they are tanh"),
        ("", {"units": "9"}, "units=9 asks for 9 units and the hidden layer has 8"),
        ("", {"kappa": 1.0}, "of the model has norm"),
    ],
)
def test_what_it_is_not_about_is_refused(text: str, options: dict[str, object], said: str) -> None:
    case = problem(8, text)
    with pytest.raises(PremiseError, match=said):
        computed(case, 3 * points(case, 1)[0], **options)


def test_classes_have_quantities_too() -> None:
    case = problem_of("fcn:6", classes((3,)))
    found = computed(case, points(case, 1)[0], units="3", alpha=0.1)
    assert found.value is not None
    assert {one.name for one in found.measurements} == {"model", "best_head", "merging", "delta_0.1", "e"}


def test_units_are_tried_once_each_and_are_eighths_without_a_word() -> None:
    assert oracle_sizes(Compressibility(), 64) == [8, 16, 24, 32, 40, 48, 56]
    assert oracle_sizes(Compressibility(), 1) == [0]
    assert oracle_sizes(Compressibility(units="8-3-3"), 8) == [3, 8]
    with pytest.raises(UsageError, match="units=-1 must be whole numbers"):
        oracle_sizes(Compressibility(units="-1"), 8)
