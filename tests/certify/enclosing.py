"""Networks of every kind that can be enclosed, built layer by layer, and segments of them that go through everything.

Nothing here uses the checker: `tests.certify.segments.plain_features` says what a network computes.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.certify.enclosed.goal import Budget, Target
from core.certify.enclosed.search import By, Search
from core.data.dataset import Dataset, Split
from core.losses import LOSSES
from core.networks.activations import activation_of
from core.networks.layered import Layer, LayeredNetwork, Pooling
from core.problem import Problem
from core.specs.networks import Fcn
from tests.certify.segments import CLASSES, normal, plain_features

ACTIVATIONS = ("relu", "leaky_relu", "linear", "sigmoid", "tanh", "softplus", "elu")
LOSSES_OF_ALL = (
    "cross-entropy",
    "square",
    "square of values",
    "absolute",
    "absolute of values",
    "hinge",
    "binary-cross-entropy",
    "binary-cross-entropy of values",
)
WAYS: tuple[By, ...] = ("norms", "entries", "columns")
SIDE = 7

largest, average = functional.max_pool2d, functional.avg_pool2d
adaptive = functional.adaptive_avg_pool2d
POOLS: tuple[tuple[Pooling, ...], ...] = (
    (),
    (partial(largest, kernel_size=2),),
    (partial(largest, kernel_size=3, stride=2),),
    (partial(largest, kernel_size=3, stride=1, padding=1),),
    (partial(largest, kernel_size=2, stride=2, dilation=2, ceil_mode=True),),
    (partial(largest, kernel_size=3, stride=1, padding=1), partial(largest, kernel_size=3, stride=2, padding=1)),
    (partial(average, kernel_size=2),),
    (partial(average, kernel_size=3, stride=1, padding=1),),
    (partial(average, kernel_size=3, stride=2, padding=1, count_include_pad=False, ceil_mode=True),),
    (partial(largest, kernel_size=3, stride=1, padding=1), partial(adaptive, output_size=2)),
    (partial(adaptive, output_size=1), partial(adaptive, output_size=7)),
)


class Named(nn.Module):
    """Parameters by name; what they compute is in the layers."""

    def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
        super().__init__()
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape, dtype=torch.float64)))


@dataclass(frozen=True)
class Convolved:
    """A convolution and the poolings behind it."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    pools: tuple[Pooling, ...] = ()


def network(
    x: Tensor, outputs: int, activation: str, widths: tuple[int, ...] = (), images: tuple[Convolved, ...] = ()
) -> tuple[Named, LayeredNetwork]:
    """Convolutions of three channels each, then dense layers of `widths` and the outputs; biases in all layers."""
    act = activation_of(Fcn(widths=(1,), activation=activation, slope=0.2, gamma=3.0))
    shapes: dict[str, tuple[int, ...]] = {}
    layers: list[Layer] = []
    sample = x[:1]
    for i, one in enumerate(images):
        n = sample.shape[1]
        shapes[f"w{i}"], shapes[f"b{i}"] = (3, n, one.kernel, one.kernel), (3,)
        twice = [(number, number) for number in (one.padding, one.stride, one.dilation)]
        layer = Layer(f"w{i}", f"b{i}", n, 3, one.kernel**2, *twice, act, one.pools)
        layers.append(layer)
        parameters = {name: torch.zeros(1, *shapes[name]).double() for name in (f"w{i}", f"b{i}")}
        sample = layer.after(layer.affine(sample[None], parameters))[0]
    for i, (n, m) in enumerate(pairwise((sample[0].numel(), *widths, outputs)), start=len(images)):
        shapes[f"w{i}"], shapes[f"b{i}"] = (m, n), (m,)
        layers.append(Layer(f"w{i}", f"b{i}", n, m, activation=act))
    layers[-1] = replace(layers[-1], activation=None)
    return Named(shapes), LayeredNetwork(tuple(layers))


def problem_with(
    loss: str,
    activation: str,
    *,
    widths: tuple[int, ...] = (),
    images: tuple[Convolved, ...] = (),
    seed: int = 0,
    samples: int = 5,
    inputs: int = 4,
) -> Problem:
    """Random data for a random network, float64; images where there are convolutions."""
    generator = torch.Generator().manual_seed(seed)
    x = normal(generator, samples, *((2, SIDE, SIDE) if images else (inputs,)))
    y = torch.randint(0, CLASSES, (samples,), generator=generator)
    name, regression = loss.removesuffix(" of values"), loss.endswith(" of values")
    values = normal(generator, samples, CLASSES) if regression else y
    data = Dataset(
        "random",
        Split(x, (values > 0).to(x) if loss == "binary-cross-entropy of values" else values),
        None,
        None if regression else CLASSES,
    )
    module, layered = network(x, CLASSES, activation, widths, images)
    return Problem(module, data, LOSSES[name], layered)


def drawn_ends(problem: Problem, seed: int, decades: float, step: float) -> Tensor:
    """Ends (2, P) whose layers have sizes within `decades` of each other; they differ by `step`, or some alone.

    One in four segments has layers that stand still, one in four dead units.
    """
    generator = torch.Generator().manual_seed(seed)

    def drawn() -> float:
        return float(torch.rand((), generator=generator))

    ends: list[dict[str, Tensor]] = [{}, {}]
    still = drawn() < 0.25
    for name, shape in zip(problem.layout.names, problem.layout.shapes, strict=True):
        size = 10 ** (decades * (drawn() - 0.5)) / max(1, sum(shape[1:])) ** 0.5
        first = size * normal(generator, *shape)
        moved = torch.zeros(shape).double() if still and drawn() < 0.5 else step * size * normal(generator, *shape)
        if drawn() < 0.25:
            first[0], moved[0] = 0, 0
        ends[0][name], ends[1][name] = first, first + moved
    return torch.stack([problem.layout.join(one) for one in ends])


def search_on(problem: Problem, ends: Tensor, seen: float = 1.0) -> Search:
    return Search(problem, ends, Target(0.05, seen), Budget())


def outputs_at(problem: Problem, ends: Tensor, t: Tensor) -> Tensor:
    """Outputs (K, N, C) on the train data at t (K,), as float64 has them at lerp's points."""
    assert problem.layered is not None
    x = problem.data.train.x
    points = (torch.lerp(ends[0], ends[1], one) for one in t)
    return torch.stack([plain_features(problem, point, x, problem.layered.depth) for point in points])


def losses_of(problem: Problem, outputs: Tensor) -> Tensor:
    """Losses (K, N) of samples, of outputs (K, N, C)."""
    y = problem.data.train.y
    return problem.loss.samples(outputs, y.expand(len(outputs), *y.shape))
