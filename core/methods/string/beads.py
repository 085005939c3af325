"""A string as it grows: its beads, and the gaps between them."""

import math
from dataclasses import dataclass, field
from pathlib import Path as File

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.files import write_whole
from core.methods.string.lines import Known


@dataclass
class Gap:
    """Between knot `left` and the next one: the highest value on the line, where, and how often the gap was halved."""

    left: int
    depth: int
    value: float
    t: float
    known: Known = "seen"

    def along(self, lines: int) -> float:
        """The position of its highest value on a string of this many lines, in [0, 1]."""
        return (self.left + self.t) / lines


@dataclass
class Beads:
    """The string as it grows: knots (a, beads, b), the metric at each, and the open gaps between them."""

    knots: list[Tensor]
    values: list[float]
    depths: list[int]  # of the line from each knot to the next
    gaps: list[Gap] = field(default_factory=list)
    passes: float = 0.0  # over the data, that looking and training took; a step of training counts for three
    spent: float = 0.0  # of these by proofs

    @property
    def count(self) -> int:
        return len(self.knots) - 2

    @property
    def of_depth(self) -> list[int]:
        """Of each bead its depth: 1 of the first one, then one more than that of the gap it was put into.

        Lines are the leaves of the tree of halvings, beads its inner nodes: between two lines stands the node whose two
        halves are complete up to the first of them and begin with the second.
        """
        waiting: list[int] = []  # depths of left halves whose right ones are still to come
        found = []
        for line in self.depths:
            depth = line
            while waiting and waiting[-1] == depth:
                waiting.pop()
                depth -= 1
            waiting.append(depth)
            found.append(depth)
        return found[:-1]

    @property
    def worst(self) -> Gap | None:
        """The highest line that is too high, or None without any; one that is not a number counts as the highest."""
        return max(self.too_high, key=lambda one: math.inf if math.isnan(one.value) else one.value, default=None)

    @property
    def worst_text(self) -> str | None:
        """How high the worst gap is and where, such as `0.41 at t = 0.37`."""
        if (gap := self.worst) is None:
            return None
        least = "at least " if gap.known == "part" else ""
        return f"{least}{gap.value:.3g} at t = {gap.along(len(self.depths)):.3g}"

    @property
    def too_high(self) -> list[Gap]:
        """The gaps that rise above the threshold; of others nobody knows."""
        return [gap for gap in self.gaps if gap.known != "unproven"]

    def lines(self, lefts: list[int]) -> tuple[Tensor, Tensor]:
        """Where the lines that start at the knots `lefts` start and stop, each (G, P)."""
        return torch.stack([self.knots[i] for i in lefts]), torch.stack([self.knots[i + 1] for i in lefts])

    def insert(self, gap: Gap, bead: Tensor, value: float) -> None:
        """Put a bead with its value into a gap, which is none any more: its two halves are to be looked at."""
        self.gaps.remove(gap)
        self.knots.insert(gap.left + 1, bead)
        self.values.insert(gap.left + 1, value)
        self.depths[gap.left : gap.left + 1] = [gap.depth + 1] * 2
        for other in self.gaps:
            other.left += other.left > gap.left

    def stuck(self, below: float) -> list[int]:
        """Knots that are themselves above the threshold: no bead beside them can help."""
        return [i for i, value in enumerate(self.values) if not value <= below]

    def save(self, file: File) -> None:
        tensors = {
            "knots": torch.stack(self.knots).cpu(),
            "depths": torch.tensor(self.depths),
            "passes": torch.tensor([self.passes, self.spent], dtype=torch.float64),
        }
        write_whole(file, lambda draft: save_file(tensors, draft))
