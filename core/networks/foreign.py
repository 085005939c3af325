"""Foreign networks: torchvision's by name, and the user's own from a file, which is code and runs here.

That happens in workers and probes only. A module is taken as it is in evaluation mode, where dropout does nothing;
its parameters are all that is trained (`core.networks.requirements` says what it has to be for that).
"""

import inspect
import warnings
from collections.abc import Callable
from contextlib import chdir
from difflib import get_close_matches
from math import gcd

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.code_files import pinned_source, run_source
from core.errors import UsageError, is_out_of_memory, sentence_of
from core.networks.requirements import require_bare, unreadable
from core.specs.networks import File, Torchvision

GROUPS = 32  # of group-norm, where the channels allow it: Wu and He 2018
Maker = Callable[[], nn.Module]


def maker_of(spec: Torchvision | File, shape: tuple[int, ...], outputs: int) -> Maker:
    """What makes the module for samples of `shape` and `outputs` outputs. Raises UsageError."""
    return _from_file(spec, shape, outputs) if isinstance(spec, File) else _from_torchvision(spec, outputs)


def make_module(make: Maker, shape: tuple[int, ...], seed: int) -> nn.Module:
    """A new module on the CPU in float32 and evaluation mode, initialised from a seed; it has read samples once."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        module = make().to("cpu", torch.float32).eval()
        x = torch.zeros(2, *shape)
        try:
            with torch.no_grad():
                module(x)  # lazy parameters get their shapes
        except Exception as error:
            raise unreadable(error, x) from error
    return module


def _from_torchvision(spec: Torchvision, outputs: int) -> Maker:
    from torchvision import models  # noqa: PLC0415 - seconds, spared to jobs on other networks

    known = models.list_models(module=models)
    if spec.builder not in known:
        near = get_close_matches(spec.builder, known, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Available: {', '.join(known)}."
        raise UsageError(f"torchvision.models has no network {spec.builder!r}. {hint}")

    def make() -> nn.Module:
        return _renormed(models.get_model(spec.builder, weights=None, num_classes=outputs), spec.norm)

    return make


def _renormed(module: nn.Module, norm: str) -> nn.Module:
    """The module with group-norm or nothing in the place of every batch-norm."""
    if norm != "batch":
        for name, child in list(module.named_children()):
            if isinstance(child, _BatchNorm):
                n = child.num_features
                setattr(module, name, nn.GroupNorm(gcd(GROUPS, n), n) if norm == "group" else nn.Identity())
            else:
                _renormed(child, norm)
    return module


def _from_file(spec: File, shape: tuple[int, ...], outputs: int) -> Maker:
    factory = getattr(run_source(spec, pinned_source(spec)), spec.factory, None)
    if not callable(factory):
        raise UsageError(f"{spec.path} has no function or class {spec.factory} that could make the network.")
    arguments = (tuple(shape), outputs) if _takes_two(spec, factory) else ()

    def make() -> nn.Module:
        try:
            with chdir(spec.path.parent):  # probes and workers start elsewhere, and a factory may read what lies there
                module = factory(*arguments)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise UsageError(f"{spec.factory} of {spec.path} fails with {sentence_of(error)}.") from error
        if not isinstance(module, nn.Module):
            kind = type(module).__name__
            raise UsageError(f"{spec.factory} of {spec.path} returns an object of type {kind}, not a torch.nn.Module.")
        if type(module).__name__ == "OptimizedModule":  # torch.compile's: the same function, slower for what we do
            module = module.get_submodule("_orig_mod")
        require_bare(module, spec.short_text)
        return module

    return make


def _takes_two(spec: File, factory: Callable[..., object]) -> bool:
    """Whether the factory is called with (input shape, outputs) or with nothing: by the arguments that it requires."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError:  # built in
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [one for one in parameters if one.default is one.empty and one.kind in positional]
    by_name = [one for one in parameters if one.default is one.empty and one.kind is one.KEYWORD_ONLY]
    if by_name or len(required) not in (0, 2):
        raise UsageError(
            f"{spec.factory} of {spec.path} has to require two arguments, input shape and number of outputs, or none; "
            f"it requires {', '.join(one.name for one in [*required, *by_name])}."
        )
    return bool(required)
