"""A curve of matrices of full rank between any two of them: Nguyen 2019, Proposition 3.5 (Evard and Jafari 1994).

Let W(0), W(1) be (n, m), n > m, of rank m, with polar factors W = Q P: Q with orthonormal columns, P symmetric
positive. There is a rotation T of R^n, acting in the span of Q(0) and Q(1) or one dimension more, with T Q(0) = Q(1).
T is a rotation by angles theta in orthogonal planes, and T^t the one by t theta. The curve

    W(t) = T^t Q(0) ((1-t) P(0) + t P(1))

has sigma_min(W(t)) >= min(sigma_min(W(0)), sigma_min(W(1))): the first factors have orthonormal columns, and the
smallest eigenvalue is a concave function of a symmetric matrix. (The paper only cites that a curve exists.)

The planes are found by a real Schur form, which unlike a logarithm of T stands the eigenvalue -1.
"""

from math import atan2, pi

import torch
from torch import Tensor

from core.curves.prescribed import Turning


def turning(start: Tensor, end: Tensor) -> Turning:
    """The curve from `start` to `end` (n, m), n > m, both of rank m, in float64."""
    n, m = start.shape
    assert n > m
    (Q0, P0), (Q1, P1) = polar(start), polar(end)
    span = torch.linalg.qr(torch.cat([Q0, Q1], 1)).Q  # (n, min(n, 2 m)): more than m columns
    T = rotation(span.T @ Q0, span.T @ Q1)
    planes, angles = planes_of(T)
    V = span @ planes
    return Turning(V, angles, V.T @ Q0, torch.stack([P0, P1]), torch.stack([start, end]))


def polar(W: Tensor) -> tuple[Tensor, Tensor]:
    """Q (n, m) with orthonormal columns and P (m, m) symmetric positive with W = Q P."""
    u, s, vh = torch.linalg.svd(W, full_matrices=False)
    P = vh.T @ (s[:, None] * vh)
    return u @ vh, (P + P.T) / 2


def rotation(A: Tensor, B: Tensor) -> Tensor:
    """T (q, q) orthogonal with determinant 1 and T A = B, for A, B (q, m), q > m, with orthonormal columns.

    Complements of both are added so that T turns as little as can be: by the orthogonal Procrustes problem.
    """
    m = A.shape[1]
    NA, NB = (torch.linalg.qr(one, mode="complete").Q[:, m:] for one in (A, B))
    u, _, vh = torch.linalg.svd(NB.T @ NA)
    T: Tensor = B @ A.T + NB @ u @ vh @ NA.T
    if torch.linalg.det(T) < 0:
        u[:, -1] *= -1  # the direction in which they agree least
        T = B @ A.T + NB @ u @ vh @ NA.T
    return T


def planes_of(T: Tensor) -> tuple[Tensor, Tensor]:
    """Orthogonal Z (q, q) and angles (J,): T turns the plane of columns j and J + j of Z, and keeps the others."""
    from scipy.linalg import schur  # noqa: PLC0415 - a fifth of a second, spared to jobs that need none

    S, Z = schur(T.cpu().numpy(), output="real")
    pairs: list[tuple[int, int]] = []
    fixed: list[int] = []
    half: list[int] = []
    i = 0
    while i < len(S):
        if i + 1 < len(S) and S[i + 1, i] != 0:
            pairs.append((i, i + 1))
            i += 2
        else:
            (fixed if S[i, i] > 0 else half).append(i)
            i += 1
    assert len(half) % 2 == 0, "a rotation has the eigenvalue -1 an even number of times"
    turns = [atan2(S[j, i] - S[i, j], S[i, i] + S[j, j]) for i, j in pairs]
    pairs += list(zip(half[::2], half[1::2], strict=True))
    angles = torch.tensor(turns + [pi] * (len(half) // 2), dtype=T.dtype, device=T.device)
    order = [i for i, _ in pairs] + [j for _, j in pairs] + fixed
    return torch.from_numpy(Z).to(T)[:, order], angles
