"""From any linear network down to the lowest loss of a linear map, on a path that never rises.

Freeman and Bruna 2017, Proposition 2.2, last sentence, corrected: hidden widths of r = min(n_0, n_L) or more suffice,
and the loss doesn't rise (the paper has it fall strictly, which it can't where it stands still). Let W_1 ... W_L be a
model's weights, transposed where n_0 < n_L. From the last hidden layer down the product T_j = W_{j+1} ... W_L gets
rank r, while the outputs stay: by the steps of `equalising` where n_j > r; where n_j = r only as long as the smallest
singular value is about zero, the column with the largest part in the right null vector going to the left null vector.
With T_1 of rank r and M*, c* a best linear map, W_1 goes straight to W_1 + (M* - W_1 T_1) T_1^+ and the output layer's
bias to c*: a convex function on a line to its minimum never rises. It stops where the loss asked for is reached.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from core.errors import PremiseError
from core.methods.linear_net.assumptions import common, widths
from core.methods.linear_net.equalising import Suffix, Way, equalise_above, spectral_norm
from core.methods.linear_net.lowest import Lowest, lowest_linear
from core.methods.linear_net.net import LinearNet, flipped
from core.methods.method import Construction, Premise, Task, require
from core.methods.monotone import MARGIN, loss_of, loss_rises, shortest_step
from core.path import Claim, Path
from core.problem import Problem

SINGULAR = 1e-10  # of the largest singular value: a smaller one counts as zero


def premises(task: Task) -> Iterator[Premise]:
    yield from common(task)
    dtype = str(task.problem.dtype).removeprefix("torch.")
    yield Premise("the models are in float64", task.problem.dtype == torch.float64, f"they are in {dtype}")
    n_0, *hidden, n_L = widths(task.problem)
    narrow = [f"hidden layer {l} has {n}" for l, n in enumerate(hidden, start=1) if n < min(n_0, n_L)]
    words = f"{'; '.join(narrow)}, {min(n_0, n_L)} are needed (the smaller of {n_0} inputs and {n_L} outputs)"
    yield Premise("every hidden layer has as many units as the smaller of inputs and outputs", not narrow, words)


def descend_linear(task: Task, eps: float) -> Construction:
    """A path from task.a, along which the train loss never rises, to a model of at most the lowest linear loss + eps.

    task.b is not read. Raises PremiseError where the proposition does not apply, or the model is as low already.
    """
    require(premises(task))
    problem, net = task.problem, LinearNet.of(task.problem, task.a)
    lowest = lowest_linear(problem, widths(problem)[-1], net.b[-1] is not None, eps / 2)
    goal = lowest.loss + eps
    task.reporter.say(f"The lowest loss of a linear map is {lowest.loss:.6g}; the goal is {goal:.6g}.")
    if (here := float(problem.losses(task.a[None])[0])) <= goal:
        raise PremiseError(f"The model's train loss is {here:.6g} already, at most the goal of {goal:.6g}.")
    nets = [net, *([net.without_hidden_biases()] if net.has_hidden_biases else [])]
    nets += way_down(nets[-1], lowest)
    task.reporter.say(f"{len(nets) - 2} straight lines at constant outputs; then one weight goes to the lowest loss.")
    thetas = [task.a, *(one.theta(problem) for one in nets[1:])]
    thetas[-1] = low_enough(problem, thetas[-2], thetas[-1], lowest.loss + MARGIN * eps)
    path = Path.chain(thetas, Claim.CONVEX)
    return Construction(path, gaps=loss_rises(problem, path, goal))


def way_down(net: LinearNet, lowest: Lowest) -> list[LinearNet]:
    """The networks after each step, to one that computes the lowest map."""
    transposed = len(net.W[0]) < net.W[-1].shape[1]
    turned = flipped if transposed else tuple
    way = Way([turned(net.W)])
    above = full_rank(way)
    first = way.here[0]
    target = lowest.M.T if transposed else lowest.M
    way.change(1, first + (target - first @ above.T) @ above.left_inverse)
    nets = [net.with_matrices(turned(factors)) for factors in way.knots[1:]]
    bias = None if net.b[-1] is None else lowest.c
    return [*nets[:-1], LinearNet(nets[-1].W, (*net.b[:-1], bias))]


def full_rank(way: Way) -> Suffix:
    """The product of all factors but the first gets full column rank, from the last one down; the whole one stays."""
    r = way.here[-1].shape[1]
    above = Suffix.orthogonal(torch.eye(r).to(way.here[0]), 1.0)
    for j in range(len(way.here) - 1, 0, -1):
        above = equalise_above([way], j, above) if len(way.here[j]) > r else full_rank_above(way, j, above)
    return above


def full_rank_above(way: Way, j: int, above: Suffix) -> Suffix:
    """The same of W_{j+1} T_{j+1} alone, where it is square: as many columns change as its rank is too low."""
    while True:
        C = way.here[j] @ above.T
        left, s, right = torch.linalg.svd(C)
        if s[-1] > SINGULAR * s[0]:
            return Suffix(C, torch.linalg.pinv(C, rtol=0.0), spectral_norm(C))
        k, size = int(right[-1].abs().argmax()), float(s[0]) or 1.0
        q = left[:, -1]
        step = size * q - C[:, k]
        below = way.here[j - 1]
        way.change(j, below - torch.outer(below @ step, q / size))
        way.change(j + 1, way.here[j] + torch.outer(step, above.left_inverse[k]))


def low_enough(problem: Problem, start: Tensor, end: Tensor, goal: float) -> Tensor:
    """The first point of a line, on which outputs are affine and the loss falls to its end, of loss `goal` or less."""
    first, last = problem.outputs(torch.stack([start, end]), problem.data.train.x)
    s = shortest_step(lambda s: loss_of(problem, torch.lerp(first, last, s)) <= goal, 1.0)
    return torch.lerp(start, end, s)
