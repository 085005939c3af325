"""Two products of matrices of any ranks become equal in all factors but the first, and neither product changes.

Let W_1 ... W_L be the factors of one of two models, W_l (n_{l-1}, n_l), seen through T_L (n_L, r) with orthonormal
columns: the product matters as W_1 ... W_L T_L alone, and n_j >= r + 1 for every hidden layer j. From j = L - 1 down to
1, T_{j+1} being the product W_{j+2} ... W_L T_L with orthogonal columns of one length tau_{j+1}, equal in both models:

    C = W_{j+1} T_{j+1} (n_j, r)                          differs from model to model, and has any rank
    t = tau_j t_0 with orthonormal columns t_0 (n_j, K),  u = u_0 / tau_j with u^T C = 0 and u^T t = 1
    (a)  W_j += W_j (C_K - t) u^T                         the product stays, since u^T C = 0; now W_j t = W_j C_K
    (b)  W_{j+1} += (t - C_K) T_{j+1,K}^T / tau_{j+1}^2   the product stays, since W_j t = W_j C_K; now C_K = t

for K at most n_j - r of the columns of C at a time, until all of C is the same T_j in both models. As the last step of
a layer W_{j+1} becomes T_j T_{j+1}^T / tau_{j+1}^2 itself: what it does besides can't be seen through T_{j+1}.

*Directions.* Let N^A, N^B have orthonormal columns, as many as n_j - r, orthogonal to those of C^A and C^B: the last
ones of a complete QR, whatever the ranks. N^A^T N^B = U cos V^T; of the principal vectors P^A = N^A U, P^B = N^B V the
K nearest to each other are taken: t_0 = (P^A + P^B) / sqrt(2 (1 + cos)), u_0 = P sqrt(2 / (1 + cos)). So |u_0| is at
most sqrt 2, and t_0 is orthogonal to all earlier columns, which are in both C. No rank is decided anywhere.

*Sizes.* Rounding costs the product about p |C|^2 / tau_j in (a) and p tau_j in (b), p = |W_1| ... |W_j|, by spectral
norms and in the model where that is larger. tau_j^2 = max p |C|^2 / max p makes both the least; it is kept between the
sizes |C| of both models, so that weights don't grow. Any other tau_j > 0 would do in real numbers.

(Freeman and Bruna 2017, Proposition 2.2, whose proof makes this with r units, where it can't be made.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt

import torch
from torch import Tensor

from core.methods.linear_net.net import Matrices

NOTHING = 1e-12  # of what a product could be by norms: rounding


@dataclass
class Way:
    """The factors of one model after each step, the first ones its own; two neighbours differ in one factor."""

    knots: list[Matrices]

    @property
    def here(self) -> Matrices:
        return self.knots[-1]

    def change(self, j: int, W: Tensor) -> None:
        """On to another W_j."""
        self.knots.append((*self.here[: j - 1], W, *self.here[j:]))


@dataclass(frozen=True)
class Suffix:
    """The product above a layer, T (n, r) of rank r and size |T|, the same in all models; T^+ (r, n)."""

    T: Tensor
    left_inverse: Tensor
    size: float

    @classmethod
    def orthogonal(cls, T: Tensor, size: float) -> "Suffix":
        """Of T with orthogonal columns, all of length `size`."""
        return cls(T, T.T / size**2, size)


def equalise(ways: Sequence[Way], seen: Tensor) -> None:
    """All go on until they differ in W_1 alone; W_1 ... W_L T_L stays, with `seen` as T_L."""
    above = Suffix.orthogonal(seen, 1.0)
    for j in range(len(ways[0].here) - 1, 0, -1):
        above = equalise_above(ways, j, above)


def equalise_above(ways: Sequence[Way], j: int, above: Suffix) -> Suffix:
    """All go on until W_{j+1} is the same, by steps (a) and (b) of hidden layer j; then W_{j+1} T_{j+1} is T_j."""
    Cs = [way.here[j] @ above.T for way in ways]
    (h, r), size = Cs[0].shape, common_size([scale(way.here, j, C, above) for way, C in zip(ways, Cs, strict=True)])
    T = torch.empty_like(Cs[0])
    *_, last = chunks = torch.split(torch.arange(r, device=T.device), max(1, min(r, h - r)))
    for K in chunks:
        t, us = common_directions(Cs, len(K))
        T[:, K] = t = size * t
        for way, C, u in zip(ways, Cs, us, strict=True):
            way.change(j, way.here[j - 1] + way.here[j - 1] @ (C[:, K] - t) @ (u.T / size))  # (a)
        whole = T @ above.left_inverse if K is last else None
        for way, C in zip(ways, Cs, strict=True):
            turned = way.here[j] + (t - C[:, K]) @ above.left_inverse[K] if whole is None else whole
            way.change(j + 1, turned)  # (b)
            C[:, K] = t
    return Suffix.orthogonal(T, size)


def scale(factors: Matrices, j: int, C: Tensor, above: Suffix) -> tuple[float, float]:
    """|C|, 0 where it is what rounding leaves of a product that is zero; and p = |W_1| ... |W_j|."""
    size = spectral_norm(C)
    if size <= NOTHING * spectral_norm(factors[j]) * above.size:
        size = 0.0
    return size, prod(spectral_norm(W) for W in factors[:j])


def common_size(scales: Sequence[tuple[float, float]]) -> float:
    """tau from |C| and p of both models; 1 where both C are zero."""
    sizes = [size for size, _ in scales if size > 0]
    if not sizes:
        return 1.0
    if len(sizes) < 2 or min(p for _, p in scales) == 0:
        return sqrt(sizes[0]) * sqrt(sizes[-1])
    best = max(sqrt(p) * size for size, p in scales) / sqrt(max(p for _, p in scales))
    return min(max(best, min(sizes)), max(sizes))


def spectral_norm(W: Tensor) -> float:
    return float(torch.linalg.matrix_norm(W, 2))


def common_directions(Cs: Sequence[Tensor], count: int) -> tuple[Tensor, list[Tensor]]:
    """t_0 (h, count) with orthonormal columns, and a u_0 for each of one or two C: u_0^T C = 0 and u_0^T t_0 = 1."""
    N_a, *N_b = [torch.linalg.qr(C, mode="complete").Q[:, C.shape[1] :] for C in Cs]
    if not N_b:
        return N_a[:, :count], [N_a[:, :count]]
    left, cos, right = torch.linalg.svd(N_a.T @ N_b[0])
    P_a, P_b, cos = N_a @ left[:, :count], N_b[0] @ right[:count].T, cos[:count].clamp(max=1.0)
    return (P_a + P_b) / (2 * (1 + cos)).sqrt(), [P * (2 / (1 + cos)).sqrt() for P in (P_a, P_b)]
