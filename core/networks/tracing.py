"""The view by layers of a foreign module, found by tracing its forward pass.

`torch.fx` records what forward does in evaluation mode. Where each step reads only the one before, and every step is
a dense layer, a convolution, a known activation, a pooling, a flattening or nothing, the module is a chain of layers.
A view is only given where it equals the module in float64, at random parameters on random samples of several sizes.
"""

import operator
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from core.networks.activations import activation_in
from core.networks.agreement import disagreement
from core.networks.layered import Layer, LayeredNetwork, Pair, Pooling

Shape = tuple[int, ...]


class NoLayersError(Exception):
    """A module has no view by layers; the text says why, as the end of a sentence."""


@dataclass(frozen=True)
class Step:
    """One node of the chain as a torch module, and the shapes (N, ...) that it reads and makes."""

    name: str
    module: nn.Module
    reads: Shape
    makes: Shape


def layers_of(module: nn.Module, shape: Shape) -> LayeredNetwork:
    """The view of a module that reads samples of `shape`. Raises NoLayersError."""
    _require_as_written(module)
    try:
        exact = deepcopy(module).double().eval()
        graph = fx.GraphModule(exact, fx.Tracer().trace(exact))
        shapes = _Shapes(graph)
        with torch.no_grad():
            shapes.run(torch.zeros(3, *shape, dtype=torch.float64))
    except Exception as error:
        raise NoLayersError(f"its forward pass can't be traced ({type(error).__name__})") from error
    chain = _Chain({id(value): name for name, value in exact.named_parameters()})
    for step in _steps(graph, shapes.found):
        chain.add(step)
    view = chain.view(exact)
    if odd := disagreement(view, exact, shape):
        raise NoLayersError(odd)
    return view


def _require_as_written(module: nn.Module) -> None:
    """Raise NoLayersError where a hook, or a forward of one object alone, changes what a class computes.

    Tracing passes over them, and random samples needn't show them: outputs may be clamped where they are large.
    """
    for name, one in module.named_modules():
        if one._forward_hooks or one._forward_pre_hooks or "forward" in vars(one):
            raise NoLayersError(f"{name or 'the module'} has a hook, or a forward that is not its class's")


class _Shapes(fx.Interpreter):
    """Runs a graph and keeps the shape of every tensor in it, None for anything else."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.found: dict[fx.Node, Shape | None] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        self.found[n] = tuple(value.shape) if isinstance(value, Tensor) else None
        return value


def _steps(graph: fx.GraphModule, shapes: dict[fx.Node, Shape | None]) -> Iterator[Step]:
    """The graph's nodes, each of which reads only the one before. Raises NoLayersError: first for branches."""
    *inner, output = graph.graph.nodes
    nodes = [node for node in inner if shapes[node] is not None]
    for before, node in zip([None, *nodes], nodes, strict=False):
        if node.op == "get_attr":
            raise NoLayersError(f"it uses {node.target} beside its layers")
        read = [one for one in node.all_input_nodes if shapes[one] is not None]
        if len(read) > 1 or (read and read[0] is not before):
            what = " and ".join(one.name for one in (read if len(read) > 1 else [node, *read]))
            raise NoLayersError(f"{what} make a branch, a residual or skip connection, at {node.name}")
        if not read and before is not None:
            raise NoLayersError(f"{node.name} makes a tensor of nothing")
    if odd := [node for node in inner if shapes[node] is None and node.users and node.target not in READING_SIZES]:
        raise NoLayersError(f"{odd[0].name} makes something else than tensors and sizes")
    if output.args[0] is not nodes[-1]:
        raise NoLayersError("its output is not the last thing that it computes")
    for before, node in pairwise(nodes):
        reads, makes = shapes[before], shapes[node]
        assert reads is not None
        assert makes is not None
        yield Step(node.name, _module_of(graph, node, reads, makes), reads, makes)


READING_SIZES = {"size", "dim", getattr, operator.getitem, operator.mul}
AS_MODULES: dict[Any, Callable[..., nn.Module]] = {
    **dict.fromkeys((torch.relu, torch.relu_, functional.relu, functional.relu_, "relu", "relu_"), nn.ReLU),
    **dict.fromkeys((torch.sigmoid, functional.sigmoid, "sigmoid"), nn.Sigmoid),
    **dict.fromkeys((torch.tanh, functional.tanh, "tanh"), nn.Tanh),
    functional.leaky_relu: nn.LeakyReLU,
    functional.softplus: nn.Softplus,
    functional.elu: nn.ELU,
    functional.max_pool2d: nn.MaxPool2d,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
}
RESHAPING = {torch.flatten, torch.reshape, "flatten", "reshape", "view"}


def _module_of(graph: fx.GraphModule, node: fx.Node, reads: Shape, makes: Shape) -> nn.Module:
    """A node as a torch module, which is what the rest of this file reads. Raises NoLayersError."""
    if node.op == "call_module":
        return graph.get_submodule(str(node.target))
    if node.target in RESHAPING and makes in (reads, (reads[0], prod(reads[1:]))):
        return nn.Flatten() if makes != reads else nn.Identity()
    if node.target is functional.dropout and node.kwargs.get("training") is False:
        return nn.Identity()
    kind = AS_MODULES.get(node.target)
    if kind is None or len(node.all_input_nodes) > 1:  # the others are sizes, in a kernel_size say
        raise NoLayersError(f"{node.name} is not a known layer, activation or pooling")
    return kind(*node.args[1:], **{name: one for name, one in node.kwargs.items() if name != "input"})


IDENTITY = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.Flatten)


@dataclass
class _Chain:
    """Layers as they come; `names` are those of parameters by their identity."""

    names: dict[int, str]
    layers: list[Layer] = field(default_factory=list)
    averaged: bool = False  # since the last layer, which no activation may follow

    def add(self, step: Step) -> None:
        """Take in one step. Raises NoLayersError."""
        module, kind = step.module, type(step.module)
        if isinstance(module, nn.Linear) and kind is nn.Linear:
            self._dense(step, module)
        elif isinstance(module, nn.Conv2d) and kind is nn.Conv2d:
            self._convolution(step, module)
        elif kind in IDENTITY:
            if step.makes not in (step.reads, (step.reads[0], prod(step.reads[1:]))):
                raise NoLayersError(f"{step.name} reshapes its features otherwise than by flattening them")
        elif (pool := pooling_in(step.module)) is not None and len(step.reads) == 4:
            self._replace(step, pools=(*self._last(step).pools, pool))
            self.averaged |= kind is not nn.MaxPool2d
        elif (act := activation_in(step.module)) is not None:
            # Behind max-pooling, too: activations don't decrease, so the two may change places.
            if self._last(step).activation is not None or self.averaged:
                raise NoLayersError(f"the activation {step.name} does not follow a layer")
            self._replace(step, activation=act)
        else:
            raise NoLayersError(f"{step.name} ({kind.__name__}) is not a known layer, activation or pooling")

    def view(self, module: nn.Module) -> LayeredNetwork:
        """The whole chain. Raises NoLayersError."""
        if not self.layers or self.layers[-1].padding is not None:
            raise NoLayersError("its last layer is not dense")
        if self.layers[-1].activation is not None:
            raise NoLayersError("an activation follows its last layer")
        used = {name for layer in self.layers for name in (layer.weight, layer.bias)}
        if idle := [name for name, _ in module.named_parameters() if name not in used]:
            raise NoLayersError(f"its parameter {idle[0]} belongs to no layer")
        return LayeredNetwork(tuple(self.layers), traced=True)

    def _dense(self, step: Step, module: nn.Linear) -> None:
        if len(step.reads) != 2:
            raise NoLayersError(f"{step.name} reads images without flattening them")
        below = self.layers[-1].outputs if self.layers else module.in_features
        self._append(step, module, Layer("", None, below, module.out_features, block=module.in_features // below))

    def _convolution(self, step: Step, module: nn.Conv2d) -> None:
        padding = _padding(module)
        if module.groups != 1 or module.padding_mode != "zeros" or padding is None or len(step.reads) != 4:
            raise NoLayersError(f"{step.name} is a convolution with groups or another padding than zeros")
        layer = Layer(
            "",
            None,
            module.in_channels,
            module.out_channels,
            block=prod(module.kernel_size),
            padding=padding,
            stride=_pair(module.stride),
            dilation=_pair(module.dilation),
        )
        self._append(step, module, layer)

    def _append(self, step: Step, module: nn.Linear | nn.Conv2d, layer: Layer) -> None:
        weight = self.names.get(id(module.weight))
        bias = None if module.bias is None else self.names.get(id(module.bias))
        if weight is None or (bias is None) != (module.bias is None):
            raise NoLayersError(f"{step.name} computes its weights from other parameters")
        self.layers.append(replace(layer, weight=weight, bias=bias))
        self.averaged = False

    def _last(self, step: Step) -> Layer:
        if not self.layers:
            raise NoLayersError(f"{step.name} comes before the first layer")
        return self.layers[-1]

    def _replace(self, step: Step, **changes: Any) -> None:
        self.layers[-1] = replace(self._last(step), **changes)


def pooling_in(module: nn.Module) -> Pooling | None:
    """The pooling of every channel alone that a torch module is; None where it is none of those known."""
    match module:
        case nn.MaxPool2d(return_indices=False):
            return partial(
                functional.max_pool2d,
                kernel_size=module.kernel_size,
                stride=module.stride,
                padding=module.padding,
                dilation=module.dilation,
                ceil_mode=module.ceil_mode,
            )
        case nn.AvgPool2d(divisor_override=None):
            return partial(
                functional.avg_pool2d,
                kernel_size=module.kernel_size,
                stride=module.stride,
                padding=module.padding,
                ceil_mode=module.ceil_mode,
                count_include_pad=module.count_include_pad,
            )
        case nn.AdaptiveAvgPool2d():
            return partial(functional.adaptive_avg_pool2d, output_size=module.output_size)
        case _:
            return None


def _pair(given: Any) -> Pair:
    height, width = given
    return int(height), int(width)


def _padding(module: nn.Conv2d) -> Pair | None:
    """Padding on each side; None where the two sides of one dimension differ."""
    if module.padding == "valid":
        return (0, 0)
    if module.padding == "same":
        whole = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        return None if any(one % 2 for one in whole) else _pair([one // 2 for one in whole])
    return _pair(module.padding)
