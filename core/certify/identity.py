"""The rule for identity claims: on a `Prescribed` curve the features F_k are <F_k>(t) for every t, up to a bound.

`core.curves.prescribed` states the family and its algebra; nothing else is taken from whoever made the curve. Its
equations hold in real numbers wherever D and all W_l(t) have full rank, whatever the tensors are. What is left is
linear algebra:

- sigma_min(D) > 0, and sigma_min(W_l(t)) > 0 for all t: a turning matrix is V R(t) C <P>(t) and what that leaves at its
  ends. R is orthogonal, so the first is at least sigma_min(V) sigma_min(C) min(lambda_min(P ends)) for symmetric P;
- W_l and b_l of the curve are those of the knots at both ends, bit for bit, and so on the whole path;
- what the path has and the curve has not: the data's own [F_{s-1}, 1] in place of D, and D U in place of Z_s at the
  ends. This difference, and G_l, move on straight lines: two ends bound them.

With row norms (one number a sample), spectral norms of matrices, and the largest over both ends for each <x>:

    |B_k| <= |F_k|,   |Z_l| <= |B_l| / slope  (layer L: |B_L|),
    |B_{l-1}| <= |F_{l-1}| + (|Z_l| + |b_l| + |G_l|) / sigma_min(W_l)                  [F (1 - W W^+) + (Z - b - G) W^+]
    |U| <= |U ends| + (|Z_s| + |Z_s ends|) / sigma_min(D)
    delta_s = |D U - Z_s at the ends| + |[F_{s-1}, 1] - D| |U|
    delta_l = |G_l| + delta_{l-1} |W_l|

bound how far F_l is from B_l, since leaky ReLU moves no further than its input. Where k = L, the outputs are within
2 delta_L of the straight line between those at the ends. Where k < L nothing above k may move, and Z_{k+1} is within
2 delta_k |W_{k+1}| + |(F_k(1) - F_k(0)) W_{k+1}| of its value at the start; the weights further up carry that on.
So the loss is at most the larger end's plus the gain that `residual` derives from such a bound: the drift.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from core.certify.claims import DRIFT, RESIDUAL, Finding
from core.certify.curved import gain_at_ends, random_points, require_right_view
from core.certify.judged import Judged, RefusedError, fitted
from core.certify.magnitude import CEILING
from core.certify.rounding import SAFETY, TINY, UNIT, gamma, lengths
from core.curves.prescribed import Still, between
from core.path import Segment
from core.problem import Problem

FIXED, RANDOM = 17, 16
"""Points at which the features are looked at beside the proof: at equal steps, and at random."""


def identity(problem: Problem, segment: Segment, ends: Tensor) -> Finding:
    """Whether the claim of a segment between `ends` (2, P), finite and in float64, holds."""
    try:
        judged = fitted(problem, segment, ends)
        delta = deviation(judged)
        drift = loss_gain(judged, delta)
        off, allowed = looked(judged, segment)
    except RefusedError as refusal:
        return Finding(False, str(refusal))
    limit = DRIFT * (1 + float(problem.losses(ends).max()))
    if not drift <= limit:
        return Finding(False, f"what rounding leaves may raise the loss by {drift:.2g}, over {limit:.2g}", off, drift)
    points = f"on {FIXED + RANDOM} points F_{judged.k} is off by {off:.2g}"
    if not off <= allowed:
        return Finding(False, f"{points}, over {allowed:.2g}: float64 can't follow this curve", off, drift)
    proven = f"F_{judged.k} is as prescribed for every t, to {float(delta.max()):.2g}"
    return Finding(True, f"{proven}; {points}; the loss may gain {drift:.2g}", off, drift)


def singular_values(judged: Judged, l: int) -> tuple[float, float]:
    """Bounds on the singular values of W_l(t) for all t. Raises RefusedError where full column rank can't be shown."""
    matrices = judged.curve.W[l - 1 - judged.s]
    if isinstance(matrices, Still):
        smallest, largest = _singular(matrices.W)
    else:
        if not torch.equal(matrices.P, matrices.P.mT):
            raise RefusedError(f"layer {l}: a factor P of its curve is not symmetric")
        (v, V), (c, C) = _singular(matrices.V), _singular(matrices.C)
        p, P = float(torch.linalg.eigvalsh(matrices.P).min()), max(_singular(one)[1] for one in matrices.P)
        p -= 16 * len(matrices.C) * UNIT * P
        left = max(float(one.norm()) for one in matrices.left)
        left += 16 * sum(matrices.C.shape) * UNIT * float(matrices.V.norm() * matrices.C.norm() * matrices.P.norm())
        smallest, largest = (v * c * p if min(v, c, p) > 0 else 0.0) - left, V * C * P + left
    if not smallest > 0:
        raise RefusedError(f"layer {l}: its weight can't be shown to keep full column rank between the ends")
    return smallest, largest


def _singular(W: Tensor) -> tuple[float, float]:
    """Bounds on the n-th of n columns' singular values, 0 where it may be, and on the largest."""
    s = torch.linalg.svdvals(W.cpu())  # by LAPACK, whose rounding is what the bound below is for
    rounding = 16 * sum(W.shape) * UNIT * float(s[0])
    smallest = float(s[-1]) - rounding if W.shape[0] >= W.shape[1] else 0.0
    return max(smallest, 0.0), float(s[0]) + rounding


def deviation(judged: Judged) -> Tensor:
    """delta_k (N,): how far the features F_k of each sample may be from <F_k>(t), for every t."""
    curve, s, k = judged.curve, judged.s, judged.k
    sigma = {l: singular_values(judged, l) for l in range(s + 1, k + 1)}
    smallest_D, _ = _singular(curve.D.T)
    if not smallest_D > 0:
        raise RefusedError(f"[F_{s - 1}, 1] can't be shown to have the rank {len(curve.D)} of its rows")
    G = {l: _larger(_off(*_at_end(judged, l, i)) for i in (0, 1)) for l in sigma}
    B = {k: _larger(_rows(F) for F in curve.F[-1])}
    for l in range(k, s, -1):
        b = _larger(one.norm() for one in curve.b[l - 1 - s])
        above = _steepness(judged, l) * B[l] + b + G[l]
        B[l - 1] = _larger(_rows(F) for F in curve.F[l - 1 - s]) + above / sigma[l][0]
    delta = _first(judged, _steepness(judged, s) * B[s], smallest_D)
    for l in range(s + 1, k + 1):
        delta = G[l] + delta * sigma[l][1]
    if not bool((torch.stack([*B.values(), delta]) <= CEILING).all()):
        raise RefusedError("its features can't be shown to stay finite")
    return delta * SAFETY


def _first(judged: Judged, Z: Tensor, smallest_D: float) -> Tensor:
    """delta_s (N,), given a bound Z (N,) on the rows of Z_s(t)."""
    curve, problem = judged.curve, judged.problem
    F = problem.features(judged.ends[:1], judged.s - 1, problem.data.train.x).flatten(2)[0]
    gap = _rows(torch.cat([F, F.new_ones(len(F), 1)], 1) - curve.D)  # F as float64 computes it
    U = [torch.cat([W, b[None]]) for W, b in (judged.knot(judged.s, i) for i in (0, 1))]
    ends = [curve.preactivation(0, F) for F in curve.F[0]]
    size = max(float(one.norm()) for one in U) + float(Z.norm() + max(one.norm() for one in ends)) / smallest_D
    zero = curve.D.new_zeros(U[0].shape[1])
    return _larger(_off(z, curve.D, one, zero) for z, one in zip(ends, U, strict=True)) + gap * size


def _at_end(judged: Judged, l: int, i: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Z_l, F_{l-1}, W_l and b_l of the curve at its start (i = 0) or end."""
    curve, j = judged.curve, l - 1 - judged.s
    return curve.preactivation(j + 1, curve.F[j + 1][i]), curve.F[j][i], curve.W[j].at(float(i)), curve.b[j][i]


def _off(Z: Tensor, F: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Row norms (N,) of Z - F W - b, and what float64 may have rounded off them."""
    size = Z.abs() + F.abs() @ W.abs() + b.abs()
    n = F.shape[1] + 8
    return _rows((Z - F @ W - b).abs() + gamma(n) * size + n * TINY)


def _steepness(judged: Judged, l: int) -> float:
    """How much larger |Z_l| may be than |B_l|."""
    return 1.0 if judged.curve.output and l == judged.k else 1 / judged.curve.slope


def loss_gain(judged: Judged, delta: Tensor) -> float:
    """What the mean loss may gain on the larger end's, where F_k is off by at most delta (N,)."""
    problem, curve, k = judged.problem, judged.curve, judged.k
    off = 2 * delta
    for l in range(k + 1, judged.depth + 1):
        W, _ = judged.knot(l, 0)
        off = off * _singular(W)[1]
        if l == k + 1:
            A, zero = curve.F[-1], W.new_zeros(())
            off = off + _off(A[1] @ W, A[0], W, zero) + _off(A[1] @ W, A[1], W, zero)  # the second: rounding alone
    radius, outputs = off * SAFETY, judged.layer(judged.depth).outputs
    spread = radius[:, None].expand(-1, outputs) / outputs**0.5  # their sum bounds the 1-norm
    return gain_at_ends(problem, judged.ends, spread, radius)


def looked(judged: Judged, segment: Segment) -> tuple[float, float]:
    """The largest |F_k - <F_k>| seen on the grids, evaluated as any network is, and what is allowed of it."""
    curve, problem = judged.curve, judged.problem
    grid = torch.cat([torch.linspace(0, 1, FIXED, dtype=torch.float64), random_points(judged.ends, RANDOM)])
    require_right_view(problem, segment, grid)
    found = []
    for t in grid:
        F = problem.features(segment.at(t[None]), judged.k, problem.data.train.x)[0]
        found.append((F - between(curve.F[-1], float(t))).abs().max())
    off = float(torch.stack(found).max())
    return off, RESIDUAL * (1 + float(curve.F[-1].abs().max()))


def _rows(F: Tensor) -> Tensor:
    """Euclidean norms (N,)."""
    return lengths(F[None])


def _larger(ends: Iterable[Tensor]) -> Tensor:
    first, last = ends
    return torch.maximum(first, last)
