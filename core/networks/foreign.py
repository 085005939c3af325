"""Foreign networks: torchvision's and timm's by name, those that a folder describes to transformers, and the user's own
from a file, which is code and runs here.

That happens in workers and probes only. A module is taken as it is in evaluation mode, where dropout does nothing;
its parameters are all that is trained (`core.networks.requirements` says what it has to be for that).
"""

import inspect
import warnings
from collections.abc import Callable, Sequence
from contextlib import chdir
from difflib import get_close_matches
from importlib import import_module
from math import gcd
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.code_files import pinned_source, run_source
from core.errors import UsageError, is_out_of_memory, sentence_of
from core.networks.requirements import require_bare, unreadable
from core.specs.networks import File, Foreign, HuggingFace, Timm, Torchvision

GROUPS = 32  # of group-norm, where the channels allow it: Wu and He 2018
SHOWN = 100  # names of networks in a sentence
Maker = Callable[[], nn.Module]


def maker_of(spec: Foreign, shape: tuple[int, ...], outputs: int) -> Maker:
    """What makes the module for samples of `shape` and `outputs` outputs. Raises UsageError."""
    match spec:
        case File():
            return _from_file(spec, shape, outputs)
        case Timm():
            return _from_timm(spec, shape, outputs)
        case HuggingFace():
            return _from_folder(spec, outputs)
    return _from_torchvision(spec, outputs)


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
        raise _unknown("torchvision.models", spec.builder, known)

    def make() -> nn.Module:
        return _renormed(models.get_model(spec.builder, weights=None, num_classes=outputs), spec.norm)

    return make


def _unknown(where: str, name: str, known: Sequence[str]) -> UsageError:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    some = ", ".join(known[:SHOWN]) + (" and others" if len(known) > SHOWN else "")
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Available: {some}."
    return UsageError(f"{where} has no network {name!r}. {hint}")


def _from_timm(spec: Timm, shape: tuple[int, ...], outputs: int) -> Maker:
    timm = _extra("timm", "timm", str(spec))
    known = timm.list_models(pretrained=False)
    if spec.builder.partition(".")[0] not in known:
        raise _unknown("timm", spec.builder, known)

    def make() -> nn.Module:
        made: nn.Module = timm.create_model(spec.builder, pretrained=False, num_classes=outputs, in_chans=shape[0])
        return made

    return make


def _from_folder(spec: HuggingFace, outputs: int) -> Maker:
    transformers = _extra("transformers", "hf", str(spec))
    if not (Path(spec.folder) / "config.json").is_file():
        raise UsageError(f"{spec}: there is no config.json in this folder; give the folder of a saved model.")
    try:
        config = transformers.AutoConfig.from_pretrained(
            spec.folder, num_labels=outputs, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise UsageError(f"{spec}: its config.json can't be read: {sentence_of(error)}.") from error

    def make() -> nn.Module:
        classifier = transformers.AutoModelForImageClassification
        try:
            module: nn.Module = classifier.from_config(config, trust_remote_code=False)
        except ValueError as error:
            raise UsageError(
                f"{spec} describes no image classifier of transformers: use file:PATH.py:FACTORY."
            ) from error
        return _with_logits(module)

    return make


def _with_logits(module: nn.Module) -> nn.Module:
    """The same module, parameters' names included, with its numbers alone in place of a record of outputs."""
    own = type(module)

    def forward(self: nn.Module, x: Tensor) -> Tensor:
        logits: Tensor = own.forward(self, x).logits
        return logits

    module.__class__ = type(own.__name__, (own,), {"forward": forward})
    return module


def _extra(package: str, extra: str, spec: str) -> ModuleType:
    """A package that Thalweg is installed without. Raises UsageError where it isn't there."""
    try:
        return import_module(package)
    except ImportError:
        raise UsageError(
            f"{spec} needs the package {package}, which is not installed here: install thalweg[{extra}], or use a file "
            "that makes the network (file:PATH.py:FACTORY)."
        ) from None


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
