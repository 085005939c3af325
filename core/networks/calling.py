"""A module as a function of its parameters: at one point, and at many points at once where torch can do that.

torch's `vmap` does for K points what the module does for one. Not all that a module may do has a rule there: recurrent
cells and branches on values have none, the fused attention of evaluation mode has no derivative. So where many points
are asked for, two of them are tried first, on a few samples, without gradients and with them. A module that fails
there, or is worth something else than alone, is asked for one point after the other from then on.
"""

import logging
from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from core.errors import is_out_of_memory, sentence_of
from core.networks.layered import Parameters

TRIED = 2  # points, and samples
SAME = {torch.float32: 1e-4, torch.float64: 1e-9}  # of the values, relative to 1 + the largest: rounding is below
Way = Callable[[Parameters, Tensor, bool], Tensor]


class Calls:
    """One module with its constants, the buffers, by name. `batched` is None until many points were tried."""

    def __init__(self, module: nn.Module, constants: Mapping[str, Tensor]) -> None:
        self.module = module
        self.constants = constants
        self.batched: bool | None = None

    def at(self, point: Parameters, x: Tensor) -> Tensor:
        """The module's outputs (N, C) on samples (N, ...) at one point, given by name."""
        out: Tensor = functional_call(self.module, {**self.constants, **point}, (x,))
        return out

    def at_all(self, points: Parameters, x: Tensor, own: bool) -> Tensor:
        """Outputs (K, N, C) at K points (K, *shape) by name, on samples (N, ...), or with `own` on (K, N, ...)."""
        if _count(points) < TRIED:
            return self.one_by_one(points, x, own)
        if self.batched is None:
            self.batched = self._works(points, x, own)
        if not self.batched:
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

    def one_by_one(self, points: Parameters, x: Tensor, own: bool) -> Tensor:
        each = ({name: value[k] for name, value in points.items()} for k in range(_count(points)))
        return torch.stack([self.at(point, x[k] if own else x) for k, point in enumerate(each)])

    def together(self, points: Parameters, x: Tensor, own: bool) -> Tensor:
        return vmap(self.at, in_dims=(0, 0 if own else None))(dict(points), x)

    def _works(self, points: Parameters, x: Tensor, own: bool) -> bool:
        """Whether two points together are worth what they are one by one, without gradients and with them."""
        few = {name: one[:TRIED].detach() for name, one in points.items()}
        x = (x[:TRIED, :TRIED] if own else x[:TRIED]).detach()
        for graded in (False, True):
            alone = _valued(self.one_by_one, (few, x, own), graded)
            try:
                both = _valued(self.together, (few, x, own), graded)
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                _say(sentence_of(error))
                return False
            if not all(_close(one, other) for one, other in zip(alone, both, strict=True)):
                _say("together they are worth something else than alone")
                return False
        return True


def _valued(way: Way, asked: tuple[Parameters, Tensor, bool], graded: bool) -> list[Tensor]:
    """Outputs, and with `graded` the derivatives of their squares by all parameters that have one."""
    points, x, own = asked
    with torch.set_grad_enabled(graded):
        leaves = {name: one.clone().requires_grad_(graded) for name, one in points.items()}
        outputs = way(leaves, x, own)
        if not outputs.requires_grad:
            return [outputs]
        found = torch.autograd.grad(outputs.square().sum(), list(leaves.values()), allow_unused=True)
    return [outputs.detach(), *(torch.zeros(()) if one is None else one for one in found)]


def _close(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    allowed = SAME.get(one.dtype, 0.0) * (1 + float(one.abs().max()))
    return torch.allclose(one, other, rtol=0, atol=allowed, equal_nan=True)


def _count(points: Parameters) -> int:
    return len(next(iter(points.values())))


@cache
def _say(reason: str) -> None:
    """Into the log, once a process: it is slower so."""
    logging.getLogger(__name__).warning(
        "The network can't be asked for several models at once (%s): they are worked through one by one.",
        reason.partition(". ")[0],
    )
