"""Connecting through sparse subnetworks: Nguyen et al. 2021, Theorem 4.1, with an exact certificate.

Kept sets I_l and subnetworks xi_l are chosen for both models (`core.subnetworks`), and joined by the path of
`construction`. The level is max(loss a, loss b, losses of the subnetworks used); the theorem's bound is its infimum
over all choices. xi_0, which reads the input and so fits both models, is the better of the two that were found.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from core.methods.method import Construction, Premise, Task
from core.methods.sparse.construction import End, theorem_path
from core.methods.sparse.premises import layered_premises, sizes_premise
from core.specs.methods import Sparse
from core.specs.subnetworks import kept_sizes
from core.subnetworks import Level, trained_levels


def premises(options: Sparse, task: Task) -> Iterator[Premise]:
    yield from layered_premises(task)
    claim = "every hidden layer is wide enough for its kept set"
    yield sizes_premise(claim, lambda widths: kept_sizes(options, widths), task)


def build(options: Sparse, task: Task) -> Construction:
    """Find subnetworks for a and for b, the input's for both, and lay the path through them."""
    enough = float(task.problem.losses(torch.stack([task.a, task.b])).max()) if options.stop_early else None

    def levels(name: str, theta: Tensor, seed: int) -> Iterator[Level]:
        return trained_levels(options, task.problem, theta, seed, speaker(task, name), enough)

    of_a = watched(task, "a", levels("a", task.a, 2 * task.seed))
    of_b = watched(task, "b", levels("b", task.b, 2 * task.seed + 1))
    xi_0 = min((of_a[0].best, of_b[0].best), key=lambda xi: xi.loss)
    a, b = (End(one, [level.best for level in found[1:]]) for one, found in ((task.a, of_a), (task.b, of_b)))
    return Construction(theorem_path(task.problem, a, b, xi_0), task.below, beads=2 * len(a.subnetworks) + 1)


def watched(task: Task, name: str, levels: Iterator[Level]) -> list[Level]:
    """All levels, each reported when it is there."""
    found = []
    for level in levels:
        task.reporter.metric(f"subnetwork loss of model {name}", level.level, level.best.loss)
        found.append(level)
    return found


def speaker(task: Task, name: str) -> Callable[[float, str], None]:
    """Progress on model a is the first half of the work, on b the second."""
    return lambda done, what: task.reporter.progress((done + (name == "b")) / 2, f"model {name}: {what}")
