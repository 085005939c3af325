"""From any model down to p* + eps, on a path that never rises: Nguyen 2019, Theorems 3.2, 4.2 and 6.1.

    3.2   as in `theorems`                                                                           s = 1
    4.2   leaky ReLU (2.1, 2.2), distinct samples, for some k n_k >= N and n_{k+1} > ... > n_L          s = k + 1
    6.1   ReLU, leaky ReLU or ELU (2.2), distinct samples, n_1, ..., n_{L-1} >= N                    s = L

At constant loss the features of the wide layers (layer k; all hidden ones) get rank N, and the weights above layer s
full rank. Then the outputs go on a straight line from F_L to outputs of loss p* + eps or less, and layer s follows. A
convex function may fall and rise again on a line, so this one goes where the loss does not rise: F_L + c onehot(labels)
for cross-entropy and hinge, towards the targets for the square and the absolute loss, no further than asked for.

Where the rows of F_{k-1} are not distinct `parting` makes them so first: at constant loss, or where that can't be done
by a perturbation, on which the loss rises by `delta` at most.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from core.errors import PremiseError
from core.losses import values_of
from core.methods.method import Construction, Premise, Task, require
from core.methods.monotone import MARGIN, loss_of, loss_rises, shortest_step
from core.methods.wide.assumptions import (
    Assumptions,
    common,
    decreasing,
    distinct,
    first_that_applies,
    independent_shifts,
    of_theorem,
    onto,
    theorem_3_2,
    theorem_6_1,
    wide,
    widths_of,
)
from core.methods.wide.freeing import make_full_rank
from core.methods.wide.lifting import Lift
from core.methods.wide.net import Net
from core.methods.wide.parting import part_samples
from core.methods.wide.rounding import ill_conditioned
from core.methods.wide.route import Route
from core.methods.wide.settling import direct_or_settled, repair, settle, standard_weights
from core.path import Claim
from core.problem import Problem
from core.specs.runs import OF_LABELS, OF_VALUES


def descend(task: Task, eps: float, theorem: str = "auto", delta: float = 1e-3) -> Construction:
    """A path from task.a, along which the train loss never rises, to a model of train loss p* + eps or less.

    Only where Theorem 4.2 has to perturb the model first it may rise, by `delta` in all.

    task.b is not read. `gaps` says where float64 could not follow. Raises PremiseError where no theorem applies, or
    the model is as low already.
    """
    problem = task.problem
    require(common(task))
    require(of_theorem(theorem, theorems(), problem))
    a = Net.of(problem, task.a)
    theorem = first_that_applies(theorem, theorems(), problem)
    task.reporter.progress(None, f"Theorem {theorem}")
    task.reporter.say(f"By Theorem {theorem}.")
    goal = problem.loss.infimum + eps
    if (here := loss_of(problem, a.features(a.depth))) <= goal:
        raise PremiseError(f"The model's train loss is {here:.6g} already, at most the goal of {goal:.6g}.")

    def way(settled: bool) -> Construction:
        route = Route([a], reporter=task.reporter)
        way_down(route, goal, theorem, delta, torch.Generator().manual_seed(task.seed), settled)
        path = route.path(task.a, route.here.theta)
        return Construction(path, gaps=ill_conditioned(problem, path, route) or loss_rises(problem, path, goal))

    return direct_or_settled(way, theorem != "6.1", task.reporter)


def theorems() -> dict[str, Assumptions]:
    """What each of the three assumes."""
    return {"3.2": theorem_3_2, "4.2": theorem_4_2, "6.1": partial(theorem_6_1, times=1)}


def way_down(route: Route, goal: float, theorem: str, delta: float, generator: torch.Generator, settled: bool) -> None:
    """On to outputs of loss `goal` on a straight line, after what changes none.

    With `settled` through weights that float64 likes.
    """
    net, depth = route.here, route.here.depth
    layers = {"3.2": [], "4.2": [wide_layer(net.problem)], "6.1": list(range(1, depth))}[theorem]
    if theorem == "4.2":
        part_samples(route, layers[0], delta, generator)
    for k in layers:
        make_full_rank(route, k, generator)
    lift = Lift.above(route.here, 1 + max(layers, default=0))
    if settled:
        settle(route, lift, standard_weights(route.here, lift.s))
    else:
        repair(route, lift)
    route.say(f"the outputs go on a line to a loss of {goal:.4g}; layer {lift.s} follows.")
    outputs = lower_outputs(net.problem, route.here.features(depth), goal)
    end = lift.preimage(route.here, depth, outputs)
    if lift.s == depth:
        route.go(end, Claim.CONVEX)
    else:
        route.lift(end, lift, depth)


def wide_layer(problem: Problem) -> int:
    """The first layer k with n_k >= N and n_{k+1} > ... > n_L; 0 where there is none."""
    enough = (
        k for k in range(1, len(widths_of(problem))) if wide(problem, k, 1).holds and decreasing(problem, k + 1).holds
    )
    return next(enough, 0)


def theorem_4_2(problem: Problem) -> Iterator[Premise]:
    yield onto(problem)
    yield independent_shifts(problem)
    yield distinct(problem)
    k, N = wide_layer(problem), len(problem.data.train)
    widths = "-".join(map(str, widths_of(problem)))
    claim = "a hidden layer has N neurons or more and the widths above it decrease"
    yield Premise(claim, k > 0, f"the widths are {widths} and N = {N}")


def lower_outputs(problem: Problem, F: Tensor, goal: float) -> Tensor:
    """Outputs (N, n_L) of loss `goal` or less, at the end of a line from F on which the loss does not rise."""
    y = problem.data.train.y
    if problem.loss.name in OF_VALUES and problem.loss.name != OF_LABELS:
        direction, far = values_of(y, F).reshape(F.shape) - F, 1.0
    else:
        labels = problem.loss.name == OF_LABELS
        direction, far = 2 * values_of(y, F) - 1 if labels else functional.one_hot(y, F.shape[1]).to(F), 1.0
        while loss_of(problem, F + far * direction) > MARGIN * goal:
            far *= 2
    c = shortest_step(lambda c: loss_of(problem, F + c * direction) <= MARGIN * goal, far)
    return F + c * direction
