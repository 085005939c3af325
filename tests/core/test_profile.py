"""Profiles by structure say what a plain loop over points says."""

import math
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.data.dataset import Dataset, Split
from core.losses import CrossEntropy, Square
from core.networks.architectures import build
from core.path import Claim, Path, Segment
from core.problem import Problem, Values
from core.profile import peaks, profile, segment_values
from core.specs.methods import Metric
from core.specs.networks import Cnn, Fcn

FLOAT64, FLOAT32 = 1e-12, 2e-5


def data(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, *, test: bool = True) -> Dataset:
    generator = torch.Generator().manual_seed(5)

    def split(samples: int) -> Split:
        x = torch.randn(samples, *shape, generator=generator, dtype=torch.float64)
        return Split(x.to(dtype), torch.randint(0, 3, (samples,), generator=generator))

    size = 150 if len(shape) == 1 else 20
    return Dataset("noise", split(size), split(size // 3) if test else None, classes=3)


def problem_of(spec: Fcn | Cnn, dtype: torch.dtype = torch.float64, *, test: bool = True) -> Problem:
    shape = (1, 28, 28) if isinstance(spec, Cnn) else (5,)
    made = build(spec, shape, 3)
    return Problem(made.module, data(shape, dtype, test=test), CrossEntropy(), made.layered)


def point(problem: Problem, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(problem.layout.total, generator=generator, dtype=torch.float64)
    return (theta * 0.6).to(problem.dtype)


def moved(problem: Problem, start: Tensor, names: set[str], seed: int) -> Tensor:
    """`start` with the named parameters drawn anew."""
    old, new = problem.layout.split(start[None]), problem.layout.split(point(problem, seed)[None])
    return problem.layout.join({name: (new if name in names else old)[name][0] for name in old})


def plain(problem: Problem, segment: Segment, t: Tensor, part: str = "train") -> Values:
    """One point after the other, through the module itself."""
    some = [problem.values(theta[None], part) for theta in segment.at(t)]  # type: ignore[arg-type]
    return Values(torch.cat([one.loss for one in some]), torch.cat([one.error for one in some]))


def assert_same(got: Values, expected: Values, tolerance: float) -> None:
    torch.testing.assert_close(got.loss, expected.loss, rtol=tolerance, atol=tolerance)
    if expected.error is not None and tolerance == FLOAT64:
        torch.testing.assert_close(got.error, expected.error, rtol=tolerance, atol=tolerance)


activations = st.sampled_from(["relu", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "linear"])
dense = st.builds(
    lambda widths, activation, bias: Fcn(widths=tuple(widths), activation=activation, bias=bias),
    st.lists(st.integers(1, 7), max_size=4),
    activations,
    st.booleans(),
)
convolutional = st.builds(
    lambda activation, channels: Cnn(channels=channels, hidden=6, activation=activation),
    activations,
    st.sampled_from(["3", "2-3"]),
)
T = torch.tensor([0.0, 0.1, 0.37, 0.5, 0.9, 1.0], dtype=torch.float64)


@settings(deadline=None, max_examples=60)
@given(st.one_of(dense, convolutional), st.data(), st.sampled_from(["train", "test"]))
def test_a_straight_segment_is_worth_what_its_points_are_worth(spec: Fcn | Cnn, draw: st.DataObject, part: str) -> None:
    problem = problem_of(spec)
    names = draw.draw(st.sets(st.sampled_from(problem.layout.names)))
    start = point(problem, 1)
    segment = Segment(start, moved(problem, start, names, 2))
    assert_same(segment_values(problem, segment, T, part), plain(problem, segment, T, part), FLOAT64)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=25)
@given(st.one_of(dense, convolutional), st.data())
def test_in_float32_it_is_so_to_rounding(spec: Fcn | Cnn, draw: st.DataObject) -> None:
    problem = problem_of(spec, torch.float32)
    names = draw.draw(st.sets(st.sampled_from(problem.layout.names), min_size=1))
    start = point(problem, 1)
    segment = Segment(start, moved(problem, start, names, 2))
    assert_same(segment_values(problem, segment, T), plain(problem, segment, T), FLOAT32)


def test_wide_layers_in_float32_agree_with_float64() -> None:
    problem = problem_of(Fcn(widths=(140, 130)), torch.float32)
    start, end = (0.3 * point(problem, seed) for seed in (1, 2))
    exact = problem.to("cpu", torch.float64)
    got = segment_values(problem, Segment(start, end), T)
    expected = plain(exact, Segment(start.double(), end.double()), T)
    torch.testing.assert_close(got.loss, expected.loss, rtol=1e-5, atol=1e-6)


def test_granted_claims_save_work_and_change_nothing() -> None:
    problem = problem_of(Fcn(widths=(4, 4)))
    start = point(problem, 1)
    dead = problem.layout.split(start[None])["layers.1.weight"]
    dead[0, :, 0] = 0  # the first hidden neuron feeds nothing
    loose = start.clone()
    problem.layout.split(loose[None])["layers.0.weight"][0, 0] += 1.0
    end = moved(problem, loose, {"layers.2.weight", "layers.2.bias"}, 2)
    path = Path(torch.stack([start, loose, end]), (Claim.INVARIANT, Claim.CONVEX))
    cheap = profile(problem, path, 41, granted=[Claim.INVARIANT, Claim.CONVEX], refine=False)
    dear = profile(problem, path, 41, refine=False)
    assert_same(cheap.train, dear.train, FLOAT64)
    assert_same(cheap.train, problem.values(path.points(cheap.t)), FLOAT64)
    assert cheap.forward_passes < 3
    assert dear.forward_passes > 10


def test_every_knot_is_in_a_profile_once() -> None:
    problem = problem_of(Fcn(widths=(3,)))
    path = Path.chain([point(problem, seed) for seed in range(4)])
    seen = profile(problem, path, 10, refine=False)
    assert len(seen.t) == 3 * 4 + 1
    assert (seen.t.diff() > 0).all()
    assert [float(seen.t[seen.segment == i][0]) for i in range(3)] == [0, 1 / 3, 2 / 3]
    assert float(seen.t[-1]) == 1
    torch.testing.assert_close(seen.train.loss[::4], problem.losses(path.knots))
    assert float(seen.arc[-1]) == pytest.approx(path.length())
    assert len(profile(problem, path, 100, refine=False).t) >= 100


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from(["relu", "tanh"]))
def test_the_largest_loss_seen_is_the_largest_there_is(seed: int, activation: str) -> None:
    problem = problem_of(Fcn(widths=(6,), activation=activation))  # type: ignore[arg-type]
    segment = Segment(point(problem, seed), point(problem, seed + 1))
    fine = problem.losses(segment.at(torch.linspace(0, 1, 4001, dtype=torch.float64))).max()
    seen = profile(problem, Path.line(segment.start, segment.end), 31)
    assert float(seen.train.loss.max()) >= float(fine) * (1 - 2e-5)
    top = peaks(problem, segment.start[None], segment.end[None], "train-loss", 31)
    assert float(top.value) >= float(fine) * (1 - 2e-5)
    at = segment.at(top.t)
    torch.testing.assert_close(problem.losses(at), top.value, rtol=1e-10, atol=0)


@pytest.mark.parametrize("metric", ["train-loss", "test-loss", "train-error", "test-error"])
def test_peaks_of_many_lines_are_those_of_each(metric: Metric) -> None:
    problem = problem_of(Fcn(widths=(5,)))
    knots = torch.stack([point(problem, seed) for seed in range(5)])
    together = peaks(problem, knots[:-1], knots[1:], metric, 9)
    for i in range(4):
        single = peaks(problem, knots[i : i + 1], knots[i + 1 : i + 2], metric, 9)
        torch.testing.assert_close(single.value[0], together.value[i], rtol=1e-11, atol=0)
    part, _, what = metric.partition("-")
    ends = problem.values(knots, part)  # type: ignore[arg-type]
    at_ends = ends.loss if what == "loss" else ends.error
    assert at_ends is not None
    assert (together.value >= torch.maximum(at_ends[:-1], at_ends[1:]) - 1e-12).all()


def test_a_summary_says_what_the_points_say() -> None:
    problem = problem_of(Fcn(widths=(4,)), test=False)
    path = Path.line(point(problem, 1), point(problem, 2))
    seen = profile(problem, path)
    said, loss = seen.summary(), seen.train.loss
    assert said["max_train_loss"] == float(loss.max())
    assert said["train_loss_a"] == float(loss[0])
    assert said["barrier"] == pytest.approx(float(loss.max() - max(loss[0], loss[-1])))
    assert said["integral_train_loss"] == pytest.approx(said["mean_train_loss"] * path.length())  # type: ignore[operator]
    assert said["barrier_interpolated"] >= said["barrier"]  # type: ignore[operator]
    assert said["max_test_loss"] is None
    assert seen.test is None


def test_a_loss_that_is_no_number_counts_as_infinite() -> None:
    problem = problem_of(Fcn(widths=(4,)))
    start, end = point(problem, 1), torch.full((problem.layout.total,), torch.nan, dtype=torch.float64)
    seen = profile(problem, Path.line(start, end))
    assert seen.summary()["max_train_loss"] == math.inf
    assert not math.isnan(seen.barrier)
    assert peaks(problem, start[None], end[None], "train-loss", 5).value.tolist() == [math.inf]


def test_any_module_has_a_profile_and_so_has_regression() -> None:
    module = nn.Sequential(nn.Linear(5, 4), nn.GELU(), nn.Linear(4, 1)).double()
    x = data((5,)).train.x
    split = Split(x, x.sum(1, keepdim=True))
    problem = Problem(module, Dataset("sum", split, None, None), Square())
    path = Path.line(point(problem, 1), point(problem, 2))
    seen = profile(problem, path, 21)
    assert seen.train.error is None
    torch.testing.assert_close(seen.train.loss, problem.losses(path.points(seen.t)), rtol=FLOAT64, atol=FLOAT64)
    assert seen.summary()["max_train_error"] is None
    assert seen.forward_passes == len(seen.t)


class Bow:
    """A parabola away from the line, for paths with a curve."""

    family = "bow"

    def __init__(self, height: Tensor) -> None:
        self.height = height

    def points(self, t: Tensor) -> Tensor:
        return (t * (1 - t))[:, None].to(self.height) * self.height

    def tensors(self) -> dict[str, Tensor]:
        return {"height": self.height}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "Bow":
        return cls(tensors["height"])


def test_curves_are_looked_at_point_by_point() -> None:
    problem = problem_of(Fcn(widths=(4,)))
    start, end = point(problem, 1), point(problem, 2)
    path = Path.line(start, end).then(start, Claim.SAMPLED, Bow(point(problem, 3)))
    seen = profile(problem, path, 21)
    assert_same(seen.train, problem.values(path.points(seen.t)), FLOAT64)
    assert float(seen.arc[-1]) == pytest.approx(path.length())
    assert (seen.arc.diff() > 0).all()
