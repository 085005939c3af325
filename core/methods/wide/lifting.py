"""Features are prescribed and the first layer follows: Nguyen 2019, Lemmas 3.3 and 3.4, Theorem 3.2.

Setting. Layers s..L are read as a network of their own on features F_{s-1} (N, n_{s-1}) of the train set (s = 1: the
data) that stay as they are, D = [F_{s-1}, 1] of rank N, n_s > ... > n_L, and a leaky ReLU of slope > 0: strictly
monotonic and onto R, with the inverse inv. ^+ is the pseudo-inverse.

*Lemma 3.3 (1).* Let W_l have full column rank for l = s+1..k. For every A (N, n_k), and A = outputs where k = L, the
first layer U = [W_s; b_s] = h((W_l, b_l), A) makes F_k = A:  U = D^+ inv(B_s),  B_{l-1} = (inv(B_l) - 1 b_l) W_l^+,
B_k = A (no inv at layer L). For W^+ W = 1 and D D^+ = 1.
*Lemma 3.3 (2).* A curve with constant F_k leads from any U that gives F_k to this one: the components of F_{l-1} in the
kernel of W_l^T, and that of U in the kernel of D, are scaled down to zero.
*Lemma 3.4.* At constant outputs all of W_{s+1}..W_L get full column rank, from below. Let W = W_{k+1} not have it, I be
r = rank(W) independent rows, W(rest) = E W(I). F_k moves on the line to [F_k(I) + F_k(rest) E, 0], F_k W stays, and the
first layer follows; then W(rest) is free.
*Theorem 3.2.* With D, W_l(0) and W_l(1) of full rank, one curve joins two networks: W_l(t) from Proposition 3.5, b_l(t)
and F_L(t) on straight lines. A loss that is convex in F_L is nowhere above its larger end.

Where the paper first goes to h on both sides, keeping components in kernels (the nearest preimage, and lines between
those of both ends) saves these steps; and where it meets at outputs of lower loss, the straight line between both
outputs does. D has the column of ones everywhere (the paper's Lemma 3.4 inverts X alone), so rank [X, 1] = N will do.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.curves.prescribed import Matrices, Prescribed, Still
from core.methods.wide.net import Net
from core.methods.wide.ranks import independent, least_norm_solution, rank, solve_full_rank
from core.methods.wide.turning import turning
from core.networks.activations import leaky_slope
from core.subnetworks.weights import with_ones


@dataclass(frozen=True)
class Lift:
    """Layers s..L above features [F_{s-1}, 1] = D (N, n_{s-1} + 1) of rank N."""

    s: int
    D: Tensor
    slope: float

    @classmethod
    def above(cls, net: Net, s: int) -> "Lift":
        assert net.problem.layered is not None
        slope = leaky_slope(net.problem.layered.layers[s - 1].activation)
        assert slope
        return cls(s, with_ones(net.features(s - 1)), slope)

    def preactivation(self, net: Net, l: int, B: Tensor) -> Tensor:
        """Z_l with F_l = B."""
        return B if l == net.depth else torch.where(B >= 0, B, B / self.slope)

    def preimage(self, net: Net, k: int, A: Tensor) -> Net:
        """The network with another layer s so that F_k = A (N, n_k), nearest to this one layer by layer."""
        return self._solved(net, k, A, [net.features(l) for l in range(self.s, k)], self.first(net))

    def h(self, net: Net, k: int, A: Tensor) -> Net:
        """Lemma 3.3 (1): the network with layer s = h(W_{s+1}, b_{s+1}, ..., W_k, b_k, A)."""
        zeros = [A.new_zeros(len(A), W.shape[1]) for W in net.W[self.s - 1 : k - 1]]
        return self._solved(net, k, A, zeros, torch.zeros_like(self.first(net)))

    def first(self, net: Net) -> Tensor:
        """U = [W_s; b_s], (n_{s-1} + 1, n_s)."""
        W, b = net.layer(self.s)
        return torch.cat([W, b[None]])

    def _solved(self, net: Net, k: int, A: Tensor, near: list[Tensor], U: Tensor) -> Net:
        Z = self.preactivation(net, k, A)
        for l in range(k, self.s, -1):
            (W, b), F = net.layer(l), near[l - 1 - self.s]
            B = F + solve_full_rank(W.T, (Z - b - F @ W).T).T
            Z = self.preactivation(net, l - 1, B)
        U = U + solve_full_rank(self.D, Z - self.D @ U)
        return net.changed(self.s, U[:-1], U[-1])

    def curve(self, start: Net, end: Net, k: int) -> Prescribed:
        """The curve between two networks that agree below s and above k, on which F_k moves on a straight line."""
        problem, s = start.problem, self.s
        assert problem.layered is not None
        layers, begin = problem.layered.layers[s - 1 : k], problem.layout.begin
        places = [(begin(one.weight), begin(str(one.bias)), one.inputs, one.outputs) for one in layers]
        return Prescribed(
            places=torch.tensor(places),
            parameters=problem.layout.total,
            output=k == start.depth,
            slope=self.slope,
            D=self.D,
            F=tuple(torch.stack([start.features(l), end.features(l)]) for l in range(s, k + 1)),
            b=tuple(torch.stack([start.b[l - 1], end.b[l - 1]]) for l in range(s + 1, k + 1)),
            W=tuple(_matrices(start.W[l - 1], end.W[l - 1]) for l in range(s + 1, k + 1)),
        )


def _matrices(start: Tensor, end: Tensor) -> Matrices:
    return Still(start.contiguous()) if torch.equal(start, end) else turning(start, end)


def freed_rows(F: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
    """Lemma 3.4 for W (n, m) of rank r < m: A (N, n) with A W = F W and A(rest) = 0, and W with new rows rest.

    The new W has full column rank: orthonormal rows, as long as W is large, span what the rows I leave.
    """
    order, r = independent(W.T)
    I, rest = order[:r], order[r:]
    E = least_norm_solution(W[I].T, W[rest].T).T if r else W.new_zeros(len(rest), 0)
    A = torch.zeros_like(F)
    A[:, I] = F[:, I] + F[:, rest] @ E
    missing = torch.linalg.svd(W[I]).Vh[r:] if r else torch.eye(W.shape[1]).to(W)
    size = float(torch.linalg.matrix_norm(W, 2)) or 1.0
    new = W.clone()
    new[rest] = 0
    new[rest[: len(missing)]] = size * missing
    return A, new


def deficient(net: Net, s: int) -> list[int]:
    """The layers l > s whose weight does not have full column rank."""
    return [l for l in range(s + 1, net.depth + 1) if rank(net.W[l - 1]) < net.W[l - 1].shape[1]]
