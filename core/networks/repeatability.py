"""Whether a constructor makes the same network twice from one seed, and another one from another seed."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from core.errors import UsageError
from core.networks.calls import Calls
from core.networks.layout import Layout
from core.networks.requirements import same

Named = Iterable[tuple[str, Tensor]]


@torch.no_grad()
def require_repeatable(module: nn.Module, again: nn.Module, shape: tuple[int, ...], name: str) -> None:
    """Raise UsageError where two modules of one seed differ: every process would have another network.

    What is drawn by NumPy or `random`, or read off a clock, differs from one call of a constructor to the next.
    """
    odd = first_difference(module.named_parameters(), again.named_parameters())
    what = f"its parameter {odd}" if odd else None
    if what is None and (odd := first_difference(module.named_buffers(), again.named_buffers())):
        what = f"its buffer {odd}"
    if what is None:
        x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
        point, constants = dict(module.named_parameters()), dict(module.named_buffers())
        made = [Calls(one, constants).at(point, x.clone()) for one in (module, again)]
        what = None if same(*made) else "what it computes with the same parameters and buffers"
    if what is not None:
        raise UsageError(
            f"{name} makes a different network each time from the same seed: {what} differs; draw with torch, which is "
            "seeded, and not with NumPy, random or a clock."
        )


def first_difference(one: Named, other: Named) -> str | None:
    """The first name at which two lots of named tensors are not the same; None where they are."""
    first, second = dict(one), dict(other)
    names = dict.fromkeys([*first, *second])
    return next((k for k in names if k not in first or k not in second or not same(first[k], second[k])), None)


def require_alike(module: nn.Module, other: nn.Module, name: str) -> None:
    """Raise UsageError where the modules of two seeds are not of one architecture."""
    if Layout.of(module) != Layout.of(other):
        raise UsageError(f"{name} makes parameters of other names or shapes for another seed: they must be the same.")
