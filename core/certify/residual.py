"""The residual of a data-invariant segment, and how far it may move the train loss.

Only W_k, b_k move. On the training data Z_k(t) = Z_k(0) + t R with R = F_{k-1} dW + 1 db, so one number, the
largest |R|, speaks for every t (Nguyen 2019, Lemma 4.3). What float64 rounds is added to it: the change dW and
its product with F, n terms, are off by at most gamma |F||dW| together, entry by entry, with gamma =
(n + 8) u / (1 - (n + 8) u), u = 2^-53, in any order of summation (Higham 2002, section 3.1; one u is for dW, the
rest is spare). In `largest` F_{k-1} is taken as float64 computes it; `drift` counts how far that may be off.

The layers above may amplify R. Activations of the registry move no further than their input does (slope at
most 1, held by a test), and pooling neither, so |Z_L(t) - Z_L(0)| <= delta = |R| |W_{k+1}| ... |W_L|,
sample by sample. An offset e with |e| <= delta lies in the convex hull of the points +-S u_c, S = sum delta
and u_c the unit vectors; a convex loss is largest at one of these: 2 C evaluations bound what the loss gains.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.certify.rounding import SAFETY, TINY, Evaluation, Rounded, affine, after, gamma, lengths
from core.networks.layered import Layer, Parameters
from core.problem import Problem, chunks


@dataclass(frozen=True)
class Residual:
    """`largest` |R| with its rounding, the largest pre-activation |Z_k(0)|, and what the loss may gain."""

    largest: float
    preactivation: float
    drift: float


@torch.no_grad()
def data_residual(problem: Problem, ends: Tensor, k: int) -> Residual:
    """The residual of the change of layer k (from 1) between `ends` (2, P), over the train set in batches."""
    network = problem.layered
    assert network is not None
    start, depth = problem.layout.split(ends[:1]), network.depth
    evaluation = Evaluation(network, start)
    above = [_absolute(layer, start) for layer in network.layers[k:]]
    layer = network.layers[k - 1]
    change = problem.layout.split(ends[1:] - ends[:1])
    changes = lengths(change[layer.weight])  # of each unit's weights
    largest = top = gain = 0.0
    for x, y in chunks(problem.data.train, 16):
        below = evaluation.features(Rounded.exact(x), k - 1)
        Z, _, off = affine(layer, start, evaluation.stretches[k - 1], below)
        R = _rounded_up(layer, below.features, change)
        largest, top = _larger(largest, R), _larger(top, Z)
        outputs = evaluation.features(Rounded(layer.after(Z), after(layer, Z, off)), depth, k)
        delta = _pooled(layer, R + (below.off[:, None] * changes).view(len(x), -1, *[1] * (R.dim() - 3)))
        for upper, parameters in zip(network.layers[k:], above, strict=True):
            delta = _pooled(upper, upper.affine(delta, parameters) + upper.inputs * upper.block * TINY)
        delta = delta * SAFETY
        gains = sample_gain(problem, outputs.features, delta, y)[0]
        # Losses are Lipschitz, or have second derivatives of at most 1: what z is off by adds its margin at the
        # knot and this.
        gain += float((gains + lengths(delta) * outputs.off).sum())
    return Residual(largest, top, gain / len(problem.data.train))


def _rounded_up(layer: Layer, F: Tensor, change: Parameters) -> Tensor:
    """A bound on |F dW + 1 db| entry by entry, all rounding included."""
    n = layer.inputs * layer.block + 8
    size = layer.affine(F.abs(), _absolute(layer, change, bias=True))
    return layer.affine(F, change).abs() + SAFETY * gamma(n) * size + n * TINY


def _absolute(layer: Layer, parameters: Parameters, bias: bool = False) -> Parameters:
    """|W| and, as asked, |b| or zero."""
    found = {layer.weight: parameters[layer.weight].abs()}
    if layer.bias is not None:
        found[layer.bias] = parameters[layer.bias].abs() * bias
    return found


def _pooled(layer: Layer, delta: Tensor) -> Tensor:
    """Pooled bounds: a maximum moves no further than the most moved entry of its window, an average than theirs."""
    return replace(layer, activation=None).after(delta)


def sample_gain(problem: Problem, z: Tensor, delta: Tensor, y: Tensor) -> Tensor:
    """What the loss of each sample (1, N) may gain while outputs z (1, N, C) move by at most delta."""
    S = delta.sum(-1)
    base = problem.loss.samples(z, y[None])
    most = base
    for c in range(z.shape[-1]):
        for step in (S, -S):
            moved = z.clone()
            moved[..., c] += step
            most = torch.maximum(most, problem.loss.samples(moved, y[None]))
    return most - base


def _larger(so_far: float, entries: Tensor) -> float:
    """The maximum; NaN wins."""
    return float(torch.maximum(entries.abs().max(), entries.new_tensor(so_far)))
