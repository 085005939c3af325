"""Exact paths for wide networks: Nguyen 2019, Theorems 3.2, 5.1 and 6.1, for any two models, trained or not.

`theorems` states what each assumes and holds the construction. Proven in real numbers; in float64 a path is only
as good as its matrices are conditioned. So the outputs are looked at on every segment, where they must be on the line
between those at its ends (they stand still or move on a straight line everywhere), and the checker at every curve. A
path that is off by more than 5e-10, or refused, is built anew through weights that float64 likes (`settling`); if that
doesn't help, the run fails to connect, and says which condition number is the largest.
"""

from collections.abc import Iterator

import torch

from core.methods.method import Construction, Premise, Task
from core.methods.wide.assumptions import common, first_that_applies, of_theorem
from core.methods.wide.net import Net
from core.methods.wide.rounding import ill_conditioned
from core.methods.wide.settling import direct_or_settled
from core.methods.wide.theorems import THEOREMS, first_layer_that_follows, join
from core.specs.methods import Wide


def premises(options: Wide, task: Task) -> Iterator[Premise]:
    yield from common(task)
    yield from of_theorem(options.theorem, THEOREMS, task.problem)


def build(options: Wide, task: Task) -> Construction:
    """Join the models by the theorem asked for, or by the first one whose assumptions hold."""
    problem = task.problem
    theorem = first_that_applies(options.theorem, THEOREMS, problem)
    task.reporter.progress(None, f"Theorem {theorem}")
    task.reporter.say(f"By Theorem {theorem}.")
    a, b = (Net.of(problem, theta) for theta in (task.a, task.b))
    layer = first_layer_that_follows(theorem, problem)

    def way(settled: bool) -> Construction:
        route = join(a, b, layer, torch.Generator().manual_seed(task.seed), settled, task.reporter)
        path = route.path(task.a, task.b)
        return Construction(path, task.below, gaps=ill_conditioned(problem, path, route))

    return direct_or_settled(way, layer < a.depth, task.reporter)
