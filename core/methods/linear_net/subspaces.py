"""Spaces that the columns of matrices span, as orthonormal columns, and how one turns off another."""

import torch
from torch import Tensor

RANK = 1e-11  # singular values below this share of the largest count as zero
STILL = 1e-14  # an angle below this is none


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
    """The root of the sum of squares of the cosines between two spaces: 0 where they are orthogonal."""
    return float(torch.linalg.matrix_norm(E_a.T @ E_b)) if E_a.numel() and E_b.numel() else 0.0


def complement(E: Tensor) -> Tensor:
    """Orthonormal columns that span all that is orthogonal to the columns of E (h, k), k < h, of any rank."""
    every: Tensor = torch.linalg.svd(E).U
    return every[:, basis(E).shape[1] :]


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
