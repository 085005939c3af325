"""Many points of a network at once, one point, and the same network in plain torch."""

from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import ACTIVATIONS, classes, fill, points, problem_of, sequential, text_of
from torch import Tensor

from core.data.dataset import Dataset
from core.errors import UsageError
from core.networks.architectures import ARCHITECTURES, build
from core.networks.layout import Layout
from core.specs.networks import NETWORKS, Fcn, read_network

CASES = [
    *[(text_of("fcn:7-4x2", one, bias), (2, 3)) for one in ACTIVATIONS for bias in (True, False)],
    *[(text_of("cnn,channels=3-5,hidden=6", one), (2, 28, 28)) for one in ACTIVATIONS],
    ("cnn,channels=4,hidden=5", (1, 32, 32)),
    ("vgg11,width=0.05,hidden=5", (3, 32, 32)),
    ("vgg16,width=0.03,hidden=4,activation=softplus,gamma=2", (3, 40, 64)),
    ("cnn,channels=2-3-4-5,hidden=5", (3, 28, 28)),
    ("cnn,channels=2-3-4,kernel=5,pool=3/2,hidden=6-5", (3, 28, 28)),
    ("cnn,channels=2-3,kernel=1,hidden=4", (1, 28, 28)),
]


@pytest.mark.parametrize(
    ("text", "shape", "parameters"),
    [
        ("cnn", (1, 28, 28), 206_922),
        ("cnn,channels=32-64,kernel=5,hidden=1024", (1, 28, 28), 3_274_634),
        ("cnn,channels=64-64,kernel=5,pool=3/2,hidden=384-192", (3, 32, 32), 1_756_426),
    ],
)
def test_convolutional_networks_have_as_many_parameters_as_in_the_papers(
    text: str, shape: tuple[int, ...], parameters: int
) -> None:
    assert Layout.of(build(read_network(text), shape, 10).module).total == parameters


def truth(text: str, data: Dataset, thetas: Tensor, x: Tensor) -> Tensor:
    """Outputs (K, N, C) of plain modules, one point after the other, for shared samples or samples of each."""
    module = sequential(text, tuple(data.train.x.shape[1:]), data.outputs)
    own = x.dim() > data.train.x.dim()
    with torch.no_grad():
        return torch.stack([fill(module, theta)(x[k] if own else x) for k, theta in enumerate(thetas)])


@pytest.mark.parametrize(("text", "shape"), CASES)
def test_networks_equal_plain_torch(text: str, shape: tuple[int, ...]) -> None:
    data = classes(shape, samples=4)
    problem = problem_of(text, data)
    thetas, x = points(problem, 3), data.train.x
    own = torch.randn(3, *x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(problem.outputs(thetas, x), truth(text, data, thetas, x))
    torch.testing.assert_close(problem.outputs(thetas, own), truth(text, data, thetas, own))
    for k in range(3):
        alone = problem.outputs(thetas[k : k + 1], own[k : k + 1])
        torch.testing.assert_close(alone, truth(text, data, thetas[k : k + 1], own[k : k + 1]))
    torch.testing.assert_close(problem.outputs(thetas[:1], x), truth(text, data, thetas[:1], x))


@pytest.mark.parametrize(("text", "shape"), CASES[::5])
def test_the_module_computes_what_the_view_computes(text: str, shape: tuple[int, ...]) -> None:
    data = classes(shape, samples=4)
    problem = problem_of(text, data)
    theta = points(problem, 1)
    module = fill(problem.network, theta[0])
    torch.testing.assert_close(module(data.train.x)[None], problem.outputs(theta, data.train.x))


@settings(max_examples=30)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 4), st.integers(1, 5), st.integers(1, 4))
def test_batches_equal_loops_for_all_widths(widths: list[int], features: int, count: int, samples: int) -> None:
    data = classes((features,), samples)
    problem = problem_of(str(Fcn(widths=tuple(widths))), data)
    thetas = points(problem, count)
    one_by_one = torch.cat([problem.outputs(theta[None], data.train.x) for theta in thetas])
    torch.testing.assert_close(problem.outputs(thetas, data.train.x), one_by_one)


@pytest.mark.parametrize("text", ["fcn:6x3", "cnn,channels=3-4,hidden=5"])
def test_features_can_start_at_any_layer(text: str) -> None:
    problem = problem_of(text, classes((1, 28, 28), 3))
    view = problem.layered
    assert view is not None
    parameters, x = problem.layout.split(points(problem, 2)), problem.data.train.x[None]
    for layer in range(view.depth):
        below = view.features(x, parameters, layer)
        torch.testing.assert_close(view.outputs(below, parameters, layer), view.outputs(x, parameters))


@pytest.mark.parametrize("text", ["fcn:6-5", "cnn,channels=3-4,hidden=5"])
def test_blocks_are_the_weights_from_each_neuron_below(text: str) -> None:
    """Silencing neuron j below equals zeroing its block in every unit above."""
    problem = problem_of(text, classes((1, 28, 28), 3))
    view = problem.layered
    assert view is not None
    parameters, x = problem.layout.split(points(problem, 1)), problem.data.train.x[None]
    for number, layer in enumerate(view.layers):
        features = view.features(x, parameters, number)
        per_neuron = features.reshape(1, features.shape[1], layer.inputs, -1).clone()
        per_neuron[:, :, -1] = 0
        silenced = view.outputs(per_neuron.reshape(features.shape), parameters, number)
        blocks = layer.blocks(parameters[layer.weight][0]).clone()
        blocks[:, -1] = 0
        cut = {**parameters, layer.weight: blocks.reshape(parameters[layer.weight].shape)}
        torch.testing.assert_close(view.outputs(features, cut, number), silenced)


@pytest.mark.parametrize("text", ["fcn:300x2", "fcn:300x2,activation=elu", "cnn", "fcn:300x2,bias=false"])
def test_initial_points_depend_on_the_seed_alone(text: str) -> None:
    built = build(read_network(text), (1, 28, 28), 10)
    first = built.initial(7, torch.float32)
    assert torch.equal(first, built.initial(7, torch.float32))
    assert torch.equal(first.double(), built.initial(7, torch.float64))
    assert not torch.equal(first, built.initial(8, torch.float32))


def test_initial_weights_keep_the_scale_of_features() -> None:
    built = build(read_network("fcn:1000x4"), (400,), 10)
    problem = problem_of("fcn:1000x4", classes((400,), samples=50, count=10))
    parameters = problem.layout.split(built.initial(0, torch.float64)[None])
    assert built.layered is not None
    squares = [
        built.layered.features(problem.data.train.x[None], parameters, layer).square().mean() for layer in range(1, 5)
    ]
    assert all(0.5 < float(square) < 2 for square in squares)  # half the units of variance 2
    assert all(not parameters[f"layers.{i}.bias"].any() for i in range(5))


def test_every_network_that_can_be_named_can_be_built() -> None:
    assert set(ARCHITECTURES) == set(NETWORKS)


@pytest.mark.parametrize(("name", "convolutions"), [("vgg11", 9_220_480), ("vgg13", 9_404_992), ("vgg16", 14_714_688)])
def test_vgg_is_that_of_the_papers(name: str, convolutions: int) -> None:
    """Convolutions as torchvision's, counted in parameters; dense layers 512-128-128-10."""
    shapes = Layout.of(build(read_network(name), (3, 32, 32), 10).module).shapes
    sizes = [prod(shape) for shape in shapes]
    assert sum(sizes[:-6]) == convolutions
    assert shapes[-6::2] == ((128, 512), (128, 128), (10, 128))
    assert len(shapes) // 2 == int(name.removeprefix("vgg"))


def test_networks_refuse_samples_they_can_not_read() -> None:
    with pytest.raises(UsageError, match="28x28"):
        build(read_network("cnn"), (1, 8, 8), 10)
