"""torch's optimizers on a batch of models, and the tensors they carry from step to step."""

from collections.abc import Callable
from functools import cache
from inspect import unwrap
from math import cos, pi
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer, RMSprop

from core.specs.descent import Descent


def optimizer_for(parameter: Tensor, options: Descent, moments: dict[str, Tensor]) -> Optimizer:
    """The optimizer of `options` on one leaf (A, P), going on from `moments` where there are any.

    All three act elementwise, so models of one batch don't touch each other. Fused kernels are elementwise
    too and take one pass over memory; RMSprop has none.
    """
    made = _make(parameter, options)
    if moments:
        made.state[parameter] = dict(moments)
    return made


def _make(parameter: Tensor, options: Descent) -> Optimizer:
    lr, decay = options.lr, options.weight_decay
    if options.optimizer == "adam":
        return _plain(Adam)([parameter], lr=lr, weight_decay=decay, fused=True)
    if options.optimizer == "rmsprop":
        return _plain(RMSprop)([parameter], lr=lr, weight_decay=decay, momentum=options.momentum)
    return _plain(SGD)(
        [parameter],
        lr=lr,
        weight_decay=decay,
        momentum=options.momentum,
        nesterov=options.nesterov,
        fused=True,
    )


@cache
def _plain(kind: type[Optimizer]) -> Callable[..., Optimizer]:
    """The same optimizer, without what torch.compile wants of it: to load a compiler takes two seconds of a core."""
    methods: dict[str, Any] = {
        "add_param_group": unwrap(kind.add_param_group),
        "step": torch.no_grad()(unwrap(kind.step)),
    }
    return type(kind.__name__, (kind,), methods)


def moments_of(optimizer: Optimizer, parameter: Tensor) -> dict[str, Tensor]:
    """The optimizer's tensors by name: (A, P), or a scalar such as the number of steps."""
    return {name: one for name, one in optimizer.state[parameter].items() if isinstance(one, Tensor)}


def rows(moments: dict[str, Tensor], kept: Tensor) -> dict[str, Tensor]:
    """The moments of the models that are `kept` (A,), a boolean mask."""
    return {name: one[kept] if one.dim() == 2 else one for name, one in moments.items()}


def rate(options: Descent, epoch: int) -> float:
    """The learning rate of an epoch, from 0: constant, or falling towards zero at `options.epochs`."""
    done = epoch / max(options.epochs, 1)
    factor = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + cos(pi * done)) / 2}[options.schedule]
    return options.lr * factor


def set_rate(optimizer: Optimizer, options: Descent, epoch: int) -> None:
    """Use the learning rate of an epoch from now on."""
    for group in optimizer.param_groups:
        group["lr"] = rate(options, epoch)
