"""From any linear network with one hidden layer down to the lowest loss + ridge, which never rises on the way.

Let F = loss + kappa (|W_1|^2 + |W_2|^2), kappa > 0. Over all factors of a product M = W_1 W_2 the squares are least, 2
|M|_* (the sum of M's singular values), where both factors are balanced: M = U S V^T, W_1 = U S^(1/2) Q^T, W_2 = Q
S^(1/2) V^T with orthonormal columns Q (h, rho). So no model has an F below the minimum of the convex loss(M, c) + 2
kappa |M|_*, which proximal gradient steps find. The model is reduced as in `ridge`; Q is taken orthogonal to the space
that it keeps, and an arc leads from it to the balanced factors of the best M. On it F is convex in sin^2, with its
minimum at the end.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from core.errors import PremiseError
from core.methods.linear_net.lowest import Lowest
from core.methods.linear_net.net import LinearNet
from core.methods.linear_net.ridge import Trail, along_arc, joined, reduce, room_for, two_layers
from core.methods.linear_net.subspaces import basis, complement, space_of
from core.methods.method import Construction, Premise, Task, require
from core.methods.monotone import loss_of, rises
from core.penalty import Penalty
from core.problem import Problem
from core.subnetworks.weights import with_ones

SMOOTH = ("cross-entropy", "square")
STEPS = 20000
PATIENCE = 1e-3  # of what the objective may be above its minimum: it has to fall by this much in every hundred steps


def premises(task: Task) -> Iterator[Premise]:
    yield from two_layers(task)
    name = task.problem.loss.name
    yield Premise(f"the loss is {' or '.join(SMOOTH)}, for its proximal steps", name in SMOOTH, f"it is {name}")


def descend_with_ridge(task: Task, eps: float, kappa: float) -> Construction:
    """A path from task.a, along which F never rises, to a model of the lowest F that was found.

    task.b is not read. Raises PremiseError where nothing is stated, or F is within eps of that already.
    """
    require(premises(task))
    problem, net = task.problem, LinearNet.of(task.problem, task.a)
    best = lowest_with_nuclear_norm(problem, net, kappa, eps)
    here, lowest = penalised(problem, task.a[None], kappa), best.loss
    task.reporter.say(f"Loss and ridge are {float(here):.6g}; the lowest found is {lowest:.6g}.")
    if float(here) <= lowest + eps:
        raise PremiseError(f"Loss and ridge are {float(here):.6g} already, at most {eps:g} above the lowest.")
    trail = Trail([task.a])
    reduce(problem, trail)
    E = space_of(*LinearNet.of(problem, trail.here).W)
    require(iter([room_for(problem, E.shape[1], basis(best.M).shape[1])]))
    end = balanced(problem, trail.here, best, E)
    along_arc(problem, trail, end)
    path = joined(trail, Trail([end]))
    return Construction(path, gaps=rises(path, partial(penalised, problem, kappa=kappa), "loss and ridge rise"))


def lowest_with_nuclear_norm(problem: Problem, net: LinearNet, kappa: float, near: float) -> Lowest:
    """M (n_0, n_L) and c that make loss + 2 kappa |M|_* least, by accelerated proximal gradient steps that restart."""
    X, y = problem.data.train.x.flatten(1), problem.data.train.y
    D = with_ones(X) if net.b[-1] is not None else X
    step = len(X) / (float(torch.linalg.matrix_norm(D, 2)) ** 2 or 1.0)  # losses have second derivatives of at most 1
    n_0, n_L = X.shape[1], net.W[-1].shape[1]
    B = before = D.new_zeros(D.shape[1], n_L)
    momentum, value, watched = 1.0, float("inf"), float("inf")
    for i in range(STEPS):
        after = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = B + (momentum - 1) / after * (B - before)
        new = shrunk(ahead - step * gradient(problem, D, ahead, y), 2 * kappa * step, n_0)
        reached = objective(problem, D, new, kappa, n_0)
        if reached > value:
            if momentum == 1:
                break  # a plain step does not raise it: this is rounding
            momentum, before = 1.0, B
            continue
        B, before, momentum, value = new, B, after, reached
        if i % 100 == 99:
            if value > watched - PATIENCE * near:
                break
            watched = value
    c = B[n_0] if len(B) > n_0 else B.new_zeros(n_L)
    return Lowest(B[:n_0], c, value)


def gradient(problem: Problem, D: Tensor, B: Tensor, y: Tensor) -> Tensor:
    """Of the mean loss of outputs D B (N, n_L), in B (d, n_L)."""
    leaf = B.detach().requires_grad_()
    (found,) = torch.autograd.grad(problem.loss.samples((D @ leaf)[None], y[None]).mean(), leaf)
    return found


def objective(problem: Problem, D: Tensor, B: Tensor, kappa: float, n_0: int) -> float:
    """loss(M, c) + 2 kappa |M|_*, of B = [M; c]."""
    return loss_of(problem, D @ B) + 2 * kappa * float(torch.linalg.svdvals(B[:n_0]).sum())


def shrunk(B: Tensor, by: float, n_0: int) -> Tensor:
    """The first n_0 rows with singular values that are less by `by`, or zero; the row of the constant stays."""
    left, s, right = torch.linalg.svd(B[:n_0], full_matrices=False)
    return torch.cat([(left * (s - by).clamp_min(0)) @ right, B[n_0:]])


def balanced(problem: Problem, here: Tensor, best: Lowest, E: Tensor) -> Tensor:
    """A model (P,) that computes x M + c by factors of equal size, in hidden directions orthogonal to E."""
    net = LinearNet.of(problem, here)
    rank = basis(best.M).shape[1]
    left, s, right = torch.linalg.svd(best.M, full_matrices=False)
    Q, root = complement(E)[:, :rank], s[:rank].sqrt()
    W = ((left[:, :rank] * root) @ Q.T, (Q * root) @ right[:rank])
    bias = None if net.b[-1] is None else best.c
    return LinearNet(W, (*net.b[:-1], bias)).theta(problem)


def penalised(problem: Problem, thetas: Tensor, kappa: float) -> Tensor:
    """F (K,) of points (K, P)."""
    return problem.losses(thetas) + Penalty(kappa).at(problem, thetas)
