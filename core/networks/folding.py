"""Batch-norm folded into the layers before it: the same function, by a network without batch-norm.

In evaluation mode a batch-norm behind a layer z = W x + b computes, channel by channel,

    gamma (z - mean) / sqrt(var + eps) + beta  =  (s W) x + (s (b - mean) + beta),    s = gamma / sqrt(var + eps),

which is a layer again. A module is folded where each of its batch-norms reads a convolution or dense layer, and nothing
else does. Its forward pass stays what it is; in the place of each batch-norm it finds nothing to do, and layers have a
bias. The pairs are found by tracing, and the folded module is compared with the module in float64.
"""

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.errors import UsageError, sentence_of
from core.networks.agreement import SAME, difference
from core.networks.calls import Calls
from core.networks.layered import Parameters
from core.networks.statistics import READ

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Pair:
    """A layer and the batch-norm behind it, by their names in the module."""

    layer: str
    norm: str
    eps: float


@dataclass(frozen=True)
class Folding:
    """The folded module, and how states of the module become states of it, and back."""

    module: nn.Module
    pairs: tuple[Pair, ...]

    def folded(self, state: Parameters) -> Parameters:
        """The folded module's parameters, of the module's parameters and buffers; computed in float64."""
        made = {name: one for name, one in state.items() if not self._of_norms(name)}
        for pair in self.pairs:
            weight = state[f"{pair.layer}.weight"]
            mean, var = (state[f"{pair.norm}.{name}"].double() for name in READ)
            gamma, beta = (state.get(f"{pair.norm}.{name}") for name in ("weight", "bias"))
            scale = (1.0 if gamma is None else gamma.double()) / (var + pair.eps).sqrt()
            bias = state.get(f"{pair.layer}.bias", torch.zeros_like(mean)).double()
            shift = scale * (bias - mean) + (0.0 if beta is None else beta.double())
            made[f"{pair.layer}.weight"] = (weight.double() * _by_channel(scale, weight)).to(weight.dtype)
            made[f"{pair.layer}.bias"] = shift.to(weight.dtype)
        return {name: made[name] for name, _ in self.module.named_parameters()}

    def unfolded(self, parameters: Parameters, state: Parameters) -> Parameters:
        """A state of the module that computes the same, of the folded module's parameters at one point.

        `state` is any state of the module: its other buffers are taken over.
        """
        made = {**state, **{name: one for name, one in parameters.items() if name in state}}
        for pair in self.pairs:
            shift = parameters[f"{pair.layer}.bias"]
            mean, var = (f"{pair.norm}.{name}" for name in READ)
            made |= {mean: torch.zeros_like(shift), var: torch.full_like(shift, 1 - pair.eps)}
            if (name := f"{pair.norm}.weight") in state:
                made[name] = torch.ones_like(shift)
            if f"{pair.layer}.bias" in state:
                made |= {name: torch.zeros_like(shift) for name in [f"{pair.norm}.bias"] if name in state}
            elif (name := f"{pair.norm}.bias") in state:
                made[name] = shift.clone()
            else:
                made[mean] = -shift
        return made

    def _of_norms(self, name: str) -> bool:
        return any(name.rpartition(".")[0] == pair.norm for pair in self.pairs)


def _by_channel(scale: Tensor, weight: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (weight.dim() - 1))


def folding_of(module: nn.Module, shape: tuple[int, ...], name: str) -> Folding:
    """How a module that reads samples of `shape` is folded. Raises UsageError where it can't be."""
    pairs = _pairs(module, name)
    folded = deepcopy(module)
    for pair in pairs:
        folded.set_submodule(pair.norm, nn.Identity())
        layer = folded.get_submodule(pair.layer)
        if layer.bias is None:
            layer.bias = nn.Parameter(torch.zeros(len(layer.weight)))
    found = Folding(folded, pairs)
    _require_same(module, found, shape, name)
    return found


def _pairs(module: nn.Module, name: str) -> tuple[Pair, ...]:
    """Every batch-norm with the layer before it. Raises UsageError for one that has none."""
    norms = {one: part for one, part in module.named_modules() if isinstance(part, _BatchNorm)}
    try:
        graph = _Tracer().trace(deepcopy(module).eval())
    except Exception as error:
        why = sentence_of(error)
        raise UsageError(f"{name} can't be folded: its forward pass can't be traced ({why}).") from error
    called = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
    held = Counter(id(one) for _, one in module.named_parameters(remove_duplicate=False))
    pairs = []
    for node in graph.nodes:
        if node.op == "call_module" and str(node.target) in norms:
            layer, norm = node.args[0], norms.pop(str(node.target))
            if not _foldable(module, layer, called, held) or type(norm) not in NORMS or called[str(node.target)] > 1:
                raise _unfoldable(name, str(node.target))
            pairs.append(Pair(str(layer.target), str(node.target), norm.eps))
    for one in norms:
        raise _unfoldable(name, one)
    return tuple(pairs)


def _unfoldable(name: str, norm: str) -> UsageError:
    return UsageError(
        f"{name} can't be folded: its {norm} does not follow, once, a convolution or dense layer that nothing else "
        "reads: use bn=data."
    )


def _foldable(module: nn.Module, node: object, called: Mapping[str, int], held: Mapping[int, int]) -> bool:
    """Whether a node is a layer that is called once, whose tensors are its own, and that one other node reads."""
    if not isinstance(node, fx.Node) or node.op != "call_module" or len(node.users) > 1:
        return False
    layer = module.get_submodule(str(node.target))
    own = layer._parameters.get("weight")
    return type(layer) in LAYERS and called[str(node.target)] == 1 and own is not None and held[id(own)] == 1


class _Tracer(fx.Tracer):
    """Takes every batch-norm for one step, whoever's class it is."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, _BatchNorm) or super().is_leaf_module(m, module_qualified_name)


@torch.no_grad()
def _require_same(module: nn.Module, found: Folding, shape: tuple[int, ...], name: str) -> None:
    """Raise UsageError where the folded module computes something else than the module, at a random state."""
    generator = torch.Generator().manual_seed(0)
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    state = {one: value.detach().double() if value.is_floating_point() else value for one, value in state.items()}
    for pair in found.pairs:
        for own, shift in zip(("weight", "bias", *READ), (0.5, 0.0, 0.0, 0.5), strict=True):
            if (one := f"{pair.norm}.{own}") in state:
                state[one] = torch.rand(state[one].shape, generator=generator, dtype=torch.float64) + shift
    x = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    expected = Calls(module, {}).at(state, x.clone())
    constants = {one: state[one] for one, _ in found.module.named_buffers()}
    off, size = difference(Calls(found.module, constants).at(found.folded(state), x), expected)
    if off > SAME * (1 + size):
        raise UsageError(f"{name} can't be folded: folded it computes something else, by {off:.2g}: use bn=data.")
