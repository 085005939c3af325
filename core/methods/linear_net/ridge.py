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
from core.methods.linear_net.subspaces import STILL, basis, complement, overlap, planes, space_of
from core.methods.method import Construction, Premise, Task
from core.path import Claim, Curve, Path
from core.problem import Problem
from core.progress import plural


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
    (h, rho_a), rho_b = E_a.shape, E_b.shape[1]
    ranks = f"ranks {rho_a} and {rho_b} in {h} hidden units"
    if overlap(E_a, E_b) <= STILL:
        task.reporter.say(f"The models have {ranks}, orthogonal to each other: one arc joins them.")
    elif h >= rho_a + rho_b + min(rho_a, rho_b):
        task.reporter.say(f"The models have {ranks}: two arcs join them, through a copy of the one of smaller rank.")
        through_copy(problem, there, back, E_a, E_b)
    else:
        task.reporter.say(f"The models have {ranks}: one turns away from the other, then an arc joins them.")
        turn_away(problem, there, E_a, E_b)
    along_arc(problem, there, back.here)
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
    """No hidden bias, and by steps 1 and 2 nothing in the weights that the product doesn't need."""
    net = LinearNet.of(problem, trail.here)
    if net.has_hidden_biases:
        net = net.without_hidden_biases()
        trail.straight(net.theta(problem))
    W_1, W_2 = net.W
    P = basis(W_2)
    W_1 = W_1 @ P @ P.T
    trail.straight(net.with_matrices((W_1, W_2)).theta(problem))  # step 1
    E = basis(W_1.T)
    trail.straight(net.with_matrices((W_1, E @ E.T @ W_2)).theta(problem))  # step 2


def along_arc(problem: Problem, trail: Trail, end: Tensor) -> None:
    """Step 4: on along an arc, to a point that has no hidden biases either."""
    assert problem.layered is not None
    bias = problem.layered.layers[-1].bias
    trail.along(Arc(torch.stack([trail.here, end]), problem.layout.marks(bias).to(end.device)), end)


def through_copy(problem: Problem, there: Trail, back: Trail, E_a: Tensor, E_b: Tensor) -> None:
    """The end of smaller rank goes on an arc to a copy of itself, in a space that is orthogonal to both."""
    trail, E = (there, E_a) if E_a.shape[1] <= E_b.shape[1] else (back, E_b)
    free = complement(torch.cat([E_a, E_b], 1))[:, : E.shape[1]]
    net = LinearNet.of(problem, trail.here)
    W_1, W_2 = net.W
    copy = net.with_matrices((W_1 @ E @ free.T, free @ (E.T @ W_2))).theta(problem)
    along_arc(problem, trail, copy)


def turn_away(problem: Problem, trail: Trail, E_a: Tensor, E_b: Tensor) -> None:
    """Step 3: E_a turns by its principal angles to the complement of E_b."""
    assert problem.layered is not None
    layers = problem.layered.layers
    places = [[problem.layout.begin(one.weight), one.outputs, one.inputs] for one in layers]
    V, angles = planes(E_a, E_b)
    turn = Turn(trail.here, torch.tensor(places), V, angles)
    trail.along(turn, turn.points(torch.ones(1, dtype=torch.float64))[0])
