"""Exact paths between any two linear networks: Freeman and Bruna 2017, arXiv:1611.01540, Proposition 2.2, corrected.

Statement. Let a network have L dense layers without activations, n_0 inputs, n_L outputs, biases or none, and
n_l >= min(n_0, n_L) + 1 units in every hidden layer; for cross-entropy and hinge loss n_l >= min(n_0 + 1, n_L) will do.
Let the loss be convex in the outputs. Then straight lines join any two models A and B, trained or not, on which

    loss <= max(loss A, loss B).

Nothing is asked of ranks: twins and layers of zeros are allowed. On each line one weight moves, and only biases above
it (*convex*; but for one line in the middle the outputs stand still).

Construction. Hidden biases go to zero and F_L(0) into the output layer's bias. `equalising` makes all weights but the
first the same in both models, while the outputs of both stay. Then W_1 and the output layer's bias go from one model's
to the other's. Where n_0 < n_L the products are transposed: the last weight is the one that goes. Where a layer is too
narrow for r = min(n_0, n_L) and the loss doesn't see a constant added to all outputs of a sample, W_L and its bias are
first centred, so that all is seen through n_L - 1 orthonormal directions.

Where the paper is wrong: n_l >= r is not enough (inputs, hidden units and outputs 1-1-1, or 1-2-1-1, with one narrow
layer), its path W^+ W~ does not start at A, and a pseudo-inverse jumps where an end has no full rank.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from core.methods.linear_net import ridge
from core.methods.linear_net.assumptions import common, wide_enough, widths
from core.methods.linear_net.equalising import Way, equalise
from core.methods.linear_net.net import LinearNet, flipped
from core.methods.method import Construction, Premise, Task
from core.path import Claim, Path
from core.problem import Problem
from core.specs.methods import LinearNetwork

RISE = 1e-5  # of the loss, relative to 1 + the larger end: more than that is said


def premises(_: LinearNetwork, task: Task) -> Iterator[Premise]:
    if task.penalty.ridge > 0:
        yield from ridge.premises(task)
        return
    yield from common(task)
    yield wide_enough(task.problem)


def build(_: LinearNetwork, task: Task) -> Construction:
    """Make both models equal but for one weight, at constant outputs, and move that one; with a ridge by `ridge`."""
    if task.penalty.ridge > 0:
        return ridge.build_with_ridge(task)
    problem = task.problem
    a, b = ([net] for net in (LinearNet.of(problem, theta) for theta in (task.a, task.b)))
    n_0, *hidden, n_L = widths(problem)
    narrow = min(hidden) <= min(n_0, n_L)
    for nets in (a, b):
        prepare(nets, centre=narrow)
    make_equal(a, b, orthogonal_to_ones(n_L) if narrow else None)
    which = 1 if n_L <= n_0 else len(hidden) + 1
    thetas = [net.theta(problem).to(task.a) for net in (*a[1:], *reversed(b[1:]))]
    path = Path.chain([task.a, *thetas, task.b], Claim.CONVEX)
    task.reporter.say(
        f"All weights but that of layer {which} become the same at constant outputs, on {len(a) - 1} straight lines "
        f"from model a and {len(b) - 1} from b; on one between them that weight goes across."
    )
    if (rise := rise_by_rounding(problem, path)) > RISE:
        task.reporter.say(rise_sentence(rise, task))
    return Construction(path, task.below)


def prepare(nets: list[LinearNet], centre: bool) -> None:
    """On to a network without hidden biases, and to one whose outputs have the mean 0."""
    if nets[-1].has_hidden_biases:
        nets.append(nets[-1].without_hidden_biases())
    if centre:
        nets.append(nets[-1].centred())


def make_equal(a: list[LinearNet], b: list[LinearNet], seen: Tensor | None) -> None:
    """Both go on to networks that differ in one weight and the biases alone: W_1, or W_L where n_0 < n_L.

    `seen` (n_L, r) has orthonormal columns that span all rows of both W_L; None: all directions.
    """
    W = a[-1].W
    transposed = len(W[0]) < W[-1].shape[1]
    turned = flipped if transposed else tuple
    ways = [Way([turned(nets[-1].W)]) for nets in (a, b)]
    equalise(ways, torch.eye(min(len(W[0]), W[-1].shape[1])).to(W[0]) if seen is None else seen.to(W[0]))
    for nets, way in zip((a, b), ways, strict=True):
        nets += [nets[-1].with_matrices(turned(factors)) for factors in way.knots[1:]]


def orthogonal_to_ones(n: int) -> Tensor:
    """Orthonormal columns (n, n - 1) that are orthogonal to the vector of ones."""
    ones = torch.ones(n, 1, dtype=torch.float64)
    complete: Tensor = torch.linalg.qr(ones, mode="complete").Q
    return complete[:, 1:]


def rise_by_rounding(problem: Problem, path: Path) -> float:
    """How far the train loss at a knot is above the larger end, relative to 1 + that."""
    exact = problem.to(problem.device, torch.float64)
    losses = torch.cat([exact.losses(knot[None].double()) for knot in path.knots])
    end = max(losses[0], losses[-1])
    return float((losses.max() - end) / (1 + end))


def rise_sentence(rise: float, task: Task) -> str:
    """What rounding has lifted, and what helps."""
    name = str(task.a.dtype).removeprefix("torch.")
    help_ = "" if task.a.dtype == torch.float64 else "; models in float64 (train -o dtype=float64) keep more digits"
    return (
        f"Rounding to {name} lifts the path by {rise:.1e}, relative to 1 + the larger loss: the level says so{help_}."
    )
