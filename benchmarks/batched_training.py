"""64 networks fcn:32x2 on digits, trained in one batch and one after the other: the same work, in one run.

    python -m benchmarks.batched_training [--models 64] [--epochs 5] [--threads N]

"one by one" is this program's training with one model at a time; "torch" an ordinary loop with nn.Sequential and
torch.optim.Adam, fed from memory, once with torch's default optimizer and once with its fused one.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.timing import begin, timed
from core.data.load import load
from core.losses import CrossEntropy
from core.networks.architectures import Architecture, build
from core.problem import Problem
from core.specs.data import Digits
from core.specs.descent import Descent
from core.specs.networks import Fcn
from core.training import train
from core.training.train import shuffled

Way = Callable[[], Tensor]


def ordinary(problem: Problem, theta: Tensor, seed: int, options: Descent, fused: bool) -> Tensor:
    """The parameters (P,) after the same epochs in the same order of samples."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    nn.utils.vector_to_parameters(theta.clone(), module.parameters())
    optimizer = torch.optim.Adam(module.parameters(), lr=options.lr, fused=fused or None)
    split = problem.data.train
    for epoch in range(options.epochs):
        for chosen in shuffled(len(split), seed, epoch).split(options.batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(split.x[chosen]), split.y[chosen]).backward()
            optimizer.step()
    return nn.utils.parameters_to_vector(module.parameters()).detach()


def ways(problem: Problem, made: Architecture, models: int, options: Descent) -> dict[str, Way]:
    starts = torch.stack([made.initial(seed, torch.float32) for seed in range(models)])

    def batched() -> Tensor:
        return train(problem, starts, range(models), options).thetas

    def one_by_one() -> Tensor:
        return torch.cat([train(problem, theta[None], [i], options).thetas for i, theta in enumerate(starts)])

    def loop(fused: bool) -> Tensor:
        return torch.stack([ordinary(problem, theta, i, options, fused) for i, theta in enumerate(starts)])

    return {
        "batched": batched,
        "one by one": one_by_one,
        "torch": lambda: loop(False),
        "torch, fused": lambda: loop(True),
    }


def main() -> None:
    options = timed(__doc__)
    options.add_argument("--models", type=int, default=64)
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--repeats", type=int, default=3)
    chosen, clock = begin(options)
    data = load(Digits(), Path())
    made = build(Fcn(widths=(32, 32)), tuple(data.train.x.shape[1:]), 10)
    problem = Problem(made.module, data, CrossEntropy(), made.layered)
    best: dict[str, float] = {}
    found: dict[str, Tensor] = {}
    for _ in range(chosen.repeats):
        for name, way in ways(problem, made, chosen.models, Descent(epochs=chosen.epochs)).items():
            begun = clock()
            found[name] = way()
            best[name] = min(best.get(name, float("inf")), clock() - begun)
    print(f"{chosen.models} models, {chosen.epochs} epochs, best of {chosen.repeats}")
    for name, one in best.items():
        apart = float((found[name] - found["batched"]).abs().max())
        print(
            f"{name:14} {one:8.3f} s, {one / best['batched']:5.1f} x batched; parameters differ by {apart:.1e} at most"
        )


if __name__ == "__main__":
    main()
