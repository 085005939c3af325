"""Profiles by structure say what a plain loop over points says."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.data.dataset import Dataset, Split
from core.losses import CrossEntropy
from core.networks.architectures import build
from core.path import Segment
from core.problem import Problem, Values
from core.profile import segment_values
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
