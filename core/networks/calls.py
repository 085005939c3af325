"""A module as a function of its parameters: at one point, and at many points at once where torch can do that.

torch's `vmap` does for K points what the module does for one. Not all that a module may do has a rule there: recurrent
cells and branches on values have none, the fused attention of evaluation mode has no derivative. So where many points
are asked for, two of them are tried first, on a few samples, without gradients and with them. A module that fails
there, or is worth something else than alone, is asked for one point after the other from then on.

A point may hold buffers, too, by name: statistics of batch-norms, which are then its own. Training updates them.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from core.errors import is_out_of_memory, sentence_of
from core.networks.layered import Parameters
from core.networks.statistics import in_training

TRIED = 2  # points, and samples
BATCH = 16  # samples in training: a batch-norm makes the same of any two
SAME = {torch.float32: 1e-4, torch.float64: 1e-9}  # of the values, relative to 1 + the largest: rounding is below
T = TypeVar("T")


class Calls:
    """One module with its constants, the buffers, by name. `batched` is None until many points were tried.

    Those `norms` of its batch-norms are in training mode whenever it is called.
    """

    def __init__(self, module: nn.Module, constants: Mapping[str, Tensor], norms: Iterable[_BatchNorm] = ()) -> None:
        self.module = module
        self.constants = constants
        self.norms = list(norms)
        self.batched: bool | None = None
        self._holder = _Holder(module)
        self._tied = _tied(module)

    def at(self, point: Parameters, x: Tensor) -> Tensor:
        """The module's outputs (N, C) on samples (N, ...) at one point, given by name."""
        with in_training(self.norms):
            out: Tensor = functional_call(self.module, self._tensors(point), (x,), tie_weights=False)
        return out

    def while_at(self, point: Parameters, do: Callable[[], T]) -> T:
        """What `do` gives while the module has the parameters of one point.

        Where gradients are taken that matters: what is computed again in the backward pass reads parameters then.
        """
        tensors = {f"{INNER}.{name}": one for name, one in self._tensors(point).items()}
        with in_training(self.norms):
            found: T = functional_call(self._holder, tensors, (do,), tie_weights=False)
        return found

    def _tensors(self, point: Parameters) -> dict[str, Tensor]:
        """All tensors of one point by the name of each place that holds them.

        torch's own way of tying takes a module of two names for two places, and leaves the point in it.
        """
        given = {**self.constants, **point}
        return given | {other: given[name] for name, others in self._tied.items() for other in others}

    def at_all(self, points: Parameters, x: Tensor, own: bool) -> Tensor:
        """Outputs (K, N, C) at K points (K, *shape) by name, on samples (N, ...), or with `own` on (K, N, ...)."""
        if _count(points) < TRIED or not self.can_batch(points, x, own):
            return self.one_by_one(points, x, own)
        try:
            return self.together(points, x, own)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            found = self.one_by_one(points, x, own)  # an error of the module's own comes up here, too
            self.batched = False
            _say(sentence_of(error))
            return found

    def can_batch(self, points: Parameters, x: Tensor, own: bool) -> bool:
        """Whether many points can be evaluated at once; found out on the first such call."""
        if self.batched is None and _count(points) >= TRIED:
            self.batched = self._works(points, x, own)
        return bool(self.batched)

    def one_by_one(self, points: Parameters, x: Tensor, own: bool) -> Tensor:
        return torch.stack([self.at(point, x[k] if own else x) for k, point in enumerate(_each(points))])

    def together(self, points: Parameters, x: Tensor, own: bool) -> Tensor:
        updated = {name: one.clone() for name, one in points.items() if self.norms and name in self.constants}
        found = vmap(self.at, in_dims=(0, 0 if own else None))({**points, **updated}, x)
        for name, one in updated.items():  # only now: where it fails, the points are worked through once more
            points[name].copy_(one)
        return found

    def _works(self, points: Parameters, x: Tensor, own: bool) -> bool:
        """Whether two points together are worth what they are one by one, without gradients and with them."""
        few = {name: one[:TRIED].detach() for name, one in points.items()}
        samples = BATCH if self.norms else TRIED
        x = (x[:TRIED, :samples] if own else x[:samples]).detach()
        for graded in (False, True):
            each = [self._alone(point, x[k] if own else x, graded) for k, point in enumerate(_each(few))]
            try:
                leaves, statistics = self._copied(few, graded)
                with torch.set_grad_enabled(graded):
                    outputs = self.together({**leaves, **statistics}, x, own)
                    both = [*with_gradients(outputs, leaves.values()), *statistics.values()]
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                _say(sentence_of(error))
                return False
            if not all(_close(torch.stack(alone), one) for *alone, one in zip(*each, both, strict=True)):
                _say("together they are worth something else than alone")
                return False
        return True

    def _alone(self, point: Parameters, x: Tensor, graded: bool) -> list[Tensor]:
        leaves, statistics = self._copied(point, graded)
        with torch.set_grad_enabled(graded):
            found = self.while_at({**leaves, **statistics}, lambda: with_gradients(self.module(x), leaves.values()))
        return [*found, *statistics.values()]

    def _copied(self, points: Parameters, graded: bool) -> tuple[Parameters, Parameters]:
        """Copies of their parameters, as leaves, and of their buffers."""
        copies = {name: one.detach().clone() for name, one in points.items()}
        leaves = {name: one.requires_grad_(graded) for name, one in copies.items() if name not in self.constants}
        return leaves, {name: one for name, one in copies.items() if name in self.constants}


def _tied(module: nn.Module) -> dict[str, list[str]]:
    """The other places, by name, of every tensor that a module holds in several; a submodule of two names is one."""
    held = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    places: dict[tuple[int, str], tuple[str, Tensor]] = {}
    for name, one in held:
        owner, _, own = name.rpartition(".")
        places.setdefault((id(module.get_submodule(owner)), own), (name, one))
    found: dict[int, list[str]] = {}
    for name, one in places.values():
        found.setdefault(id(one), []).append(name)
    return {first: others for first, *others in found.values() if others}


INNER = "inner"


class _Holder(nn.Module):
    """Does something while the module inside has other tensors."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.add_module(INNER, module)

    def forward(self, do: Callable[[], T]) -> T:
        return do()


def with_gradients(outputs: Tensor, leaves: Iterable[Tensor]) -> list[Tensor]:
    """Outputs, and the derivatives of their squares by all leaves; the outputs alone where they have none."""
    if not outputs.requires_grad:
        return [outputs]
    found = torch.autograd.grad(outputs.square().sum(), list(leaves), allow_unused=True, materialize_grads=True)
    return [outputs.detach(), *found]


def _close(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    allowed = SAME.get(one.dtype, 0.0) * (1 + float(one.abs().max()))
    return torch.allclose(one, other, rtol=0, atol=allowed, equal_nan=True)


def _each(points: Parameters) -> Iterator[Parameters]:
    return ({name: value[k] for name, value in points.items()} for k in range(_count(points)))


def _count(points: Parameters) -> int:
    return len(next(iter(points.values())))


@cache
def _say(reason: str) -> None:
    """Into the log, once a process: it is slower so."""
    logging.getLogger(__name__).warning(
        "The network can't evaluate several models at once (%s): they are evaluated one by one.",
        reason.partition(". ")[0],
    )
