"""Proposition 2.3 of Freeman and Bruna 2017, sharp: how nearly ReLU units of small angle act as linear ones.

For unit vectors w1, w2 at an angle a, samples x with the empirical mean E, Sigma = E x x', and
[w1, w2] = E relu(x.w1) relu(x.w2):

    u - E (x.d)^2 [x.(w1 + w2) > 0]  <=  [w1, w2]  <=  u,    u = E relu(x.(w1 + w2) / 2)^2,  d = (w2 - w1) / 2.

Proof. Where both units are active the product is (x.(w1 + w2) / 2)^2 - (x.d)^2. On the rest of the half-plane
x.(w1 + w2) > 0 it is zero and |x.d| >= x.(w1 + w2) / 2 > 0; off the half-plane at most one unit is active. ∎

The paper writes u as (1 + cos a) / 2 |w_m|^2 with the bisector w_m, which w2 = -w1 doesn't have, and prints the lower
bound u - 2 |Sigma| ((1 - cos a) / 2 + sin^2 a): true, but far lower. A bias counts as the weight of an input that is 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.bounds.levels import require_layers
from core.bounds.result import BoundResult
from core.errors import PremiseError
from core.problem import Problem
from core.progress import Reporter, plural
from core.results import Measurement, Role
from core.specs.bounds import Linearisation
from core.subnetworks.weights import Weights, with_ones

MOST = 20_000  # pairs: each leaves seven rows in the catalogue
AT_ONCE = 1 << 24  # products of a pair and a sample in one tensor


@dataclass(frozen=True)
class Linearised:
    """Of pairs of unit vectors, (K,) each: [w1, w2] and what it lies between."""

    product: Tensor
    lower: Tensor
    lower_printed: Tensor
    upper: Tensor


def linearisation(w1: Tensor, w2: Tensor, X: Tensor) -> Linearised:
    """The bounds of Proposition 2.3 for unit vectors w1, w2 (K, n) and samples X (N, n)."""
    first, second = X @ w1.T, X @ w2.T
    product = (first.clamp_min(0) * second.clamp_min(0)).mean(0)
    middle, d = (first + second) / 2, (second - first) / 2
    upper = middle.clamp_min(0).square().mean(0)
    lower = upper - (d.square() * (middle > 0)).mean(0)
    cosine = (w1 * w2).sum(1).clamp(-1, 1)
    sigma = torch.linalg.matrix_norm(X, 2).square() / len(X)
    printed = upper - 2 * sigma * ((1 - cosine) / 2 + 1 - cosine.square())
    return Linearised(product, lower, printed, upper)


def compute(options: Linearisation, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:
    """All pairs of units of layer 1, or each with its nearest neighbour by angle.

    Raises PremiseError where the first layer is not a dense layer of ReLU units, or has fewer than two nonzero units.
    """
    exact = require_relu(problem)
    units, rows, X = directions(exact, theta.to("cpu", torch.float64))
    pairs = chosen_pairs(options, rows)
    reporter.say(f"Looks at {plural(pairs.shape[1], 'pair')} of {plural(len(rows), 'unit')}.")
    first, second = rows[pairs[0]], rows[pairs[1]]
    groups = zip(*(torch.split(one, max(1, AT_ONCE // len(X))) for one in (first, second)), strict=True)
    found = [linearisation(w1, w2, X) for w1, w2 in groups]
    columns = {name: torch.cat([getattr(one, name) for one in found]) for name in Linearised.__dataclass_fields__}
    angles = 2 * torch.atan2((first - second).norm(dim=1), (first + second).norm(dim=1))
    asides = {"unit": units[pairs[0]], "neighbour": units[pairs[1]], "angle": angles}
    gap = columns["upper"] - columns["lower"]
    worst = int(gap.argmax())
    value = float(gap[worst])
    place = f"units {int(asides['unit'][worst])} and {int(asides['neighbour'][worst])}"
    summary = (
        f"the product of two units' features is known to within {value:.4g}, the most for {place} "
        f"({float(angles[worst]):.3g} apart); the printed bound leaves "
        f"{float((columns['upper'] - columns['lower_printed']).max()):.4g}"
    )
    return BoundResult(value, 1, summary, [*measured(columns, "value"), *measured(asides, "aside")])


def require_relu(problem: Problem) -> Problem:
    """The problem in float64 on the CPU."""
    require_layers(problem, "linearisation", lambda _: None)
    assert problem.layered is not None
    layer = problem.layered.layers[0]
    if layer.convolution or layer.activation is not torch.relu:
        raise PremiseError("The linearisation bound needs a dense first layer of ReLU units; this network has another.")
    return problem.to("cpu", torch.float64)


def directions(exact: Problem, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers (m,) and unit vectors (m, n) of the units of layer 1 that are not zero, and the samples X (N, n).

    A bias is the last entry, and 1 the last input.
    """
    weights = Weights.of(exact, theta)
    rows, X = weights.into_units, exact.data.train.x.flatten(1)
    if weights.b[0] is not None:
        X = with_ones(X)
    norms = rows.norm(dim=1)
    units = (norms > 0).nonzero()[:, 0]
    if len(units) < 2:
        raise PremiseError(f"The linearisation bound needs two units with a direction; layer 1 has {len(units)}.")
    return units, rows[units] / norms[units, None], X


def chosen_pairs(options: Linearisation, rows: Tensor) -> Tensor:
    """Pairs (2, K) of numbers of rows."""
    m = len(rows)
    if options.pairs == "all":
        if (many := m * (m - 1) // 2) > MOST:
            raise PremiseError(f"pairs=all of {m} units are {many}, at most {MOST} are kept: use pairs=nearest.")
        return torch.triu_indices(m, m, 1)
    cosines = rows @ rows.T
    cosines.fill_diagonal_(-torch.inf)
    return torch.stack([torch.arange(m), cosines.argmax(1)])


def measured(columns: dict[str, Tensor], role: Role) -> list[Measurement]:
    """One number a pair and column; a pair is a draw."""
    return [
        Measurement(name=name, value=value, layer=1, draw=i, family="product", role=role, draws="pair")
        for name, values in columns.items()
        for i, value in enumerate(values.tolist())
    ]
