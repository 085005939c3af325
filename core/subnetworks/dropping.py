"""A model's own neurons, the others dropped: Nguyen et al. 2021, Corollary 4.2 and Experiment B.

The dropped network of a draw is a subnetwork xi_l with the model's own weights between the neurons that stay,
and with its output layer scaled by the best r: the loss phi(r Z) is convex in r, and Brent's method finds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.dataset import Split
from core.networks.layered import Buffers
from core.problem import Problem
from core.subnetworks.draws import Draw
from core.subnetworks.frozen import Frozen
from core.subnetworks.weights import Weights

LARGEST = 1e4  # of |r|: separated classes have no best one
TOGETHER = 512  # samples in one product of one network: fewer are slower, more are no faster (measured)
PRECISION = 1e-5  # of r, relative: the loss is flat there, to about its square


Measured = dict[str, Tensor]
"""Of T subnetworks, each (T,), float64, on the CPU: loss, scale (the factor of a dropped network, NaN for others), and
where there is a test set test_loss and, for classes, test_error."""


@dataclass(frozen=True)
class DroppedNetworks:
    """T dropped networks: parameters (T, p) with their outputs rescaled, and what they are worth."""

    thetas: Tensor
    measured: Measured


def take_neurons(weights: Weights, neurons: Sequence[Tensor | None], level: int, gain: bool = False) -> Weights:
    """Layers level + 1..L between chosen neurons of layers level..L (None: all).

    With `gain` each weight grows by n / m, as many times as fewer neurons are read.
    """
    Ws, bs = [], []
    for i in range(weights.depth - level):
        W, b = weights.W[level + i], weights.b[level + i]
        if (rows := neurons[i + 1]) is not None:
            W, b = W[rows.to(W.device)], None if b is None else b[rows.to(W.device)]
        if (columns := neurons[i]) is not None:
            W = W[:, columns.to(W.device)] * (W.shape[1] / len(columns) if gain else 1.0)
        Ws.append(W)
        bs.append(b)
    return Weights(tuple(Ws), tuple(bs))


def drop_neurons(problem: Frozen, weights: Weights, draws: Sequence[Draw]) -> DroppedNetworks:
    """The rescaled dropped networks of some draws of one layer, on its frozen features: one forward pass."""
    plain = torch.stack([take_neurons(weights, one.into(weights.depth), one.level).theta(problem) for one in draws])
    outputs = stored_outputs(problem, plain, problem.data.train)
    scales = [best_scale(problem, one) for one in outputs]
    scale = torch.tensor(scales, dtype=torch.float64)
    measured = {"scale": scale, "loss": _losses(problem, outputs, problem.data.train, scales)}
    if (test := problem.data.test) is not None:
        outputs = stored_outputs(problem, plain, test)
        measured["test_loss"] = _losses(problem, outputs, test, scales)
        wrong = problem.wrong(scale.to(outputs).view(-1, 1, 1) * outputs, test.y)
        measured |= {} if wrong is None else {"test_error": wrong.cpu() / len(test)}
    return DroppedNetworks(rescale_outputs(problem, plain, scale), measured)


def _losses(problem: Problem, outputs: Tensor, split: Split, scales: Sequence[float]) -> Tensor:
    """Mean losses (T,) of outputs (T, N, C), each times its factor."""
    found = [scaled_loss(problem, one, split, r) for one, r in zip(outputs, scales, strict=True)]
    return torch.tensor(found, dtype=torch.float64)


def rescale_outputs(problem: Frozen, thetas: Tensor, scale: Tensor) -> Tensor:
    """Parameters (T, p) with output layers scaled by (T,)."""
    named = problem.layout.split(thetas.clone())
    last = problem.view.layers[-1]
    for name in (last.weight, last.bias):
        if name is not None:
            named[name] *= scale.to(thetas).view(-1, *[1] * (named[name].dim() - 1))
    return torch.cat([named[name].flatten(1) for name in problem.layout.names], 1)


@torch.no_grad()
def stored_outputs(problem: Problem, thetas: Tensor, split: Split) -> Tensor:
    """Z_L (T, N, C) of T networks on a whole split, each lying along the samples: losses are faster so.

    As many networks at a time as the cache, or an accelerator's memory, holds with TOGETHER samples each.
    """
    samples = min(TOGETHER, problem.samples_at_once)
    models = problem.samples_at_once // samples
    stored, buffers = thetas.new_empty(len(thetas), problem.data.outputs, len(split)), Buffers()
    for group in torch.split(torch.arange(len(thetas), device=problem.device), models):
        here, some = problem.of_models(group), thetas[group]
        for start in range(0, len(split), samples):
            outputs = here.outputs(some, split.read(slice(start, start + samples)), buffers)
            stored[group, :, start : start + samples] = outputs.transpose(1, 2)
    return stored.transpose(1, 2)


def scaled_loss(problem: Problem, outputs: Tensor, split: Split, r: float) -> float:
    """The mean loss of r Z for outputs Z (N, C) on a split."""
    return float(problem.loss.samples((r * outputs)[None], split.y[None]).mean(dtype=torch.float64))


def best_scale(problem: Problem, outputs: Tensor) -> float:
    """The r that minimises the train loss of r Z for outputs Z (N, C), within +-LARGEST."""

    def loss(r: float) -> float:
        inside = max(-LARGEST, min(LARGEST, r))
        return scaled_loss(problem, outputs, problem.data.train, inside) + abs(r - inside)

    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - a third of a second, spared to jobs that need none

    found = minimize_scalar(loss, bracket=(0.0, 1.0), method="brent", options={"xtol": PRECISION})
    best = max(-LARGEST, min(LARGEST, float(found.x)))
    return best if loss(best) <= loss(1.0) else 1.0
