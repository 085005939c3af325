"""Springs between the beads of a string, while they are trained (Freeman and Bruna 2017, appendix A).

Between beads th_1 ... th_K, their ends th_0 and th_{K+1} fixed, bead i descends

    F(th_i) + zeta (|th_{i-1} - th_i| + |th_{i+1} - th_i|) + kappa |h_i|,
    h_i = u . (th_i - mid) / (|th_{i+1} - th_{i-1}| / 2),

where mid is the middle of its neighbours and u the unit vector from the one before to the one after it: the first
springs keep the string short, the second keeps the bead at equal distance from both. (The paper prints th_{i-1} -
th_{i+1} for the middle, a plane that isn't equidistant.) Neighbours count as fixed, where they were before the step,
so that all beads move at once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.problem import Problem
from core.specs.descent import Descent
from core.training import Step, TrainingState, alone

SMALL = 1e-18  # |x| is the root of |x|^2 + this, which has a gradient at 0


@dataclass(frozen=True)
class Springs:
    """The objective of all beads of a string between the models `a` and `b` (P,); a bead that rests pulls, too."""

    a: Tensor
    b: Tensor
    zeta: float
    kappa: float

    def __call__(self, problem: Problem, options: Descent, state: TrainingState) -> Step:
        plain = alone(problem, options, state)
        active, resting = state.active, state.thetas

        def step(thetas: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            losses, gradient = plain(thetas, x, y)
            beads = resting.index_copy(0, active, thetas.detach())
            chain = torch.cat([self.a[None].to(beads), beads, self.b[None].to(beads)])
            return losses, gradient + self.gradient(chain)[active]

        return step if self.zeta > 0 or self.kappa > 0 else plain

    def gradient(self, chain: Tensor) -> Tensor:
        """What the springs add to the gradient of each bead (K, P), of a chain (K + 2, P)."""
        before, beads, after = chain[:-2], chain[1:-1], chain[2:]
        apart = after - before
        distance = _length(apart)
        along = ((beads - (before + after) / 2) * apart).sum(1, keepdim=True)  # h is this by distance^2 / 2
        shorter = (beads - before) / _length(beads - before) + (beads - after) / _length(beads - after)
        return self.zeta * shorter + self.kappa * torch.sign(along) * 2 * apart / distance.square()


def _length(x: Tensor) -> Tensor:
    """Lengths (K, 1) of rows (K, P)."""
    return (x.square().sum(1, keepdim=True) + SMALL).sqrt()
