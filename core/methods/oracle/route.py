"""The six subpaths of Theorem 2.4, from given heads, kept units and oracle.

From model (W, v) with best head beta; kept units S, T the others; W~ with the rows of S turned, and gamma, which reads
S alone:

    1   (W, v) -> (W, beta)                                          convex
    2   (W, beta) -> (W~, gamma)                                     convex where W~ = W, else enclosed
    3   the oracle written into T, read there, and taken to where model b has room for it
    4   all other units as in model b, read there, and the oracle's places too
    5, 6   subpaths 2 and 1 of model b, backwards

3 and 4 are the path of Nguyen et al. 2021, Theorem 4.1, between two models that do without T: `theorem_path`. The paper
forgets that T may be others in the two models. So without penalty and with alpha = 0 all is theirs but for subpath 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.methods.oracle.elimination import Kept
from core.methods.oracle.shallow import Head, Shallow
from core.methods.sparse.construction import End, theorem_path
from core.path import Claim, Path
from core.problem import Problem
from core.subnetworks import Subnetwork, Weights


@dataclass(frozen=True)
class Side:
    """One model's: its parameters (P,), weights W (m, n), best head beta, and (W~, gamma): rows (k, n) of `kept`."""

    theta: Tensor
    W: Tensor
    beta: Head
    rows: Tensor
    kept: Kept

    @property
    def predictor(self) -> Shallow:
        """(W, beta)."""
        return Shallow(self.W, self.beta)

    @property
    def compressed(self) -> Shallow:
        """(W~, gamma)."""
        W, V = self.W.clone(), self.beta.V.new_zeros(self.beta.V.shape)
        W[self.kept.units] = self.rows
        V[:, self.kept.units] = self.kept.head.V
        return Shallow(W, Head(V, self.kept.head.c, self.kept.value))

    @property
    def turns(self) -> bool:
        return not torch.equal(self.rows, self.W[self.kept.units])

    @property
    def second(self) -> Claim:
        """What subpath 2 is."""
        return Claim.ENCLOSED if self.turns else Claim.CONVEX


def six_subpaths(problem: Problem, a: Side, b: Side, oracle: Shallow) -> Path:
    """From a to b; subpaths on which nothing moves are left out."""
    xi_0 = Subnetwork(0, None, None, oracle.weights(problem), oracle.head.value)
    middle = theorem_path(problem, without_others(problem, a), without_others(problem, b), xi_0)
    first, last = (one.predictor.theta(problem) for one in (a, b))
    knots = [a.theta, first, *middle.knots, last, b.theta]
    return moving(knots, (Claim.CONVEX, a.second, *middle.claims, b.second, Claim.CONVEX))


def without_others(problem: Problem, side: Side) -> End:
    """(W~, gamma) as a model of which S alone is read."""
    theta = side.compressed.theta(problem)
    weights, S = Weights.of(problem, theta), side.kept.units
    reading = Weights((weights.W[1][:, S],), (weights.b[1],))
    return End(theta, [Subnetwork(1, S, S, reading, side.kept.value)])


def moving(knots: Sequence[Tensor], claims: Sequence[Claim]) -> Path:
    """The path without segments that stand still; if all do, one of them."""
    kept = [i for i in range(len(claims)) if not torch.equal(knots[i], knots[i + 1])] or [0]
    ends = [*(knots[i] for i in kept), knots[-1]]
    return Path(torch.stack(ends), tuple(claims[i] for i in kept))
