"""Loss, error and gradients of many points against one point at a time in plain torch."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from plain import classes, fill, points, problem_of, sequential, text_of
from torch import Tensor, nn

from core.data.dataset import Dataset, Split
from core.errors import PremiseError
from core.losses import LOSSES, loss_named
from core.networks.architectures import build
from core.networks.layout import Layout
from core.problem import Problem
from core.specs.networks import read_network

shapes = st.lists(st.lists(st.integers(1, 3), max_size=3).map(tuple), min_size=1, max_size=5).map(tuple)
TEXTS = ["fcn:7-5", "fcn:7-5,activation=tanh,bias=false", "cnn,channels=3-4,hidden=5"]


class Residual(nn.Module):
    """A network without a view by layers, with a scalar parameter and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(6, 6), nn.Linear(6, 3)
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.register_buffer("shift", torch.tensor(0.25, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.outer(x + self.scale * torch.tanh(self.inner(x)) + self.shift)
        return out


@given(shapes, st.integers(1, 3))
def test_layouts_split_and_join(drawn: tuple[tuple[int, ...], ...], count: int) -> None:
    layout = Layout(tuple(f"p{i}" for i in range(len(drawn))), drawn)
    thetas = torch.randn(count, layout.total, generator=torch.Generator().manual_seed(0))
    named = layout.split(thetas)
    assert [tuple(one.shape) for one in named.values()] == [(count, *shape) for shape in drawn]
    for k in range(count):
        assert torch.equal(layout.join({name: one[k] for name, one in named.items()}), thetas[k])


def test_layouts_are_told_apart_by_names_and_shapes() -> None:
    layout = Layout.of(sequential("fcn:3", (2,), 2))
    assert layout.fingerprint == Layout.of(sequential("fcn:3", (2,), 2)).fingerprint
    others = [Layout.of(sequential("fcn:4", (2,), 2)), replace(layout, names=tuple("abcd"))]
    assert layout.fingerprint not in {one.fingerprint for one in others}


@pytest.mark.parametrize("loss", ["cross-entropy", "square", "absolute", "hinge"])
@pytest.mark.parametrize("text", TEXTS)
def test_values_equal_plain_loops(text: str, loss: str) -> None:
    data = classes((1, 28, 28), samples=11)
    problem = problem_of(text, data, loss)
    thetas = points(problem, 3)
    module = sequential(text, (1, 28, 28), 3)
    for part in ("train", "test"):
        split = problem.part(part)
        assert split is not None
        found = problem.values(thetas, part)
        assert found.loss.dtype == torch.float64
        for k, theta in enumerate(thetas):
            with torch.no_grad():
                out = fill(module, theta)(split.x)
            expected = plain_loss(loss, out, split.y)
            torch.testing.assert_close(found.loss[k], expected)
            torch.testing.assert_close(problem.losses(thetas[k : k + 1], part)[0], expected)
            assert found.error is not None
            assert float(found.error[k]) == pytest.approx(int((out.argmax(1) != split.y).sum()) / len(split))


def plain_loss(name: str, out: Tensor, y: Tensor) -> Tensor:
    if name == "cross-entropy":
        return nn.functional.cross_entropy(out, y)
    if name == "square":
        return (
            nn.functional.mse_loss(out, nn.functional.one_hot(y, out.shape[1]).double(), reduction="sum") / 2 / len(y)
        )
    if name == "absolute":
        return nn.functional.l1_loss(out, nn.functional.one_hot(y, out.shape[1]).double(), reduction="sum") / len(y)
    margins = 1 + out - out.gather(1, y[:, None])
    margins[torch.arange(len(y)), y] = 0
    return margins.max(1).values.mean()


def test_values_do_not_depend_on_chunks_or_company() -> None:
    problem = problem_of("fcn:5", classes((4,), samples=1500))
    thetas = points(problem, 90)
    alone = torch.cat([problem.losses(theta[None]) for theta in thetas])
    torch.testing.assert_close(problem.losses(thetas), alone)
    torch.testing.assert_close(problem.losses(thetas)[3], problem.batch_losses(thetas[3:4], *both(problem))[0])


def both(problem: Problem) -> tuple[Tensor, Tensor]:
    return problem.data.train.x, problem.data.train.y


def test_regression_has_losses_and_no_error() -> None:
    x = torch.linspace(0, 1, 6, dtype=torch.float64)[:, None]
    problem = problem_of("fcn:3,activation=tanh", Dataset("line", Split(x, x.square()), None, None))
    theta = points(problem, 1)
    out = fill(sequential("fcn:3,activation=tanh", (1,), 1), theta[0])(x)
    values = problem.values(theta)
    assert values.error is None
    torch.testing.assert_close(values.loss[0], 0.5 * (out - x.square()).square().mean().detach())


def test_a_network_that_broke_has_no_finite_loss_and_all_answers_wrong() -> None:
    problem = problem_of("fcn:3", classes((4,)))
    values = problem.values(torch.full((1, problem.layout.total), float("nan"), dtype=torch.float64))
    assert not torch.isfinite(values.loss).any()
    assert values.error is not None
    assert values.error.tolist() == [1.0]


@pytest.mark.parametrize("text", [*TEXTS, text_of("fcn:6x3", "softplus")])
def test_gradients_equal_plain_autograd(text: str) -> None:
    data = classes((1, 28, 28), samples=5)
    problem = problem_of(text, data)
    thetas = points(problem, 2)
    module = sequential(text, (1, 28, 28), 3)
    own = torch.stack([data.train.x, data.train.x.flip(0)]), torch.stack([data.train.y, data.train.y.flip(0)])
    for x, y in (both(problem), own):
        losses, gradients = problem.gradients(thetas, x, y)
        for k, theta in enumerate(thetas):
            mine = (x[k], y[k]) if y.dim() == 2 else (x, y)
            fill(module, theta)
            loss = nn.functional.cross_entropy(module(mine[0]), mine[1])
            expected = torch.autograd.grad(loss, list(module.parameters()))
            torch.testing.assert_close(losses[k], loss.detach())
            torch.testing.assert_close(gradients[k], torch.cat([one.flatten() for one in expected]))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_equal_finite_differences(loss: str) -> None:
    problem = problem_of("fcn:5-4,activation=tanh", classes((3,), 6), loss)
    thetas = points(problem, 2)
    direction = points(problem, 1, seed=3)
    _, gradients = problem.gradients(thetas, *both(problem))
    h = 1e-6
    slope = (problem.losses(thetas + h * direction) - problem.losses(thetas - h * direction)) / (2 * h)
    torch.testing.assert_close((gradients * direction).sum(1), slope, rtol=1e-6, atol=1e-8)


def test_networks_without_layers_are_looped_over() -> None:
    data = classes((6,), samples=8)
    module = Residual().double()
    problem = Problem(module, data, loss_named(None, 3))
    thetas, (x, y) = points(problem, 4), both(problem)
    own = torch.stack([x, x.flip(0), 2 * x, -x])
    shared, each = problem.outputs(thetas, x), problem.outputs(thetas, own)
    losses, gradients = problem.gradients(thetas, x, y)
    for k, theta in enumerate(thetas):
        fill(module, theta)
        torch.testing.assert_close(shared[k], module(x).detach())
        torch.testing.assert_close(each[k], module(own[k]).detach())
        torch.testing.assert_close(problem.outputs(thetas[k : k + 1], own[k : k + 1])[0], each[k])
        expected = torch.autograd.grad(nn.functional.cross_entropy(module(x), y), list(module.parameters()))
        torch.testing.assert_close(gradients[k], torch.cat([one.flatten() for one in expected]))
    torch.testing.assert_close(problem.losses(thetas), losses)


def test_problems_move_to_another_dtype() -> None:
    problem = problem_of("fcn:5", classes((3,)))
    single = problem.to("cpu", torch.float32)
    assert (single.dtype, single.device.type) == (torch.float32, "cpu")
    thetas = points(problem, 2)
    torch.testing.assert_close(single.losses(thetas.float()), problem.losses(thetas), rtol=1e-5, atol=1e-6)


def test_features_are_those_of_the_view_and_missing_ones_are_refused() -> None:
    architecture = build(read_network("fcn:5-4"), (3,), 2)
    x = torch.rand(7, 3, dtype=torch.float64)
    data = Dataset("random", Split(x, torch.zeros(7, dtype=torch.long)), None, 2)
    problem = Problem(architecture.module, data, LOSSES["cross-entropy"], architecture.layered)
    thetas = torch.stack([architecture.initial(seed, torch.float64) for seed in (0, 1)])
    assert torch.equal(problem.features(thetas, 0, x)[0], x)
    first, second = (problem.layout.split(thetas)[f"layers.{i}.weight"] for i in (0, 1))
    hidden = torch.relu(torch.einsum("nd,kmd->knm", x, first))
    torch.testing.assert_close(problem.features(thetas, 1, x), hidden)
    torch.testing.assert_close(problem.features(thetas, 2, x), torch.relu(torch.einsum("knd,kmd->knm", hidden, second)))
    torch.testing.assert_close(problem.features(thetas, 3, x), problem.outputs(thetas, x))
    with pytest.raises(PremiseError, match="layers 0 to 3, not 4"):
        problem.features(thetas, 4, x)
    blind = Problem(architecture.module, data, LOSSES["cross-entropy"])
    with pytest.raises(PremiseError, match="this one has none"):
        blind.features(thetas, 1, x)
