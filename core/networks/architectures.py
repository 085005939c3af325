"""Networks by name: the module and its view by layers, from a spec and the data's shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.networks.activations import activation_of, gain_of
from core.networks.folding import Folding, folding_of
from core.networks.foreign import make_module, maker_of
from core.networks.layered import Layer, LayeredNetwork, Pooling
from core.networks.layout import Layout
from core.networks.recurrent import LanguageModel, uniform_start
from core.networks.repeatability import first_difference, require_alike, require_repeatable
from core.networks.requirements import require_usable
from core.networks.tracing import NoLayersError, layers_of
from core.specs.names import name_of, read_widths
from core.specs.networks import Activated, Cnn, Fcn, File, Foreign, Lstm, NetworkSpec, Vgg

HALVING = partial(functional.max_pool2d, kernel_size=2)
OVERLAPPING = partial(functional.max_pool2d, kernel_size=3, stride=2, padding=1)


@dataclass(frozen=True)
class Architecture:
    """A module, its view by layers, and how it is initialised.

    `layered` is None where it has none; then `without` says why, as the end of a sentence. `start(seed)` are initial
    parameters by name, in float32; `seeded` is whether another seed makes other ones.
    """

    module: nn.Module
    layered: LayeredNetwork | None
    start: Callable[[int], dict[str, Tensor]]
    without: str = ""
    seeded: bool = True

    def initial(self, seed: int, dtype: torch.dtype) -> Tensor:
        """Initial parameters (P,): one seed, one point.

        Drawn in float32 on the CPU whatever the dtype, so that both dtypes start at the same point.
        """
        return Layout.of(self.module).join(self.start(seed)).to(dtype)


def build(spec: NetworkSpec, shape: tuple[int, ...], outputs: int) -> Architecture:
    """The architecture that `spec` names for samples of `shape` and `outputs` outputs.

    Raises UsageError where it can't read such samples, or can't be trained.
    """
    spec.check_input(shape)
    return ARCHITECTURES[name_of(spec)](spec, shape, outputs)


def fcn(spec: Fcn, shape: tuple[int, ...], outputs: int) -> Architecture:
    """Dense layers: parameters layers.0.weight, layers.0.bias, layers.1.weight, ..."""
    pairs = list(pairwise((prod(shape), *spec.widths, outputs)))
    return layered_architecture(
        spec, [nn.Linear(n, m, bias=spec.bias) for n, m in pairs], [Layer("", None, n, m) for n, m in pairs]
    )


def cnn(spec: Cnn, shape: tuple[int, ...], outputs: int) -> Architecture:
    """Convolutions, each with max-pooling, then dense layers."""
    stages = [(n,) for n in read_widths(spec.channels)]
    pool = HALVING if spec.pool == "2" else OVERLAPPING
    return convolutional(spec, stages, (*spec.dense_widths, outputs), shape, kernel=spec.kernel, pool=pool)


def vgg(spec: Vgg, shape: tuple[int, ...], outputs: int) -> Architecture:
    """Stages of convolutions, each with max-pooling, then three dense layers."""
    return convolutional(spec, spec.convolutions, (spec.hidden, spec.hidden, outputs), shape)


def convolutional(
    spec: Activated,
    stages: Sequence[Sequence[int]],
    dense: Sequence[int],
    shape: tuple[int, ...],
    *,
    kernel: int = 3,
    pool: Pooling = HALVING,
) -> Architecture:
    """Convolutions that keep an image's size, with pooling after each stage of them, then dense layers."""
    n, around = shape[0], kernel // 2
    modules: list[nn.Conv2d | nn.Linear] = []
    layers: list[Layer] = []
    for stage in stages:
        for m in stage:
            modules.append(nn.Conv2d(n, m, kernel, padding=around))
            layers.append(Layer("", None, n, m, block=kernel**2, padding=(around, around)))
            n = m
        layers[-1] = replace(layers[-1], pools=(pool,))
    area = pooled_area(shape, pool, len(stages))
    for m in dense:
        modules.append(nn.Linear(n * area, m))
        layers.append(Layer("", None, n, m, block=area))
        n, area = m, 1
    return layered_architecture(spec, modules, layers)


def pooled_area(shape: tuple[int, ...], pool: Pooling, times: int) -> int:
    """Pixels that are left of a channel of images (channels, height, width) after so many poolings."""
    image = torch.zeros(1, 1, *shape[1:])
    for _ in range(times):
        image = pool(image)
    return image.numel()


def layered_architecture(
    spec: Activated, modules: Sequence[nn.Conv2d | nn.Linear], layers: Sequence[Layer]
) -> Architecture:
    """A built-in network from its modules and the layers that they are, up to names and activation."""
    act, last = activation_of(spec), len(layers) - 1
    named = tuple(
        replace(
            layer,
            weight=f"layers.{i}.weight",
            bias=None if modules[i].bias is None else f"layers.{i}.bias",
            activation=None if i == last else act,
        )
        for i, layer in enumerate(layers)
    )
    module = LayeredModule(modules, LayeredNetwork(named))
    return Architecture(module, module.view, partial(normal_start, Layout.of(module), gain_of(spec)))


def normal_start(layout: Layout, gain: float, seed: int) -> dict[str, Tensor]:
    """Weights normal with fan-in scaling, biases zero."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, shape in zip(layout.names, layout.shapes, strict=True):
        spread = gain / prod(shape[1:]) ** 0.5 if len(shape) > 1 else 0.0
        parameters[name] = torch.randn(shape, generator=generator) * spread if spread else torch.zeros(shape)
    return parameters


def lstm(spec: Lstm, shape: tuple[int, ...], outputs: int) -> Architecture:  # noqa: ARG001
    """A language model of so many words, whatever the length of its samples."""
    module = LanguageModel(spec, outputs)
    return Architecture(module, None, partial(uniform_start, Layout.of(module)), "LSTMs read a word after the other")


def foreign(spec: Foreign, shape: tuple[int, ...], outputs: int) -> Architecture:
    """A foreign network, initialised as its authors intended."""
    make = maker_of(spec, shape, outputs)
    module = make_module(make, shape, 0)
    require_usable(module, shape, outputs, spec.short_text)
    if isinstance(spec, File):
        require_repeatable(module, make_module(make, shape, 0), shape, spec.short_text)

    def start(seed: int) -> dict[str, Tensor]:
        of_seed = make_module(make, shape, seed)
        require_alike(module, of_seed, spec.short_text)
        return {name: one.detach() for name, one in of_seed.named_parameters()}

    seeded = not isinstance(spec, File) or first_difference(start(0).items(), start(1).items()) is not None
    try:
        return Architecture(module, layers_of(module, shape), start, seeded=seeded)
    except NoLayersError as reason:
        return Architecture(module, None, start, str(reason), seeded=seeded)


@dataclass(frozen=True)
class FoldedArchitecture:
    """A module whose batch-norms are folded, and its view by layers, as in `Architecture`."""

    folding: Folding
    layered: LayeredNetwork | None
    without: str = ""


def folded(module: nn.Module, shape: tuple[int, ...], name: str) -> FoldedArchitecture:
    """The module with each batch-norm folded into the layer before it. Raises UsageError where that can't be."""
    folding = folding_of(module, shape, name)
    try:
        return FoldedArchitecture(folding, layers_of(folding.module, shape))
    except NoLayersError as reason:
        return FoldedArchitecture(folding, None, str(reason))


class LayeredModule(nn.Module):
    """The module of a layered network: it owns the parameters and computes by the view."""

    def __init__(self, layers: Sequence[nn.Module], view: LayeredNetwork) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.view = view

    def forward(self, x: Tensor) -> Tensor:
        parameters = {name: value[None] for name, value in self.named_parameters()}
        return self.view.outputs(x[None], parameters)[0]


ARCHITECTURES: dict[str, Callable[..., Architecture]] = {
    "fcn": fcn,
    "cnn": cnn,
    "vgg11": vgg,
    "vgg13": vgg,
    "vgg16": vgg,
    "lstm": lstm,
    "torchvision": foreign,
    "timm": foreign,
    "hf": foreign,
    "file": foreign,
}
