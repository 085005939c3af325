"""How stored samples become what networks read, batch by batch: bytes are scaled, large files are read in pieces."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Reading:
    """x / scale - mean, divided by std, in the dtype `numbers`, and then in `dtype` on `device`.

    `numbers` is the smallest dtype that the samples were asked for in: float64 checks what float32 has seen. `mean` and
    `std` are float64 and broadcast over a sample; samples that are `mapped` from a file stay there until they are read.
    """

    scale: float = 1.0
    mean: Tensor | None = None
    std: Tensor | None = None
    mapped: bool = False
    numbers: torch.dtype | None = None
    dtype: torch.dtype = torch.float32
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - never changed

    def of(self, stored: Tensor) -> Tensor:
        """What networks read of some samples (N, ...)."""
        x = stored.to(self.device).to(self.numbers or torch.float32, copy=self.scales)
        if self.scale != 1.0:
            x.div_(self.scale)
        if self.mean is not None:
            x.sub_(self.mean.to(x))
        if self.std is not None:
            x.div_(self.std.to(x))
        return x.to(self.dtype)

    def to(self, device: torch.device, dtype: torch.dtype) -> "Reading":
        numbers = dtype if self.numbers is None or dtype.itemsize < self.numbers.itemsize else self.numbers
        return replace(self, device=device, dtype=dtype, numbers=numbers)

    @property
    def scales(self) -> bool:
        return self.scale != 1.0 or self.mean is not None or self.std is not None

    @property
    def facts(self) -> str:
        """What it does to numbers, as a text."""
        constants = [None if one is None else one.flatten().tolist() for one in (self.mean, self.std)]
        return f"{self.scale!r} {constants!r}"
