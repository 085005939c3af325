"""Experiment B on fcn:245x10 and MNIST: half of the neurons dropped from a layer on, ours and as published.

    python -m benchmarks.experiment_b [--data FOLDER] [--levels 1,5,10] [--draws 20] [--threads N] [--cpu]

As published, for one random choice: the full-width network with zeros for what is dropped, one pass over the train set
in batches of 100 that keeps the outputs, Brent's method over the factor with a loss of all outputs at each step, and
a pass over the test set; samples decoded one by one by a DataLoader, or from memory. Ours does all draws of a layer at
once on its features, which are computed from those of the layer before: a pass that the draws share. Seconds are for
one draw of one layer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.experiment_a import trained
from benchmarks.path_evaluation import BATCH, WIDTH, from_files, ordinary, problem_of
from benchmarks.timing import Clock, begin, timed
from core.data.dataset import Dataset, Split
from core.data.files import data_root
from core.problem import Problem
from core.subnetworks.draws import Draw, Sizes, draw_sets, mixed
from core.subnetworks.dropping import drop_neurons
from core.subnetworks.fitting import Source
from core.subnetworks.frozen import features_by_level

Batches = Iterable[tuple[Tensor, Tensor]]


@torch.no_grad()
def pruned(theta: Tensor, draw: Draw) -> nn.Sequential:
    """The network with zeros in and out of the neurons that a draw drops."""
    model = ordinary()
    nn.utils.vector_to_parameters(theta.clone(), model.parameters())
    affine = [one for one in model if isinstance(one, nn.Linear)]
    for i, stay in enumerate(draw.into(len(affine))[:-1]):
        k = draw.level + i  # layer k's neurons
        gone = torch.ones(WIDTH, dtype=torch.bool)
        gone[stay] = False
        affine[k - 1].weight[gone] = 0
        affine[k - 1].bias[gone] = 0
        affine[k].weight[:, gone] = 0
    return model


@torch.no_grad()
def passed(model: nn.Module, batches: Batches) -> tuple[Tensor, Tensor]:
    """Outputs (N, C) and labels (N,)."""
    pairs = [(model(x), y) for x, y in batches]
    return torch.cat([one for one, _ in pairs]), torch.cat([one for _, one in pairs])


def published(theta: Tensor, draw: Draw, train: Batches, test: Batches) -> tuple[float, float, int]:
    """Train and test loss at the best factor, and how often Brent's method asked."""
    model = pruned(theta, draw)
    outputs, labels = passed(model, train)
    found = minimize_scalar(lambda r: float(functional.cross_entropy(r * outputs, labels)), method="brent")
    tested, expected = passed(model, test)
    return float(found.fun), float(functional.cross_entropy(found.x * tested, expected)), int(found.nfev)


@dataclass(frozen=True)
class Case:
    """A model and one layer's draws."""

    problem: Problem
    theta: Tensor
    level: int
    draws: list[Draw]

    def below(self) -> Iterator[tuple[int, Dataset]]:
        """The features of this layer come next: those below are there already, as when all layers are asked for."""
        features = features_by_level(self.problem, self.theta)
        for _ in range(self.level):
            next(features)
        return features

    def ours(self, below: Iterator[tuple[int, Dataset]]) -> Tensor:
        """Losses (T,) of all draws."""
        _, data = next(below)
        source = Source.of(self.problem, self.theta)
        return drop_neurons(source.reading(data, self.draws, dropping=True), source.weights, self.draws).measured[
            "loss"
        ]


def compare(case: Case, ways: dict[str, tuple[Batches, Batches]], looked_at: int, clock: Clock) -> None:
    """Ours and the published ways take turns; these do `looked_at` draws each."""
    seconds: dict[str, float] = {}
    for i in range(looked_at):
        for name, (train, test) in ways.items():
            begun = clock()
            loss, _, asked = published(case.theta, case.draws[i], train, test)
            seconds[name] = min(seconds.get(name, float("inf")), clock() - begun)
        below = case.below()
        begun = clock()
        mine = case.ours(below)
        seconds["ours"] = min(seconds.get("ours", float("inf")), (clock() - begun) / len(case.draws))
        assert abs(float(mine[i]) - loss) < 1e-4 * loss, "both say the same loss"
    for name, one in seconds.items():
        ratio = f"ours is {one / seconds['ours']:.1f} times as fast"
        print(f"layer {case.level:2} {name:8} {one:8.4f} s, {ratio} (Brent asked {asked} times)", flush=True)


def main() -> None:
    options = timed(__doc__)
    options.add_argument("--data", type=Path, default=data_root(None))
    options.add_argument("--levels", default="1,5,10")
    options.add_argument("--samples", type=int, default=60000)
    options.add_argument("--draws", type=int, default=20)
    options.add_argument("--looked-at", type=int, default=2, help="draws done as published")
    chosen, clock = begin(options)
    print(f"{chosen.samples} samples, {chosen.draws} draws at once")
    problem, start, _ = problem_of(chosen.data, chosen.samples)
    theta, test = trained(problem, start, epochs=3), problem.data.test
    assert test is not None
    ways = {
        "loader": (from_files(chosen.data, chosen.samples), from_files(chosen.data, chosen.samples, train=False)),
        "memory": (batches(problem.data.train), batches(test)),
    }
    half, hidden = WIDTH // 2, Source.of(problem, theta).hidden
    for level in [int(one) for one in chosen.levels.split(",")]:
        seeds = [mixed(0, i) for i in range(chosen.draws)]
        draws = draw_sets(Sizes.dropout(hidden, [half] * len(hidden)), level, seeds, [None] * len(hidden))
        compare(Case(problem, theta, level, draws), ways, chosen.looked_at, clock)


def batches(split: Split) -> list[tuple[Tensor, Tensor]]:
    return list(zip(split.x.split(BATCH), split.y.split(BATCH), strict=True))


if __name__ == "__main__":
    main()
