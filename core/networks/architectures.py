"""Networks by name: the module and its view by layers, from a spec and the data's shape."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from core.networks.activations import activation_of, gain_of
from core.networks.layered import Layer, LayeredNetwork
from core.networks.layout import Layout
from core.specs.names import name_of, read_widths
from core.specs.networks import Cnn, Fcn, NetworkSpec


@dataclass(frozen=True)
class Architecture:
    """A module, its view by layers (None where it has none), and how it is initialised."""

    module: nn.Module
    layered: LayeredNetwork | None
    gain: float

    def initial(self, seed: int, dtype: torch.dtype) -> Tensor:
        """Initial parameters (P,): weights normal with fan-in scaling, biases zero; one seed, one point.

        Drawn in float32 on the CPU whatever the dtype, so that both dtypes start at the same point.
        """
        generator = torch.Generator().manual_seed(seed)
        layout = Layout.of(self.module)
        parameters = {}
        for name, shape in zip(layout.names, layout.shapes, strict=True):
            spread = self.gain / prod(shape[1:]) ** 0.5 if len(shape) > 1 else 0.0
            parameters[name] = torch.randn(shape, generator=generator) * spread if spread else torch.zeros(shape)
        return layout.join(parameters).to(dtype)


def build(spec: NetworkSpec, shape: tuple[int, ...], outputs: int) -> Architecture:
    """The architecture that `spec` names for samples of `shape` and `outputs` outputs.

    Raises UsageError where it can't read such samples.
    """
    spec.check_input(shape)
    return ARCHITECTURES[name_of(spec)](spec, shape, outputs)


def fcn(spec: Fcn, shape: tuple[int, ...], outputs: int) -> Architecture:
    """Dense layers: parameters layers.0.weight, layers.0.bias, layers.1.weight, ..."""
    act = activation_of(spec)
    widths = (prod(shape), *spec.widths, outputs)
    module = Chain([nn.Linear(n, m, bias=spec.bias) for n, m in pairwise(widths)])
    last = len(widths) - 2
    module.view = LayeredNetwork(
        tuple(
            Layer(
                f"layers.{i}.weight",
                f"layers.{i}.bias" if spec.bias else None,
                inputs=widths[i],
                outputs=widths[i + 1],
                activation=None if i == last else act,
            )
            for i in range(last + 1)
        )
    )
    return Architecture(module, module.view, gain_of(spec))


def cnn(spec: Cnn, shape: tuple[int, ...], outputs: int) -> Architecture:
    """3x3 convolutions with padding 1, each with 2x2 max-pooling, then two dense layers."""
    act = activation_of(spec)
    channels = (shape[0], *read_widths(spec.channels))
    side = shape[1] // 2 ** (len(channels) - 1)
    convolutions = [nn.Conv2d(n, m, 3, padding=1) for n, m in pairwise(channels)]
    dense = [nn.Linear(channels[-1] * side**2, spec.hidden), nn.Linear(spec.hidden, outputs)]
    module = Chain([*convolutions, *dense])
    views = [
        Layer(f"layers.{i}.weight", f"layers.{i}.bias", n, m, block=9, padding=1, activation=act, pool=2)
        for i, (n, m) in enumerate(pairwise(channels))
    ]
    i = len(views)
    views.append(Layer(f"layers.{i}.weight", f"layers.{i}.bias", channels[-1], spec.hidden, side**2, activation=act))
    views.append(Layer(f"layers.{i + 1}.weight", f"layers.{i + 1}.bias", spec.hidden, outputs))
    module.view = LayeredNetwork(tuple(views))
    return Architecture(module, module.view, gain_of(spec))


class Chain(nn.Module):
    """The module of a layered network: it owns the parameters and computes by the view."""

    view: LayeredNetwork

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        parameters = {name: value[None] for name, value in self.named_parameters()}
        return self.view.outputs(x[None], parameters)[0]


ARCHITECTURES: dict[str, Callable[..., Architecture]] = {"fcn": fcn, "cnn": cnn}
