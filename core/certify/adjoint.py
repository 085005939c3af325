"""How far float64 may be off at one parameter point, to first order with the true signs: for deep networks.

Products of norms (`rounding`) forget which units are active: after ten layers they are far too large. Here the
network is taken as the straight-line program that it is on one sample, around what float64 computes: affine maps,
choices (of a side of zero, of the largest entry of a window) and averages. Each step makes a *defect*: what it rounds,
or what it errs by where float64 may have chosen otherwise than real numbers would.

- An affine map rounds by eta.
- An activation that is linear on both sides of zero, with slope r below, errs by (1 - r) d at most where |Z| <= d, and
  nowhere else: a unit whose sign is sure moves along its slope. d bounds, by norms, how far Z is off.
- A maximum over disjoint windows errs by |a_i| + |a_j| <= sqrt 2 d where another entry j is within sqrt 2 d of the
  largest, i: if j wins in truth, F_i <= F_j while Fhat_i >= Fhat_j. (Activations don't decrease, so a maximum that
  follows one may come first.)

What a defect does to the outputs is linear from there on, so to the loss, along its gradient in the outputs, it does
at most |gradient|_2 times its bound, the gradient where it enters and only the entries that can be off. The loss is off
by the sum of these, and by what its tangent leaves within |e_L| <= d_L. Gradients are rounded themselves: the product
with W^T by at most gamma ||W||_F |gradient|_2 times what the features are off.
"""

from dataclasses import dataclass
from functools import partial
from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional

from core.certify.rounding import (
    SAFETY,
    TINY,
    UNIT,
    Rounded,
    Stretch,
    activation_rounding,
    affine,
    after,
    average_rounding,
    gamma,
    lengths,
    pool_stretch,
)
from core.networks.activations import leaky_slope
from core.networks.layered import Activation, Layer, LayeredNetwork, Pooling
from core.networks.shared_evaluation import Piece
from core.problem import Problem

AVERAGES = (functional.avg_pool2d, functional.adaptive_avg_pool2d)


@dataclass(frozen=True)
class Defect:
    """Where the network errs: at the entries `at` (None: all) of an intermediate result, by `bound` (N,), Euclidean."""

    result: Tensor
    bound: Tensor
    at: Tensor | None = None

    def change(self, gradient: Tensor) -> Tensor:
        """How much the loss (N,) changes by it at most, given its gradient in the result."""
        return lengths(gradient if self.at is None else gradient * self.at) * self.bound


def applies(network: LayeredNetwork) -> bool:
    """Whether all activations are linear on both sides of zero, and all poolings are known: maxima, then averages."""
    return all(
        _slope(layer.activation) is not None and all(_is(pool, AVERAGES) for pool in layer.pools[_maxima(layer) :])
        for layer in network.layers
    )


def changes(
    problem: Problem, pieces: list[Piece], stretches: list[Stretch], x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses (1, N) and outputs (1, N, C) on some samples, and how much each loss may change by their rounding (N,)."""
    with torch.enable_grad():
        below = Rounded.exact(x.clone().requires_grad_(True))
        defects: list[Defect] = []
        lost = x.new_zeros(len(x))
        for piece, stretch in zip(pieces, stretches, strict=True):
            Z, eta, off = affine(piece.layer, piece.parameters, stretch, below)
            W = piece.parameters[piece.layer.weight][0]
            terms = W.numel() // W.shape[1] + 16
            eta = eta + gamma(terms) * stretch.frobenius * below.off  # the gradient's own
            defects.append(Defect(Z, eta))
            F = _after(piece.layer, Z, off, defects)
            below = Rounded(F, after(piece.layer, Z.detach(), off))
            lost = lost + terms * TINY * sqrt(Z[0, 0].numel()) * off  # of the gradient, by underflow
        losses = problem.loss.samples(below.features, y[None])
        gradients = torch.autograd.grad(losses.sum(), [one.result for one in defects])
    losses, z, d = losses.detach(), below.features.detach(), below.off
    own = UNIT * (4 * z[0].abs().amax(-1) + z.shape[-1] + 16)  # what the gradient in the outputs is off by
    first = own * d + lost + sum(one.change(gradient) for one, gradient in zip(defects, gradients, strict=True))
    change = first * SAFETY + problem.loss.remainder(losses, d)[0]
    return losses, z, torch.minimum(change, problem.loss.change(losses, d, z.shape[-1])[0])


def _after(layer: Layer, Z: Tensor, off: Tensor, defects: list[Defect]) -> Tensor:
    """The features of a layer from its Z (1, N, ...), which is off by `off` (N,); adds the defects on the way."""
    F, first = Z, _maxima(layer)
    for pool in layer.pools[:first]:
        stretch = pool_stretch((pool,), int(F.shape[3]), int(F.shape[4]))
        F, unsure = _maximum(pool, F, 2**0.5 * off if stretch <= 1 else None)
        defects.append(Defect(F, 2**0.5 * stretch * off, unsure))
        off = stretch * off
    slope = _slope(layer.activation)
    assert slope is not None
    unsure = F.detach().abs() <= _each(off, F)
    F = F if layer.activation is None else layer.activation(F)
    defects.append(Defect(F, (1 - slope) * off, unsure))
    defects.append(Defect(F, activation_rounding(layer.activation, Z.detach())))
    for pool in layer.pools[first:]:
        stretch = pool_stretch((pool,), int(F.shape[3]), int(F.shape[4]))
        F = pool(F[0])[None]
        defects.append(Defect(F, stretch * (average_rounding(layer, Z.detach()) + gamma(Z[0, 0, 0].numel() + 1) * off)))
    return F


def _maximum(pool: Pooling, F: Tensor, near: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The maxima over disjoint windows of F (1, N, ...), and in which of them another entry is within `near` (N,).

    Without `near` windows may overlap, and one's largest entry be another's second: there nothing is sure.
    """
    assert isinstance(pool, partial)
    largest, where = pool.func(F[0], **pool.keywords, return_indices=True)
    if near is None:
        return largest[None], None
    others = F[0].detach().flatten(2).scatter(2, where.flatten(2), -torch.inf).view_as(F[0])
    return largest[None], (largest.detach() - pool(others))[None] <= _each(near, largest[None])


def _each(of: Tensor, like: Tensor) -> Tensor:
    """A number (N,) a sample, to be compared with entries (1, N, ...)."""
    return of.view(-1, *[1] * (like.dim() - 2))


def _maxima(layer: Layer) -> int:
    """How many poolings come first that are maxima."""
    return next((i for i, pool in enumerate(layer.pools) if not _is(pool, (functional.max_pool2d,))), len(layer.pools))


def _is(pool: Pooling, functions: tuple[object, ...]) -> bool:
    return isinstance(pool, partial) and pool.func in functions


def _slope(activation: Activation | None) -> float | None:
    """The slope below zero of an activation whose slope above zero is 1; None for any other."""
    return 0.0 if activation is torch.relu else leaky_slope(activation)
