"""Snapshots of a string before it was whole: what figures 3 and 4 of Freeman and Bruna 2017 show (appendix D).

A bead that is trained for a gap never moves again, so the string at a depth is the whole one without its deeper beads,
in whatever order they came. The beads of a constrained string move: it is kept when a stage is done. The whole string
is the path itself, and no snapshot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from core.knots import ON_A_LINE, snapshot_names
from core.methods.string.beads import Beads
from core.problem import Part, Problem

MOST = 16


def evenly(numbers: Sequence[int], most: int = MOST) -> list[int]:
    """At most `most` of some numbers, at even steps, the first and the last among them."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[round(i * (len(numbers) - 1) / (most - 1))] for i in range(most)]


@dataclass
class Snapshots:
    """Collects them, as the tensors of the path's file that core.knots describes."""

    problem: Problem
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def take(self, unit: str, number: int, knots: Sequence[Tensor]) -> None:
        """Keep a string of knots, each (P,), as it is at a depth or stage."""
        of_knots, of_values = snapshot_names(unit, number)
        self.tensors[of_knots] = torch.stack(list(knots)).to("cpu", torch.float32)
        self.tensors[of_values] = self._values(knots)

    def take_depths(self, beads: Beads) -> None:
        """Keep the string of each depth that halving came to, but for the last one, with which it is whole."""
        depths = [0, *beads.of_depth, 0]
        for depth in evenly(range(1, max(depths))):
            self.take("depth", depth, [knot for knot, own in zip(beads.knots, depths, strict=True) if own <= depth])

    def _values(self, knots: Sequence[Tensor]) -> Tensor:
        """Train loss and error, test loss and error, (T, 4), line by line; nan of what there is not."""
        rows = [self._of_points(knots[0][None])]
        steps = torch.arange(1, ON_A_LINE + 1).to(knots[0])[:, None] / ON_A_LINE
        for start, end in pairwise(knots):
            rows.append(self._of_points(torch.lerp(start, end, steps)))
        return torch.cat(rows)

    def _of_points(self, thetas: Tensor) -> Tensor:
        found = torch.full((len(thetas), 4), torch.nan, dtype=torch.float64)
        parts: tuple[Part, Part] = ("train", "test")
        for i, part in enumerate(parts):
            if self.problem.part(part) is not None:
                values = self.problem.values(thetas, part)
                found[:, 2 * i] = values.loss.cpu()
                if values.error is not None:
                    found[:, 2 * i + 1] = values.error.cpu()
        return found
