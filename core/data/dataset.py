"""A data set as the engine holds it: tensors on one device, or in a file that is read in pieces."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from math import prod

import torch
from torch import Tensor

from core.data.reading import Reading

Say = Callable[[str], None]  # told what there is to know of data beside the samples
PIECE = 1 << 24  # numbers of samples that are read at a time where all are


def ignore(_: str) -> None:
    """Ignores all reports."""


@dataclass(frozen=True)
class Split:
    """Samples x (N, ...) and targets y: labels (N,) int64, values (N, C), or the next words (N, positions) int64.

    Words are whole numbers among the samples, too, and stay so whatever the dtype of parameters. With a `reading` the
    samples are `stored` otherwise than networks read them, as bytes or in a file, and `read` is how to get some.
    """

    stored: Tensor
    y: Tensor
    reading: Reading | None = None

    def __len__(self) -> int:
        return self.stored.shape[0]

    @cached_property
    def x(self) -> Tensor:
        """All samples as networks read them: where there is a reading, they are made at the first look, and kept."""
        return self.stored if self.reading is None else self.reading.of(self.stored)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.stored.shape[1:])

    @property
    def device(self) -> torch.device:
        """Where samples are that were read."""
        return self.stored.device if self.reading is None else self.reading.device

    @property
    def dtype(self) -> torch.dtype | None:
        """Of samples that were read; None where they are words."""
        if self.reading is not None:
            return self.reading.dtype
        return self.stored.dtype if self.stored.is_floating_point() else None

    def read(self, some: slice | Tensor) -> Tensor:
        """Some samples as networks read them: (N, ...) of a slice, (*I, ...) of their numbers (*I)."""
        if isinstance(some, slice):
            found = self.stored[some]
        else:
            found = self.stored.index_select(0, some.flatten().to(self.stored.device))
            found = found.view(*some.shape, *self.shape)
        return found if self.reading is None else self.reading.of(found)

    def pieces(self) -> Iterator[slice]:
        """All samples, about PIECE numbers at a time."""
        step = max(1, PIECE // max(1, prod(self.shape)))
        return (slice(start, start + step) for start in range(0, len(self), step))

    def part(self, some: slice | Tensor) -> "Split":
        """Some of the samples, stored as all are; of numbers they are copied to memory."""
        reading = self.reading
        if reading is not None and not isinstance(some, slice):
            reading = replace(reading, mapped=False)
        return Split(self.stored[some], self.y[some], reading)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Split":
        y = self.y.to(device, dtype if self.y.is_floating_point() else None)
        if self.reading is None:
            return Split(self.stored.to(device, dtype if self.stored.is_floating_point() else None), y)
        reading = self.reading.to(torch.device(device), dtype)
        if reading.mapped:
            return Split(self.stored, y, reading)
        if self.stored.is_floating_point() and not reading.scales:
            return Split(reading.of(self.stored), y)
        return Split(self.stored.to(device), y, reading)


@dataclass(frozen=True)
class Dataset:
    """Train and, where there is one, test samples; `classes` is None for regression.

    `notes` say what there is to know of how they were read: a clause each, without a full stop. `content` stands for
    all numbers that networks see, where it was found out when they were read.
    """

    name: str
    train: Split
    test: Split | None
    classes: int | None
    notes: tuple[str, ...] = ()
    content: str | None = None

    @property
    def outputs(self) -> int:
        """How many outputs a network needs."""
        return self.classes if self.classes is not None else self.train.y.shape[1]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over all samples and targets, in order, as the networks see them in float32; or over `content`."""
        if self.content is not None:
            return sha256(self.content.encode()).hexdigest()
        digest = sha256(self.name.encode())
        for split in (self.train, self.test):
            if split is not None:
                single = split.to("cpu", torch.float32)
                digest.update(str((len(single), *single.shape)).encode())
                for rows in single.pieces():
                    digest.update(single.read(rows).contiguous().numpy().data)
                digest.update(str(tuple(single.y.shape)).encode())
                digest.update(single.y.contiguous().numpy().data)
        return digest.hexdigest()

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Dataset":
        test = None if self.test is None else self.test.to(device, dtype)
        return replace(self, train=self.train.to(device, dtype), test=test)
