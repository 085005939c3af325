"""Batch-norm's running statistics: the buffers that training changes beside the parameters.

A model is parameters and statistics. In evaluation a batch-norm reads its running mean and variance; in training it
reads those of the batch, and moves the running ones towards them. Only batch-norms are ever put into training mode
here: whatever else a module does otherwise in training, dropout for one, it does not do.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Statistics = Mapping[str, Tensor]
"""The statistics of K models by name, each (K, *shape)."""

READ = ("running_mean", "running_var")
"""What evaluation reads of them."""
KEPT = (*READ, "num_batches_tracked")


def norms_of(module: nn.Module) -> dict[str, _BatchNorm]:
    """The batch-norms of a module by name, without those that it keeps in evaluation mode in training, too."""
    module.train()
    found = {name: one for name, one in module.named_modules() if isinstance(one, _BatchNorm) and one.training}
    module.eval()
    return {name: one for name, one in found.items() if one.running_mean is not None}


def has_norms(module: nn.Module) -> bool:
    """Whether it has batch-norms, whether or not training changes them."""
    return any(isinstance(one, _BatchNorm) for one in module.modules())


def names_of(norms: Mapping[str, _BatchNorm], kept: Iterable[str] = KEPT) -> list[str]:
    """The names of their statistics in the module's state."""
    return [f"{name}.{own}".lstrip(".") for name in norms for own in kept]


@contextmanager
def in_training(norms: Iterable[_BatchNorm]) -> Iterator[None]:
    """These batch-norms read the batch, and update what they keep."""
    norms = list(norms)
    try:
        for one in norms:
            one.training = True
        yield
    finally:
        for one in norms:
            one.training = False
