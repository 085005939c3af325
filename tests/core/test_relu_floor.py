"""Two ReLU units whose det W_1 changes sign on the way: the floor is below every network in between, and tight."""

from math import cos, pi, sin

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.bounds import BOUNDS
from core.bounds.relu_floor import floor
from core.bounds.result import BoundResult
from core.data.dataset import Dataset, Split
from core.data.synthetic import gaussians
from core.errors import PremiseError
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.bounds import ReluFloor
from tests.core.plain import classes, points, problem_of

seeds = st.integers(0, 2**32 - 1)


def samples_of(count: int, outputs: int, seed: int, whole: bool = False) -> tuple[Tensor, Tensor]:
    """Random ones; whole numbers leave samples that are zero, equal or on one line."""
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(count, n, generator=generator, dtype=torch.float64) for n in (2, outputs))
    return (x.round() if whole else x), y


def left_by(x: Tensor, y: Tensor, angle: float) -> float:
    """The loss of the best v_1, v_2 in a direction, by torch's least squares."""
    side = x @ x.new_tensor([cos(angle), sin(angle)])
    H = torch.stack([side.relu(), (-side).relu()], 1)
    v = torch.linalg.lstsq(H, y, driver="gelsd").solution
    return float((y - H @ v).square().sum()) / (2 * len(x))


@settings(max_examples=40)
@given(count=st.integers(1, 12), outputs=st.integers(1, 3), whole=st.booleans(), seed=seeds)
def test_no_network_with_rows_on_one_line_is_below_the_floor(count: int, outputs: int, whole: bool, seed: int) -> None:
    x, y = samples_of(count, outputs, seed, whole)
    value, _ = floor(x, y)
    seen = [left_by(x, y, i * pi / 300) for i in range(300)]
    assert value <= min(seen) * (1 + 1e-9) + 1e-12


@settings(max_examples=20)
@given(seed=seeds)
def test_the_floor_does_not_depend_on_how_the_plane_is_turned(seed: int) -> None:
    x, y = samples_of(9, 2, seed)
    turn = torch.tensor([[cos(1), -sin(1)], [sin(1), cos(1)]], dtype=torch.float64)
    assert floor(x @ turn.T, y)[0] == pytest.approx(floor(x, y)[0], rel=0.05)  # a sum of minima over arcs, cut at 0
    assert floor(-x, y)[0] == pytest.approx(floor(x, y)[0], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("distance", [2, 3, 4, 6])
def test_the_floor_of_two_gaussians_is_that_of_the_best_direction_to_six_digits(distance: float) -> None:
    train, _ = gaussians(distance, 1000, 0)
    x, y = train.x.double(), train.y.double()
    value, angle = floor(x, y)
    near = min(left_by(x, y, angle + 1e-3 * i) for i in range(-200, 201))
    around = min(left_by(x, y, i * pi / 500) for i in range(500))
    assert min(near, around) * (1 - 2e-6) <= value <= min(near, around)
    assert 0.2 < value < 0.3, "their number is a quarter, half the variance of x across w"


@settings(max_examples=60)
@given(seed=seeds)
def test_samples_that_are_nearly_on_one_line_have_no_floor_of_rounding(seed: int) -> None:
    """A unit that is nearly orthogonal to two samples fits any two values of one sign, so the floor is 0."""
    generator = torch.Generator().manual_seed(seed)
    sizes, u, y = (torch.rand(n, generator=generator) + 0.5 for n in ((2, 1), (2,), (2, 1)))
    x = sizes * u
    x, y = x.double(), y.double()
    if float(x[0, 0] * x[1, 1] - x[0, 1] * x[1, 0]) == 0:
        return
    assert floor(x, y)[0] == 0


def test_clouds_in_a_narrow_cone_have_no_floor_above_the_best_direction() -> None:
    train, _ = gaussians(1e6, 40, 0)
    x, y = train.x.double(), train.y.double()
    value, _ = floor(x, y)
    across = torch.stack([-x[:, 1], x[:, 0]], 1)
    between = [torch.lerp(one, other, 0.3) for one in across for other in (*across, *-across)]
    assert value <= min(left_along(x, y, w) for w in between)


def left_along(x: Tensor, y: Tensor, w: Tensor) -> float:
    """The loss of the best v_1, v_2 for a w of any length."""
    side, rest = x @ w, float(y.square().sum())
    for part in (side.clamp_min(0), side.clamp_max(0)):
        if bool(part.any()):
            rest -= float((part / part.norm() @ y).square().sum())
    return rest / (2 * len(x))


def problem(text: str = "fcn:2,bias=false", data: Dataset | None = None) -> Problem:
    if data is None:
        train, test = (one.to("cpu", torch.float64) for one in gaussians(4, 200, 0))
        data = Dataset("gaussians", train, test, None)
    return problem_of(text, data)


def computed(case: Problem, theta: Tensor) -> BoundResult:
    return BOUNDS["relu-floor"](ReluFloor(), case, theta, SilentReporter())


def test_the_bound_says_which_sign_it_is_about() -> None:
    case = problem()
    theta = torch.tensor([1, 0, 0, 1, 1, 0, 0, 1], dtype=torch.float64)
    found = computed(case, theta)
    assert "whose det W_1 has a negative sign reaches a train loss of 0.2" in found.summary
    swapped = torch.tensor([0, 1, 1, 0, 0, 1, 1, 0], dtype=torch.float64)
    other = computed(case, swapped)
    assert "has a positive sign" in other.summary
    assert other.value == found.value
    named = {one.name: one.value for one in found.measurements}
    assert (named["determinant"], named["floor"]) == (1.0, found.value)
    assert named["model_loss"] == pytest.approx(float(case.losses(theta[None])[0]))
    line = torch.lerp(theta, swapped, torch.linspace(0, 1, 201, dtype=torch.float64)[:, None])
    assert case.losses(line).max() >= found.value


@pytest.mark.parametrize(
    ("text", "inputs", "said"),
    [
        ("fcn:3,bias=false", 2, "this one is 2-3-2"),
        ("fcn:2,bias=false", 3, "this one is 3-2-2"),
        ("fcn:2,bias=false,activation=elu", 2, "ReLU units"),
        ("fcn:2", 2, "no biases, with which nothing is claimed"),
    ],
)
def test_other_networks_are_refused(text: str, inputs: int, said: str) -> None:
    data = Dataset("random", Split(torch.ones(3, inputs).double(), torch.ones(3, 2).double()), None, None)
    case = problem(text, data)
    with pytest.raises(PremiseError, match=said):
        computed(case, points(case, 1)[0])


def test_classes_are_refused() -> None:
    case = problem("fcn:2,bias=false", classes((2,)))
    with pytest.raises(PremiseError, match="the square loss of numbers; this one is cross-entropy"):
        computed(case, points(case, 1)[0])
