"""What paths along which the loss never rises have in common, by whatever theorem they go down."""

from collections.abc import Callable

import torch
from torch import Tensor

from core.path import Claim, Path
from core.problem import Problem

STEPS = 60  # halvings in the search for the shortest step that is long enough
MARGIN = 0.99  # of what was asked for is aimed at, for rounding
RISE = 1e-9  # that rounding may make of a value that does not rise, relative to 1 + the value
LOOKS = 11  # points on every segment


def loss_of(problem: Problem, outputs: Tensor) -> float:
    """Mean train loss of outputs (N, n_L)."""
    return float(problem.loss.samples(outputs[None], problem.data.train.y[None]).mean())


def shortest_step(enough: Callable[[float], bool], far: float) -> float:
    """The shortest step that is long `enough`, to STEPS halvings; `far` is, and so is any that is longer than one."""
    near = 0.0
    for _ in range(STEPS):
        step = (near + far) / 2
        near, far = (near, step) if enough(step) else (step, far)
    return far


def rises(path: Path, values: Callable[[Tensor], Tensor], told: str) -> str | None:
    """Where `values` (K,) of points (K, P) rise along a path, as a sentence that begins as `told`; None if nowhere.

    On enclosed segments, perturbations, they may: the checker says by how much.
    """
    t = torch.linspace(0, 1, LOOKS, dtype=torch.float64)
    for i, segment in enumerate(path):
        seen = torch.cat([values(segment.at(one[None])) for one in t])
        if segment.claim is not Claim.ENCLOSED and not bool((seen.diff() <= RISE * (1 + seen[:-1])).all()):
            return f"{told} on segment {i} ({segment.claim}), by {float(seen.diff().max()):.1e}"
    return None


def loss_rises(problem: Problem, path: Path, goal: float) -> str | None:
    """Where the train loss rises along a path, or that it ends above the goal, as a sentence; None if neither."""
    if (where := rises(path, problem.losses, "the train loss rises")) is not None:
        return where
    last = float(problem.losses(path.end[None])[0])
    if last <= goal:
        return None
    return f"the path ends at a train loss of {last:.6g}, above {goal:.6g}: float64 is too coarse"
