"""Ranks and independent columns in float64."""

import torch
from torch import Tensor

RANK = 1e-11
"""Singular values below this share of the largest count as zero: what depends on others to this is taken to depend."""


def rank(F: Tensor) -> int:
    """Numerical rank of a matrix."""
    s = torch.linalg.svdvals(F)
    return int((s > RANK * s[0]).sum())


def condition(F: Tensor) -> float:
    """Largest over smallest singular value."""
    s = torch.linalg.svdvals(F)
    return float(s[0] / s[-1])


def independent(F: Tensor) -> tuple[Tensor, int]:
    """All columns of F (N, n), those first that add most to the span of the ones before, and how many span it."""
    from scipy.linalg import qr  # noqa: PLC0415 - a fifth of a second, spared to jobs that need none

    r, order = qr(F.cpu().numpy(), mode="r", pivoting=True)
    diagonal = torch.from_numpy(r).diagonal().abs()
    return torch.from_numpy(order).long().to(F.device), int((diagonal > RANK * diagonal[0]).sum())


def solve_refined(F: Tensor, Z: Tensor) -> Tensor:
    """X of least norm with F X = Z, for Z in the span of F's columns, with one step of refinement."""
    X = least_norm_solution(F, Z, RANK)
    X += least_norm_solution(F, Z - F @ X, RANK)
    return X


def solve_full_rank(A: Tensor, B: Tensor) -> Tensor:
    """X of least norm that makes |A X - B| least, for A of full rank.

    torch's own choice on the CPU, gelsy, reads memory that nobody wrote in some versions (2.11 is one): where a column
    of A is zero it may then take the rank for none.
    """
    found: Tensor = torch.linalg.lstsq(A, B, driver="gels").solution
    return found


def least_norm_solution(A: Tensor, B: Tensor, rcond: float | None = None) -> Tensor:
    """X of least norm that makes |A X - B| least, whatever the rank of A; on the CPU, since no GPU has this driver."""
    found: Tensor = torch.linalg.lstsq(A.cpu(), B.cpu(), rcond, driver="gelsd").solution
    return found.to(A.device)
