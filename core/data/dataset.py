"""A data set as the engine holds it: tensors on one device."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

import torch
from torch import Tensor

Say = Callable[[str], None]  # told what there is to know of data beside the samples


def ignore(_: str) -> None:
    """Ignores all reports."""


@dataclass(frozen=True)
class Split:
    """Samples x (N, ...) and targets y: labels (N,) int64, values (N, C), or the next words (N, positions) int64.

    Words are whole numbers among the samples, too, and stay so whatever the dtype of parameters.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return self.x.shape[0]

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Split":
        x, y = (one.to(device, dtype if one.is_floating_point() else None) for one in (self.x, self.y))
        return Split(x, y)


@dataclass(frozen=True)
class Dataset:
    """Train and, where there is one, test samples; `classes` is None for regression.

    `notes` say what there is to know of how they were read: a clause each, without a full stop.
    """

    name: str
    train: Split
    test: Split | None
    classes: int | None
    notes: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """How many outputs a network needs."""
        return self.classes if self.classes is not None else self.train.y.shape[1]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over all samples and targets, in order, as the networks see them in float32."""
        digest = sha256(self.name.encode())
        for split in (self.train, self.test):
            if split is not None:
                single = split.to("cpu", torch.float32)
                for tensor in (single.x, single.y):
                    digest.update(str(tuple(tensor.shape)).encode())
                    digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Dataset":
        test = None if self.test is None else self.test.to(device, dtype)
        return replace(self, train=self.train.to(device, dtype), test=test)
