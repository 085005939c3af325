"""What can't be a parameter: refused by its name, before anything is copied."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from core.errors import UsageError


def require_plain(name: str, tensor: Tensor, file: Path) -> None:
    """Raise UsageError for a tensor without values of its own: quantised, sparse, nested, on the device meta."""
    what = ""
    if tensor.device.type == "meta":
        what = "has no values (it was on the device meta): save it after the weights are there"
    elif tensor.is_quantized:
        what = "is quantised: take the weights from before that, or call dequantize() on it"
    elif tensor.layout != torch.strided or tensor.is_nested:
        what = "is sparse or nested: call to_dense() on it, and save again"
    elif tensor.is_complex():
        what = "is complex, and losses here are of real parameters"
    if what:
        raise UsageError(f"{name} of {file} {what}.")


def require_real(name: str, tensor: Tensor, file: Path) -> None:
    """Raise UsageError for a parameter in whole numbers: some library's way to quantise."""
    if not tensor.is_floating_point():
        dtype = str(tensor.dtype).removeprefix("torch.")
        raise UsageError(f"{name} of {file} is of {dtype}, so quantised: take the weights from before that.")


def require_finite(name: str, tensor: Tensor, file: Path) -> None:
    """Raise UsageError where a tensor has a value that is not finite."""
    if tensor.is_floating_point() and not is_finite(tensor):
        values = tensor.detach().float() if tensor.itemsize < 4 else tensor.detach()
        what = "NaN" if bool(values.isnan().any()) else "an infinite value"
        raise UsageError(f"{name} of {file} holds {what}: the training had diverged; take an earlier checkpoint.")


def separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, copied where they are views of something larger or of one another: each can be kept by itself."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, one in tensors.items():
        is_whole = one.untyped_storage().nbytes() == one.numel() * one.itemsize and one.is_contiguous()
        found[name] = (
            one if is_whole and one.data_ptr() not in seen else one.clone(memory_format=torch.contiguous_format)
        )
        seen.add(one.data_ptr())
    return found


def is_finite(tensor: Tensor) -> bool:
    """Whether all values are; mostly by one sum, which takes no memory."""
    values = tensor.detach()
    if values.itemsize == 1:
        values = values.float()
    total = values.sum(dtype=torch.float64 if values.itemsize == 8 else torch.float32)
    return bool(total.isfinite()) or bool(values.isfinite().all())
