"""Paths of linear networks with one hidden layer on which loss + ridge stays below its larger end.

Freeman and Bruna 2017, Proposition 2.2 for K = 2 and kappa > 0, completed. Let F = loss + kappa (|W_1|^2 + |W_2|^2),
with W_1 (n_0, h) and W_2 (h, n_L); biases are free, and hidden ones go to zero first. Let rho be the rank of W_1 W_2.
Models A and B are joined where h >= rho_A + rho_B, for any kappa >= 0 and any convex loss:

    1  W_1 -> W_1 P, P the projector on the columns of W_2              *convex*: outputs stay, |W_1| falls
    2  W_2 -> R W_2, R the projector on the rows of W_1 P               *convex*: outputs stay, |W_2| falls
       Now the rows of W_1 and the columns of W_2 span one space E of dimension rho.
    3  E_A turns until it is orthogonal to E_B                          *identity* (`Turn`): outputs and norms stay
    4  cos(pi t/2) A + sin(pi t/2) B, but b_2 by cos^2 and sin^2        *identity* (`Arc`): there are no cross terms,
       so outputs and sums of squares are on their chords in sin^2(pi t/2), in which F is convex
    5  back to B by 2 and 1.

Where h >= rho_A + rho_B + min(rho_A, rho_B), an arc to a copy of the end of smaller rank in what is left free of both,
and one from there, do without 3.

The paper's proof follows minimal factorisations, which needn't be continuous. 1-1-1 with x = y = 1 and kappa = 0.05
has two minima of 0.095, and every path between them passes 1/2.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.curves.rotating import Arc, Turn
from core.methods.linear_net.assumptions import common, widths
from core.methods.linear_net.net import LinearNet
from core.methods.method import Construction, Premise, Task
from core.path import Claim, Curve, Path
from core.problem import Problem
from core.progress import plural

RANK = 1e-11  # singular values below this share of the largest count as zero
STILL = 1e-14  # an angle below this is none


@dataclass
class Trail:
    """Points (P,) passed on the way from a model, and the claims and curves of the segments between them."""

    points: list[Tensor]
    claims: list[Claim] = field(default_factory=list)
    curves: dict[int, Curve] = field(default_factory=dict)

    @property
    def here(self) -> Tensor:
        return self.points[-1]

    def straight(self, point: Tensor) -> None:
        """On along a straight line."""
        self.points.append(point)
        self.claims.append(Claim.CONVEX)

    def along(self, curve: Curve, point: Tensor) -> None:
        """On along a curve."""
        self.curves[len(self.claims)] = curve
        self.points.append(point)
        self.claims.append(Claim.IDENTITY)


def premises(task: Task) -> Iterator[Premise]:
    """What `two_layers` asks, and room for both products, by their ranks."""
    yield from two_layers(task)
    a, b = (rank_of_product(LinearNet.of(task.problem, theta)) for theta in (task.a, task.b))
    yield room_for(task.problem, a, b)


def two_layers(task: Task) -> Iterator[Premise]:
    """A linear network with one hidden layer, in float64."""
    yield from common(task)
    problem = task.problem
    depth = len(widths(problem)) - 1
    yield Premise("there is one hidden layer, as a ridge asks", depth == 2, f"this network has {depth - 1}")
    dtype = str(problem.dtype).removeprefix("torch.")
    claim = "the models are in float64, which exact curves need (train them with -o dtype=float64)"
    yield Premise(claim, problem.dtype == torch.float64, f"they are in {dtype}")


def room_for(problem: Problem, a: int, b: int) -> Premise:
    """Hidden units for products of ranks a and b side by side."""
    h = widths(problem)[1]
    claim = "the hidden layer has room for the products of both models"
    return Premise(claim, h >= a + b, f"the hidden layer has {plural(h, 'unit')}; ranks {a} and {b} need {a + b}")


def rank_of_product(net: LinearNet) -> int:
    """Of W_1 W_2."""
    return space_of(*net.W).shape[1]


def build_with_ridge(task: Task) -> Construction:
    """Reduce both models to what their outputs need, and join them by one or two arcs."""
    problem = task.problem
    there, back = (Trail([theta]) for theta in (task.a, task.b))
    for trail in (there, back):
        reduce(problem, trail)
    E_a, E_b = (space_of(*LinearNet.of(problem, trail.here).W) for trail in (there, back))
    h, least = len(E_a), min(E_a.shape[1], E_b.shape[1])
    ranks = f"ranks {E_a.shape[1]} and {E_b.shape[1]} in {h} hidden units"
    if overlap(E_a, E_b) <= STILL:
        task.reporter.say(f"The models have {ranks}, orthogonal to each other: one arc joins them.")
    elif h >= E_a.shape[1] + E_b.shape[1] + least:
        task.reporter.say(f"The models have {ranks}: two arcs join them, through a copy of the one of smaller rank.")
        through_copy(problem, there, back, E_a, E_b)
    else:
        task.reporter.say(f"The models have {ranks}: one turns away from the other, then an arc joins them.")
        turn_away(problem, there, E_a, E_b)
    there.along(arc(problem, there.here, back.here), back.here)
    return Construction(joined(there, back), task.below)


def joined(there: Trail, back: Trail) -> Path:
    """The first trail, then the second in reverse, on which there are straight lines and arcs alone."""
    points = [*there.points, *back.points[-2::-1]]
    count, last = len(there.claims), len(back.claims) - 1
    curves = dict(there.curves)
    for i, one in back.curves.items():
        assert isinstance(one, Arc)
        curves[count + last - i] = Arc(one.ends.flip(0), one.squared)
    return Path(torch.stack(points), (*there.claims, *reversed(back.claims)), curves)


def reduce(problem: Problem, trail: Trail) -> None:
    """Steps 0 to 2: no hidden bias, and nothing in the weights that the product doesn't need."""
    net = LinearNet.of(problem, trail.here)
    if net.has_hidden_biases:
        net = net.without_hidden_biases()
        trail.straight(net.theta(problem))
    W_1, W_2 = net.W
    P = basis(W_2)
    W_1 = W_1 @ P @ P.T
    trail.straight(net.with_matrices((W_1, W_2)).theta(problem))
    E = basis(W_1.T)
    trail.straight(net.with_matrices((W_1, E @ E.T @ W_2)).theta(problem))


def basis(W: Tensor) -> Tensor:
    """Orthonormal columns (n, rank) that span those of W (n, m)."""
    left, s, _ = torch.linalg.svd(W, full_matrices=False)
    spanning: Tensor = left[:, s > RANK * s[:1]]
    return spanning


def space_of(W_1: Tensor, W_2: Tensor) -> Tensor:
    """E (h, rho): orthonormal columns that span what the product W_1 W_2 reads of the rows of W_1."""
    P = basis(W_2)
    return basis(P @ (P.T @ W_1.T))


def overlap(E_a: Tensor, E_b: Tensor) -> float:
    """The largest cosine between two spaces."""
    return float(torch.linalg.matrix_norm(E_a.T @ E_b)) if E_a.numel() and E_b.numel() else 0.0


def arc(problem: Problem, start: Tensor, end: Tensor) -> Arc:
    """Between two points without hidden biases."""
    assert problem.layered is not None
    bias, layout = problem.layered.layers[-1].bias, problem.layout
    marks = [torch.full((size,), name == bias) for name, size in zip(layout.names, layout.sizes, strict=True)]
    return Arc(torch.stack([start, end]), torch.cat(marks).to(start.device))


def through_copy(problem: Problem, there: Trail, back: Trail, E_a: Tensor, E_b: Tensor) -> None:
    """The end of smaller rank goes on an arc to a copy of itself, in a space that is orthogonal to both."""
    trail, E = (there, E_a) if E_a.shape[1] <= E_b.shape[1] else (back, E_b)
    free = complement(torch.cat([E_a, E_b], 1))[:, : E.shape[1]]
    net = LinearNet.of(problem, trail.here)
    W_1, W_2 = net.W
    copy = net.with_matrices((W_1 @ E @ free.T, free @ (E.T @ W_2))).theta(problem)
    trail.along(arc(problem, trail.here, copy), copy)


def complement(E: Tensor) -> Tensor:
    """Orthonormal columns that span all that is orthogonal to the columns of E (h, k), k < h, of any rank."""
    every: Tensor = torch.linalg.svd(E).U
    return every[:, basis(E).shape[1] :]


def turn_away(problem: Problem, trail: Trail, E_a: Tensor, E_b: Tensor) -> None:
    """E_a turns by its principal angles to the complement of E_b."""
    assert problem.layered is not None
    first, second = problem.layered.layers
    begins = [sum(problem.layout.sizes[: problem.layout.names.index(one.weight)]) for one in (first, second)]
    places = [[begins[0], first.outputs, first.inputs], [begins[1], second.outputs, second.inputs]]
    V, angles = planes(E_a, E_b)
    turn = Turn(trail.here, torch.tensor(places), V, angles)
    trail.along(turn, turn.points(torch.ones(1, dtype=torch.float64))[0])


def planes(E_a: Tensor, E_b: Tensor) -> tuple[Tensor, Tensor]:
    """V (h, 2 J) with orthonormal columns and J angles: turning column j to column J + j of V takes E_a off E_b."""
    N = complement(E_b)
    left, cos, right = torch.linalg.svd(E_a.T @ N, full_matrices=False)
    P, target = E_a @ left, N @ right.T
    D = target - P * cos
    sin = torch.linalg.vector_norm(D, dim=0)
    turning = sin > STILL
    P, D = P[:, turning], D[:, turning]
    Q, R = torch.linalg.qr(torch.cat([P, D], 1))  # D is short where an angle is small, so not orthogonal to rounding
    V = Q * R.diagonal().sign()
    return V, torch.atan2(sin, cos)[turning]
