"""Networks of somebody else's: torchvision's by name, a user's own from a file, which is code and is run here.

That happens in workers and probes only. A module is taken as it is in evaluation mode, where dropout does nothing;
its parameters are all that is trained, so what keeps more than parameters from batch to batch is refused.
"""

import inspect
import sys
import warnings
from collections.abc import Callable
from contextlib import chdir
from copy import deepcopy
from difflib import get_close_matches
from math import gcd
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.errors import UsageError
from core.networks.source import changed_since, read_source, sha256_of
from core.specs.networks import File, Torchvision

GROUPS = 32  # of group-norm, where the channels allow it: Wu and He 2018
Maker = Callable[[], nn.Module]


def maker_of(spec: Torchvision | File, shape: tuple[int, ...], outputs: int) -> Maker:
    """What makes the module for samples of `shape` and `outputs` outputs. Raises UsageError."""
    return _from_file(spec, shape, outputs) if isinstance(spec, File) else _from_torchvision(spec, outputs)


def made(make: Maker, shape: tuple[int, ...], seed: int) -> nn.Module:
    """A new module on the CPU in float32 and evaluation mode, initialised from a seed; it has read samples once."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        module = make().to("cpu", torch.float32).eval()
        _read(module, torch.zeros(2, *shape))  # lazy parameters get their shapes
    return module


def require_usable(module: nn.Module, shape: tuple[int, ...], outputs: int, name: str) -> None:
    """Raise UsageError where a module's loss is no function of parameters and samples, or can't be trained as one."""
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    given = _read(module, x)
    if not isinstance(given, Tensor) or given.shape != (3, outputs):
        what = "x".join(map(str, given.shape)) if isinstance(given, Tensor) else f"a {type(given).__name__}"
        raise UsageError(f"{name} makes {what} of 3 samples: it has to make one tensor of 3x{outputs} for this data.")
    if not any(True for _ in module.parameters()):
        raise UsageError(f"{name} has no parameters: there is nothing to train.")
    if fixed := [one for one, value in module.named_parameters() if not value.requires_grad]:
        raise UsageError(f"{name} keeps {fixed[0]} out of training, but all parameters are trained: make it a buffer.")
    if kept := _kept_in_training(module, x):
        raise UsageError(
            f"{name} keeps {kept[0]} from batch to batch in training, as batch-norm does, and that is no parameter: "
            f"{_instead(name)}."
        )
    alone = torch.cat([_read(module, one[None]) for one in x])
    if not torch.equal(given, _read(module, x)):
        raise UsageError(f"{name} makes something else of the same samples the second time: it may not be random.")
    if not torch.allclose(given, alone, rtol=1e-3, atol=1e-4):
        raise UsageError(f"{name} makes something else of a sample alone than beside others: it may not mix them.")


def _instead(name: str) -> str:
    if name.startswith("torchvision:"):
        return "write norm=group or norm=none behind its name, or take vgg11, which has none"
    return "use nn.GroupNorm in its place, or leave it out"


def _kept_in_training(module: nn.Module, x: Tensor) -> list[str]:
    """Names of buffers that a pass in training mode changes."""
    copy = deepcopy(module).train()
    before = {name: value.clone() for name, value in copy.named_buffers()}
    try:
        copy(x)
    except Exception:  # noqa: BLE001 - batch-norm of single features, say: whatever it changed before counts
        return [name for name, one in copy.named_modules() if isinstance(one, _BatchNorm)]
    return [name for name, value in copy.named_buffers() if not torch.equal(before.get(name, value), value)]


@torch.no_grad()
def _read(module: nn.Module, x: Tensor) -> Any:
    """What a module makes of samples (N, ...). Raises UsageError where it can't read them."""
    try:
        return module(x)
    except Exception as error:
        size = "x".join(map(str, x.shape[1:]))
        raise UsageError(f"The network can't read samples of {size}: {_sentence(error)}.") from error


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _from_torchvision(spec: Torchvision, outputs: int) -> Maker:
    from torchvision import models

    known = models.list_models(module=models)
    if spec.builder not in known:
        near = get_close_matches(spec.builder, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}" if near else f"known are {', '.join(known)}"
        raise UsageError(f"There is no network {spec.builder!r} in torchvision.models: {hint}?")

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
    source = read_source(spec)
    now = sha256_of(source)
    if spec.sha256 not in (None, now):
        raise UsageError(f"{changed_since(spec, now)} Put the old content back.")
    factory = getattr(_run(spec, source, now), spec.factory, None)
    if not callable(factory):
        raise UsageError(f"{spec.path} has no function or class {spec.factory} that could make the network.")
    arguments = (tuple(shape), outputs) if _takes_two(spec, factory) else ()

    def make() -> nn.Module:
        try:
            with chdir(spec.path.parent):  # probes and workers start elsewhere, and a factory may read what lies there
                module = factory(*arguments)
        except Exception as error:
            raise UsageError(f"{spec.factory} of {spec.path} fails with {_sentence(error)}.") from error
        if not isinstance(module, nn.Module):
            raise UsageError(f"{spec.factory} of {spec.path} gives a {type(module).__name__}, not a torch.nn.Module.")
        return module

    return make


def _run(spec: File, source: bytes, sha256: str) -> ModuleType:
    """The file as a module under a name that nothing else has: just the bytes whose hash is known."""
    module = ModuleType(f"thalweg_network_{sha256}")
    module.__file__ = str(spec.path)
    sys.modules[module.__name__] = module  # dataclasses look themselves up there
    try:
        with chdir(spec.path.parent):
            exec(compile(source, spec.path, "exec"), module.__dict__)  # noqa: S102 - the file that the user named
    except (Exception, SystemExit) as error:
        alone = isinstance(error, ImportError)
        hint = "; it has to stand alone, with installed packages only" if alone else ""
        raise UsageError(f"The network file {spec.path} fails with {_sentence(error)}{hint}.") from error
    return module


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
