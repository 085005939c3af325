"""What a foreign module has to fulfil, tested by using it as trainings and paths do: called at given parameters.

Its loss has to be a function of parameters, statistics of batch-norms and samples alone, with a gradient, in float32
and in float64. What is not so is refused in a sentence that says what to do.
"""

from collections.abc import Iterable
from contextlib import suppress
from copy import deepcopy

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.errors import UsageError, is_out_of_memory, sentence_of
from core.networks.calls import Calls, with_gradients
from core.networks.statistics import in_training, names_of, norms_of

SIZES = (1.0, 1000.0)  # of the parameters at which it may not write into what it reads
LEARNING = 16  # samples of the batch with which it is tried in training mode
OTHER = 1.5  # times its own: parameters at which it is asked
CLOSE = 1e-3  # of outputs that differ by rounding alone, relative to 1 + the largest
WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, torch.jit.ScriptModule)


def require_usable(module: nn.Module, shape: tuple[int, ...], outputs: int, name: str) -> None:
    """Raise UsageError if a module's loss isn't a function of parameters and samples, or can't be trained as one."""
    _require_parameters(module, name)
    _require_storable(module, name)
    _require_norms(module, name)
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    for size in SIZES:
        _require_pure(module, x, size, name)
    copied = _Copied(module)
    given = _read(copied, x)
    if not isinstance(given, Tensor) or given.shape != (3, outputs):
        what = "x".join(map(str, given.shape)) if isinstance(given, Tensor) else f"a {type(given).__name__}"
        raise UsageError(
            f"{name} returns {what} for 3 samples: for this data it must return one tensor of 3x{outputs}."
        )
    if kept := _kept_in_training(module, x):
        raise UsageError(
            f"{name} keeps {kept[0]} from batch to batch in training, and that is neither a parameter nor a statistic "
            "of batch-norm: leave out what keeps it."
        )
    alone = torch.cat([_read(copied, one[None]) for one in x])
    if not torch.equal(given, _read(copied, x)):
        raise UsageError(
            f"{name} computes something else from the same samples the second time: it must not be random."
        )
    if not torch.allclose(given, alone, rtol=1e-3, atol=1e-4):
        raise UsageError(
            f"{name} computes something else from a sample alone than from a batch: it must not mix samples."
        )
    _require_asked(module, x, name)
    _require_learning(module, shape, name)
    _require_float64(module, x, given, name)


class _Copied:
    """A module with copies of its parameters, times `size`, and of its buffers, which it may spoil."""

    def __init__(
        self,
        module: nn.Module,
        dtype: torch.dtype = torch.float32,
        size: float = 1.0,
        norms: Iterable[_BatchNorm] = (),
    ) -> None:
        named = module.named_parameters()
        self.parameters = {name: one.detach().to(dtype, copy=True).mul_(size) for name, one in named}
        self.buffers = {name: one.detach().clone() for name, one in module.named_buffers()}
        self.buffers |= {name: one.to(dtype) for name, one in self.buffers.items() if one.is_floating_point()}
        self.calls = Calls(module, self.buffers, norms)

    def __call__(self, x: Tensor) -> Tensor:
        return self.calls.at(self.parameters, x)


@torch.no_grad()
def _read(copied: _Copied, x: Tensor) -> Tensor:
    """What it makes of samples (N, ...). Raises UsageError where it can't read them."""
    try:
        return copied(x)
    except Exception as error:
        raise unreadable(error, x) from error


def unreadable(error: Exception, x: Tensor) -> Exception:
    """What to raise where a module fails on samples (N, ...): a sentence, but for want of memory."""
    size = "x".join(map(str, x.shape[1:]))
    if is_out_of_memory(error):
        return error
    return UsageError(f"The network can't read samples of {size}: {sentence_of(error)}.")


def require_bare(module: nn.Module, name: str) -> None:
    """Raise UsageError where a module is wrapped in what can't be called at other parameters than its own."""
    for place, one in module.named_modules():
        if isinstance(one, WRAPPERS):
            kind = "scripted (torch.jit)" if isinstance(one, torch.jit.ScriptModule) else f"a {type(one).__name__}"
            where = f"its {place}" if place else "it"
            raise UsageError(
                f"{name} can't be evaluated at other parameters, because {where} is {kind}: use what is inside."
            )


def _require_parameters(module: nn.Module, name: str) -> None:
    if not any(True for _ in module.parameters()):
        raise UsageError(f"{name} has no parameters: there is nothing to train.")
    if fixed := [one for one, value in module.named_parameters() if not value.requires_grad]:
        raise UsageError(f"{name} keeps {fixed[0]} out of training, but all parameters are trained: make it a buffer.")


def _require_storable(module: nn.Module, name: str) -> None:
    """Buffers are stored in a model's file, which can't hold sparse or quantized ones."""
    for one, value in module.named_buffers():
        try:
            save({one: value.detach().clone(memory_format=torch.contiguous_format)})
        except Exception as error:
            raise UsageError(f"{name} has the buffer {one}, which can't be stored: {sentence_of(error)}.") from error


def _require_norms(module: nn.Module, name: str) -> None:
    norms = ((one, part) for one, part in module.named_modules() if isinstance(part, _BatchNorm))
    if mixing := [one for one, part in norms if part.running_mean is None]:
        which = f"its {mixing[0]}" if mixing[0] else "it"
        raise UsageError(
            f"{name} mixes the samples of a batch, since {which} is batch-norm without running statistics: "
            "use nn.GroupNorm in its place, or let it keep them."
        )


@torch.no_grad()
def _require_pure(module: nn.Module, x: Tensor, size: float, name: str) -> None:
    """Raise UsageError where it writes into samples, parameters or buffers when it reads."""
    copied, given = _Copied(module, size=size), x.clone()
    _read(copied, given)
    if not torch.equal(given, x):
        raise UsageError(
            f"{name} modifies its input samples: let its forward pass make new tensors (x = x - 0.5, not x -= 0.5)."
        )
    written = [one for one, value in module.named_parameters() if not same(copied.parameters[one], size * value)]
    written += [one for one, value in module.named_buffers() if not same(copied.buffers[one], value)]
    if written:
        raise UsageError(f"{name} modifies its own {written[0]} when it reads samples: it must leave it unchanged.")


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal, entry by entry; NaN equals NaN."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124 - NaN alone is not itself


def _kept_in_training(module: nn.Module, x: Tensor) -> list[str]:
    """Names of buffers that a pass in training mode changes, but for the statistics of batch-norms."""
    statistics = names_of(norms_of(module))
    copy = deepcopy(module).train()
    before = {name: value.clone() for name, value in copy.named_buffers() if name not in statistics}
    with suppress(Exception):  # whether it can be trained is found out as trainings do it
        copy(x.clone())
    after = ((name, value) for name, value in copy.named_buffers() if name not in statistics)
    return [name for name, value in after if name not in before or not same(before[name], value)]


@torch.no_grad()
def _require_float64(module: nn.Module, x: Tensor, given: Tensor, name: str) -> None:
    """Paths are checked in float64: what it makes there has to be the same, to rounding."""
    advice = "let its forward pass keep the dtype of the samples, with buffers for what it needs beside parameters"
    try:
        found = _Copied(module, torch.float64)(x.double())
    except Exception as error:
        if is_out_of_memory(error):
            raise
        why = sentence_of(error)
        raise UsageError(f"{name} can't compute in float64, as paths are checked: {why}; {advice}.") from error
    if found.dtype != torch.float64:
        raise UsageError(f"{name} makes {str(found.dtype).removeprefix('torch.')} of samples in float64: {advice}.")
    if not _close(found.float(), given):
        raise UsageError(f"{name} computes something else from the same samples in float64 than in float32: {advice}.")


def _require_learning(module: nn.Module, shape: tuple[int, ...], name: str) -> None:
    """With batch-norms in training mode, outputs, gradient and statistics have to be those of its own tensors."""
    if not (norms := norms_of(module)):
        return
    x = torch.randn(LEARNING, *shape, generator=torch.Generator().manual_seed(0))
    copied, own = _Copied(module, norms=norms.values()), deepcopy(module)
    leaves = [one.requires_grad_(True) for one in copied.parameters.values()]
    try:
        found = copied.calls.while_at(copied.parameters, lambda: with_gradients(module(x.clone()), leaves))
        with in_training(norms_of(own).values()):
            expected = with_gradients(own(x.clone()), own.parameters())
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise UsageError(f"{name} can't be trained: its batch-norm fails with {sentence_of(error)}.") from error
    kept = dict(own.named_buffers())
    found += [copied.buffers[one] for one in names_of(norms)]
    expected += [kept[one] for one in names_of(norms)]
    if len(found) != len(expected) or not all(_close(*pair) for pair in zip(found, expected, strict=True)):
        raise UsageError(
            f"{name} can't be trained, because with its batch-norms in training mode it computes something else when "
            "its tensors are handed to it: its forward pass must read them as attributes of their modules."
        )


def _require_asked(module: nn.Module, x: Tensor, name: str) -> None:
    """At other parameters, outputs and gradient have to be what they are when these are its own."""
    copied, own = _Copied(module, size=OTHER), deepcopy(module)
    with torch.no_grad():
        ungraded = copied(x.clone())
        for value in own.parameters():
            value.mul_(OTHER)
    leaves = [one.requires_grad_(True) for one in copied.parameters.values()]
    try:
        found = copied.calls.while_at(copied.parameters, lambda: with_gradients(module(x.clone()), leaves))
        expected = with_gradients(own(x.clone()), own.parameters())
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise UsageError(f"{name} can't be trained: its gradient fails with {sentence_of(error)}.") from error
    if len(found) == 1:
        raise UsageError(f"{name} can't be trained: its outputs have no gradient.")
    if not _close(found[0], ungraded):
        raise UsageError(f"{name} computes something else from the same samples when gradients are required.")
    if len(found) != len(expected) or not all(_close(*pair) for pair in zip(found, expected, strict=True)):
        raise UsageError(
            f"{name} can't be evaluated at other parameters, because it still computes with its own: its forward pass "
            "must read them as attributes of their modules, and keep no other reference to them."
        )


def _close(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal to rounding, however large it may have grown; NaN equals NaN."""
    if torch.equal(one, other):
        return True
    finite = torch.where(other.isfinite(), other.abs(), 0.0)
    return torch.allclose(one, other, rtol=0, atol=CLOSE * (1 + float(finite.max())), equal_nan=True)
