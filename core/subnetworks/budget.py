"""How many subnetworks the memory holds at once."""

from math import prod

import psutil
import torch

from core.errors import RunError
from core.specs.subnetworks import Subnetworks
from core.subnetworks.frozen import Frozen

SHARE = 0.5  # of the free memory, that a batch of subnetworks may take
COPIES = 8  # of the parameters in training: before and after, gradient, moments, temporaries
PASSES = 4  # tensors as large as a layer's features in a step: pre-activation, feature and both gradients


def draws_at_once(problem: Frozen, options: Subnetworks | None) -> int:
    """Subnetworks of one layer that may be trained (evaluated, without options) in one batch.

    `problem` is that of one of them. Raises RunError where not even one fits.
    """
    free, needed = free_memory(problem.device), needs(problem, options)
    fitting = int(SHARE * free / needed)
    if fitting < 1:
        raise RunError(
            "out of memory",
            f"One subnetwork takes about {needed / 1e6:,.1f} MB to train, and {SHARE:.0%} of the free "
            f"{free / 1e6:,.1f} MB may be used: choose a smaller batch or network, or a device with more memory.",
        )
    return fitting


def needs(problem: Frozen, options: Subnetworks | None) -> int:
    """Bytes that one subnetwork takes, about."""
    size = problem.dtype.itemsize
    samples = len(problem.data.train)
    outputs = samples * problem.data.outputs  # kept for rescaling
    widths = [one.width for one in problem.sizes]
    if options is None:
        return size * (2 * problem.layout.total + outputs + 64 * max(widths))
    read = prod(problem.data.train.shape)
    step = min(options.batch, samples) * (2 * read + PASSES * sum(widths))
    return size * (COPIES * problem.layout.total + step + outputs)


def free_memory(device: torch.device) -> int:
    """Bytes, with those that torch holds for us and doesn't use."""
    if device.type == "cuda":
        spare = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + spare
    return int(psutil.virtual_memory().available)
