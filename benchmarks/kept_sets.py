"""Kept sets by importance or at random, several sizes or more draws: one model's side of Theorem 4.1's level.

    python -m benchmarks.kept_sets [--models 5] [--epochs 10]

Digits with fcn:64x3 and 2,000 samples of MNIST with fcn:100x5. For every model and choice the largest over the layers
of the lowest train loss over the draws, and the same for rescaled dropped networks (no epochs). All choices of one
column cost the same: four draws and as many epochs. "sizes" takes the best of three shares with four draws each, beside
it is one share with twelve.
"""

import argparse
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from core.data.files import data_root
from core.data.load import load
from core.losses import CrossEntropy
from core.networks.architectures import build
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.data import read_data
from core.specs.descent import Descent
from core.specs.networks import read_network
from core.specs.subnetworks import Subnetworks
from core.subnetworks import trained_levels
from core.training import train

CASES = {"fcn:64x3": "digits", "fcn:100x5": "mnist,limit=2000"}


def models(network: str, data: str, count: int, root: Path) -> tuple[Problem, Tensor]:
    """A problem and trained models (K, P) of it."""
    samples = load(read_data(data), root, download=False)
    made = build(read_network(network), tuple(samples.train.x.shape[1:]), samples.outputs)
    problem = Problem(made.module, samples, CrossEntropy(), made.layered)
    starts = torch.stack([made.initial(seed, torch.float32) for seed in range(count)])
    return problem, train(problem, starts, range(count), Descent(epochs=30, schedule="cosine")).thetas


def level(problem: Problem, theta: Tensor, seed: int, options: Subnetworks) -> float:
    found = trained_levels(options, problem, theta, seed, SilentReporter().progress)
    return max(one.best.loss for one in found)


def choices(epochs: int) -> dict[str, list[Subnetworks]]:
    """By name; of several options the best counts."""

    def some(**changes: object) -> Subnetworks:
        return Subnetworks(**{"draws": 4, "epochs": epochs, **changes})  # type: ignore[arg-type]

    return {
        "dropped, random": [some(kept="random", epochs=0)],
        "dropped, importance": [some(epochs=0)],
        "own start, random": [some(kept="random")],
        "own start, importance": [some()],
        "random start, random": [some(kept="random", init="random")],
        "random start, importance": [some(init="random")],
        "sizes: 1/2, 12 draws": [some(draws=12)],
        "sizes: 1/2, 5/8, 3/4": [some(ratio=ratio) for ratio in (0.5, 0.625, 0.75)],
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=data_root(None))
    options.add_argument("--models", type=int, default=5)
    options.add_argument("--epochs", type=int, default=10)
    chosen = options.parse_args()
    torch.set_num_threads(1)
    for network, data in CASES.items():
        problem, thetas = models(network, data, chosen.models, chosen.data)
        own = problem.losses(thetas).tolist()
        print(f"{network} on {data}, {chosen.epochs} epochs; the models' own losses {fmean(own):.4g}", flush=True)
        for name, tried in choices(chosen.epochs).items():
            found = [min(level(problem, theta, i, one) for one in tried) for i, theta in enumerate(thetas)]
            rounded = " ".join(f"{one:.4f}" for one in found)
            print(f"{name:25} mean {fmean(found):.4f}; {rounded}", flush=True)


if __name__ == "__main__":
    main()
