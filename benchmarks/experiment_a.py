"""Experiment A on fcn:245x10 and MNIST: 20 subnetworks of one layer for an epoch, ours and as published.

    python -m benchmarks.experiment_a [--data FOLDER] [--levels 0,5,10] [--samples 60000] [--threads N] [--cpu]

As published: 20 subnetworks in one batched net, each batch of 100 first through the whole original network up to layer
l, then SGD with momentum 0.95; samples decoded one by one by a DataLoader, or the same code fed from memory. Ours does
the same descent from the same starts in the same order, in full precision and with products in bfloat16; the mean loss
of the 20 subnetworks afterwards stands beside each. Seconds are for one subset and one epoch of 60,000 samples: with
fewer samples they are scaled, since a batch costs the same whichever it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Subset

from benchmarks.path_evaluation import BATCH, from_files, ordinary, problem_of
from benchmarks.timing import Clock, begin, timed
from core.data.files import data_root
from core.problem import Problem
from core.specs.bounds import SparseBound
from core.specs.descent import Descent
from core.specs.subnetworks import kept_sizes
from core.subnetworks.draws import Draw, Sizes, draw_sets, mixed
from core.subnetworks.fitting import Source, random_start
from core.subnetworks.frozen import Frozen, features_by_level
from core.training import train
from core.training.gradients import has_bfloat16
from core.training.train import shuffled

DRAWS, WHOLE = 20, 60000
PUBLISHED = SparseBound(
    draws=DRAWS, optimizer="sgd", lr=3e-3, momentum=0.95, batch=BATCH, epochs=1, schedule="constant"
)
Batches = Iterable[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Level:
    """20 draws of one layer: what ours trains, and the model that the published loop runs below it."""

    model: nn.Sequential
    problem: Frozen
    draws: list[Draw]
    starts: Tensor


def trained(problem: Problem, start: Tensor, epochs: int) -> Tensor:
    return train(problem, start[None], [0], Descent(epochs=epochs, schedule="cosine")).thetas[0]


def levels(problem: Problem, theta: Tensor, asked: list[int]) -> Iterator[Level]:
    model = ordinary()
    nn.utils.vector_to_parameters(theta, model.parameters())
    source = Source.of(problem, theta)
    sizes = Sizes.sparse(source.hidden, kept_sizes(PUBLISHED, source.hidden))
    for level, data in features_by_level(problem, theta):
        if level in asked:
            draws = draw_sets(sizes, level, [mixed(0, i) for i in range(DRAWS)], [None] * len(source.hidden))
            here = source.reading(data, draws, dropping=False)
            starts = torch.stack([random_start(here, source.weights, draw) for draw in draws])
            yield Level(model, here, draws, starts)


def published(level: Level, batches: Batches, clock: Clock) -> tuple[float, Tensor]:
    """Seconds of one epoch, and the parameters (20, P) after it, in our layout."""
    begun = clock()
    below = level.model[: 1 + 2 * level.draws[0].level]  # flatten, then affine maps and relus
    kept = None if level.problem.reads is None else level.problem.reads
    named = level.problem.layout.split(level.starts)
    leaves = {name: one.transpose(1, -1).contiguous().requires_grad_(True) for name, one in named.items()}
    optimizer = torch.optim.SGD(list(leaves.values()), lr=PUBLISHED.lr, momentum=PUBLISHED.momentum)
    for x, y in batches:
        with torch.no_grad():
            features = below(x)
        hidden = features.expand(DRAWS, -1, -1) if kept is None else features[:, kept].transpose(0, 1)
        for i, layer in enumerate(level.problem.view.layers):
            hidden = torch.baddbmm(leaves[f"bias{i}"][:, None], hidden, leaves[layer.weight])
            hidden = hidden if layer.activation is None else torch.relu(hidden)
        optimizer.zero_grad()
        torch.stack([functional.cross_entropy(one, y) for one in hidden]).sum().backward()
        optimizer.step()
    seconds = clock() - begun
    return seconds, torch.cat([leaves[name].detach().transpose(1, -1).flatten(1) for name in named], 1)


def ours(level: Level, options: SparseBound, clock: Clock) -> tuple[float, Tensor]:
    """The same by our training; neither evaluates the whole train set within the seconds."""
    ends: list[float] = []
    begun = clock()
    found = train(level.problem, level.starts, [0] * DRAWS, options, on_epoch=lambda _: ends.append(clock()))
    return ends[0] - begun, found.thetas


def main() -> None:
    options = timed(__doc__)
    options.add_argument("--data", type=Path, default=data_root(None))
    options.add_argument("--levels", default="0,5,10")
    options.add_argument("--samples", type=int, default=WHOLE)
    options.add_argument("--repeats", type=int, default=2)
    chosen, clock = begin(options)
    print(f"{chosen.samples} samples; per subset and epoch of {WHOLE}")
    problem, start, _ = problem_of(chosen.data, chosen.samples)
    theta = trained(problem, start, epochs=3)
    print(f"the model's train loss is {float(problem.losses(theta[None])[0]):.4f}")
    files = from_files(chosen.data, chosen.samples)
    for level in levels(problem, theta, [int(one) for one in chosen.levels.split(",")]):
        report(level, measured(level, problem, files, chosen.repeats, clock))


def measured(
    level: Level, problem: Problem, files: DataLoader[tuple[Tensor, Tensor]], repeats: int, clock: Clock
) -> dict[str, tuple[float, float]]:
    """Of every way the seconds for a subset, and the mean train loss reached; the ways take turns."""
    split = problem.data.train
    order = shuffled(len(split), 0, 0)  # that of ours
    memory = [(split.x[some], split.y[some]) for some in order.split(BATCH)]
    loader = DataLoader(Subset(files.dataset, order.tolist()), batch_size=BATCH)
    half = msgspec.structs.replace(PUBLISHED, precision="bfloat16")
    ways = {
        "loader": lambda: published(level, loader, clock),
        "memory": lambda: published(level, memory, clock),
        "ours": lambda: ours(level, PUBLISHED, clock),
    }
    if has_bfloat16(problem.device):
        ways["ours, bfloat16"] = lambda: ours(level, half, clock)
    found: dict[str, tuple[float, float]] = {}
    for _ in range(repeats):
        for name, way in ways.items():
            spent, thetas = way()
            seconds = spent / DRAWS * WHOLE / len(split)
            before = found.get(name, (float("inf"), 0.0))[0]
            found[name] = (min(before, seconds), float(level.problem.losses(thetas).mean()))
    return found


def report(level: Level, found: dict[str, tuple[float, float]]) -> None:
    for name, (seconds, loss) in found.items():
        ratios = " and ".join(f"{found[base][0] / seconds:.2f} times ({base})" for base in ("loader", "memory"))
        print(f"layer {level.draws[0].level:2} {name:14} {seconds:7.3f} s, {ratios} as fast;", end=" ")
        print(f"mean loss {loss:.4f}", flush=True)


if __name__ == "__main__":
    main()
