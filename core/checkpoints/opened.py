"""A network's tensors from a checkpoint, and what is said and recorded of how they were found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.checkpoints.choosing import Choice
from core.checkpoints.reading import Content


@dataclass(frozen=True)
class Opened:
    """A network's tensors by its own names, as they lie in the file, and how they were found there.

    `taken` has every name of the file that a tensor was found under, `tied` those of tensors for which the network has
    several; what the network makes itself, `filled` buffers and a fresh head, is not among them.
    """

    tensors: Mapping[str, Tensor]
    taken: Mapping[str, tuple[str, ...]]
    content: Content
    choice: Choice
    renamed: Mapping[str, str]
    tied: Mapping[str, tuple[str, ...]]
    filled: tuple[str, ...]
    left_out: tuple[str, ...]
    counts: Mapping[str, int]

    @property
    def dtypes(self) -> dict[str, int]:
        """How many tensors there are of each number type."""
        names = [str(one.dtype).removeprefix("torch.") for one in self.tensors.values()]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    @property
    def dtype(self) -> str:
        """In which dtype nothing of it is lost."""
        return "float64" if "float64" in self.dtypes else "float32"

    def sentences(self) -> Iterator[str]:
        """What was found and done, for a log."""
        naming, candidate = self.choice.naming, self.choice.candidate
        what = "averaged weights" if candidate.is_averaged else "weights"
        types = ", ".join(f"{count} of {name}" for name, count in self.dtypes.items())
        prefix = f", without the prefix {naming.prefix}" if naming.prefix else ""
        yield f"{self.content.file}: {what} at {candidate.place}{prefix}: {types}."
        if self.choice.averaged is not None:
            yield f"There are averaged weights at {self.choice.averaged!r}, too: --ema takes them."
        for old, new in self.renamed.items():
            yield f"{old} of the file is {new} of the network."
        if self.filled:
            yield f"Left as the network makes them: {', '.join(self.filled)}."
        if self.left_out:
            yield f"Not needed: {', '.join(self.left_out)}."
        if self.content.left_out:
            yield f"Not loaded, as data alone: {', '.join(self.content.left_out)}."

    def record(self) -> dict[str, Any]:
        """What the catalogue keeps of it, beside the files' sha256."""
        found = {
            "file": str(self.content.file),
            "format": str(self.content.kind),
            "key": self.choice.candidate.key,
            "prefix": self.choice.naming.prefix,
            "changed": list(self.choice.naming.changed),
            "map": dict(self.renamed),
            "tied": {name: list(names) for name, names in self.tied.items()},
            "ema": self.choice.candidate.is_averaged,
            "averaged": self.choice.averaged,
            "dtypes": self.dtypes,
            "filled": list(self.filled),
            "left_out": list(self.left_out),
            "classes": list(self.content.left_out),
            "torch": str(torch.__version__),
        }
        return {name: one for name, one in found.items() if one} | dict(self.counts)
