"""Subnetworks xi_l of one model for every layer: all draws of a layer are trained in one batch, on frozen features.

The best train loss of a layer bounds Q_l of Nguyen et al. 2021, equation (5), from above: their Experiment A. Each
draw's rescaled dropped network is a candidate too, so trained subnetworks are never worse than dropout.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from core.data.dataset import Dataset
from core.problem import Problem
from core.progress import plural
from core.specs.subnetworks import Dropping, Subnetworks, dropped_sizes, kept_sizes
from core.subnetworks.budget import draws_at_once
from core.subnetworks.draws import Draw, Sizes, draw_sets, importance, mixed
from core.subnetworks.dropping import Measured, drop_neurons, take_neurons
from core.subnetworks.frozen import Frozen, features_by_level, frozen
from core.subnetworks.weights import Subnetwork, Weights
from core.training import TrainingResult, TrainingState, Until, train

GAIN = 2**0.5  # of random initial weights
LISTED = 10  # losses that a log has one by one
JUDGED = 4096  # samples, by which the importance of neurons is judged
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Level:
    """What was found for one layer l.

    `measured` of every draw; `best` is the subnetwork with the lowest train loss.
    """

    level: int
    measured: Measured
    best: Subnetwork

    @property
    def loss(self) -> Tensor:
        """Train losses (T,)."""
        return self.measured["loss"]

    @property
    def summary(self) -> str:
        """For a log: the lowest loss and those of all draws, or their spread where there are many."""
        losses = self.loss.sort().values.tolist()
        middle = f"{losses[0]:.4g} to {losses[-1]:.4g}, half of them up to {losses[len(losses) // 2]:.4g}"
        draws = " ".join(f"{one:.4g}" for one in losses) if len(losses) <= LISTED else middle
        return f"layer {self.level}: lowest loss {self.best.loss:.6g}; {plural(len(losses), 'draw')}: {draws}"


@dataclass(frozen=True)
class Goal:
    """When a layer is done: at the end of the first epoch at which one of its subnetworks is as low as `enough`.

    `known` are subnetworks that an earlier run found, by level; with `finished` it had done all that is asked now.
    Nothing is done for the levels in `without`.
    """

    enough: float | None = None
    known: Mapping[int, Subnetwork] = field(default_factory=dict)
    finished: bool = False
    without: Container[int] = ()

    def reached(self, known: Subnetwork) -> bool:
        return self.finished or (self.enough is not None and known.loss <= self.enough)


@dataclass(frozen=True)
class Source:
    """The model whose layers are read: its problem, and its weights by layers."""

    problem: Problem
    weights: Weights

    @classmethod
    def of(cls, problem: Problem, theta: Tensor) -> "Source":
        return cls(problem, Weights.of(problem, theta))

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.weights.widths[1:-1]

    def reading(self, data: Dataset, draws: Sequence[Draw], dropping: bool) -> Frozen:
        """The problem of these draws' subnetworks, or of their dropped networks, on features `data`."""
        level = draws[0].level
        sets = [one.reads if dropping else one.kept for one in draws]
        reads = None if level == 0 else torch.stack([one for one in sets if one is not None]).to(data.train.device)
        lowest = self.weights.widths[level] if reads is None else reads.shape[1]
        widths = (lowest, *(len(own) for own in draws[0].own), self.weights.widths[-1])
        return frozen(self.problem, data, level, widths, reads)


def trained_levels(
    options: Subnetworks,
    problem: Problem,
    theta: Tensor,
    seed: int,
    progress: Progress,
    goal: "Goal | None" = None,
) -> Iterator[Level]:
    """Subnetworks for l = 0..L-1: for every draw the better of a trained one and the rescaled dropped network."""
    goal = goal or Goal()
    source = Source.of(problem, theta)
    sizes = Sizes.sparse(source.hidden, kept_sizes(options, source.hidden))
    seeds = [mixed(seed, i) for i in range(options.draws)]
    orders: list[Tensor | None] = [None] * len(source.hidden)
    if options.kept == "importance":
        levels = features_by_level(problem.on_first(JUDGED), theta)
        orders = [importance(data.train.x, source.weights, level).cpu() for level, data in levels if level > 0]
    for level, data in features_by_level(problem, theta):
        if level in goal.without:
            continue
        draws = draw_sets(sizes, level, seeds, orders)

        def speak(fraction: float, level: int = level) -> None:
            count = f"{len(seeds)} subnetworks" if len(seeds) > 1 else "a subnetwork"
            progress((level + fraction) / source.weights.depth, f"training {count} that read layer {level}")

        known = goal.known.get(level)
        if known is not None and goal.reached(known):
            yield _alone(known)
            continue
        fit = Fit(options, goal.enough, seeds[0], speak)
        made = _join([fit.level(source, data, some) for some in _groups(options, source, data, draws)])
        yield made if known is None or made.best.loss <= known.loss else replace(made, best=known)


def dropped_levels(
    options: Dropping, problem: Problem, theta: Tensor, seed: int, progress: Progress
) -> Iterator[Level]:
    """Rescaled dropped networks for l = 1..L-1: Experiment B."""
    source = Source.of(problem, theta)
    sizes = Sizes.dropout(source.hidden, dropped_sizes(options.drop, source.hidden))
    seeds = [mixed(seed, i) for i in range(options.draws)]
    for level, data in features_by_level(problem, theta):
        if level == 0:
            continue
        progress((level - 1) / len(source.hidden), f"dropping neurons from layer {level} on")
        draws = draw_sets(sizes, level, seeds, [None] * len(source.hidden))
        yield _join([_dropped(source, data, some) for some in _groups(None, source, data, draws)])


def _groups(options: Subnetworks | None, source: Source, data: Dataset, draws: list[Draw]) -> list[list[Draw]]:
    """As many draws at once as the memory holds."""
    at_once = draws_at_once(source.reading(data, draws[:1], dropping=options is None), options)
    return [draws[i : i + at_once] for i in range(0, len(draws), at_once)]


def _dropped(source: Source, data: Dataset, draws: list[Draw]) -> Level:
    problem = source.reading(data, draws, dropping=True)
    found = drop_neurons(problem, source.weights, draws)
    return _level(draws, problem, found.thetas, found.measured)


@dataclass(frozen=True)
class Fit:
    """How subnetworks are trained, when that is enough, and who hears how far it is.

    All draws see the samples in one order, that of `seed`: the features of a batch are fetched once for all. Only
    where draws have the same sets and the same starts each has an order of its own, in which alone they differ.
    """

    options: Subnetworks
    enough: float | None
    seed: int
    progress: Callable[[float], None]

    def level(self, source: Source, data: Dataset, draws: list[Draw]) -> Level:
        """One batch of draws of one layer."""
        plain = _dropped(source, data, draws)
        if self.enough is not None and plain.best.loss <= self.enough:
            return plain
        problem = source.reading(data, draws, dropping=False)
        start = own_start if self.options.init == "own" else random_start
        thetas = torch.stack([start(problem, source.weights, one) for one in draws])
        alike = self.options.kept == "importance" and self.options.init == "own"
        made = self.train(problem, thetas, [one.seed if alike else self.seed for one in draws])
        loss = torch.where(torch.isfinite(made.values), made.values, torch.inf).cpu()
        measured = {"loss": loss, "scale": torch.full_like(loss, torch.nan)}
        if problem.data.test is not None:
            tested = problem.values(made.thetas, "test")
            measured |= {"test_loss": tested.loss.cpu()}
            measured |= {} if tested.error is None else {"test_error": tested.error.cpu()}
        return _better(_level(draws, problem, made.thetas, measured), plain)

    def train(self, problem: Frozen, thetas: Tensor, seeds: list[int]) -> TrainingResult:
        latest: list[TrainingState] = []

        def listen(state: TrainingState) -> None:
            latest[:] = [state]
            self.progress(state.epoch / self.options.epochs)

        until = None if self.enough is None else Until("train-loss", self.enough)
        return train(
            problem,
            thetas,
            seeds,
            self.options,
            until=until,
            on_epoch=listen,
            stop=lambda: bool(latest[0].reached.any()),
        )


def own_start(problem: Frozen, weights: Weights, draw: Draw) -> Tensor:
    """The model's own weights (p,) between the neurons of a draw, each sum over fewer neurons scaled up."""
    neurons = [draw.kept, *draw.own, None]
    return take_neurons(weights, neurons, draw.level, gain=True).theta(problem)


def random_start(problem: Frozen, weights: Weights, draw: Draw) -> Tensor:  # noqa: ARG001  nothing of the model's own
    """Normal weights (p,) with fan-in scaling, biases zero; the first layer's spread allows for its features'."""
    generator = torch.Generator().manual_seed(mixed(draw.seed, 1))
    parts = []
    for i, shape in enumerate(problem.layout.shapes):
        drawn = torch.randn(shape, generator=generator)
        spread = GAIN / drawn[0].numel() ** 0.5 if drawn.dim() > 1 else 0.0
        parts.append((drawn * spread / (problem.root_mean_square if i == 0 else 1.0)).flatten())
    return torch.cat(parts).to(problem.device, problem.dtype)


def _level(draws: list[Draw], problem: Frozen, thetas: Tensor, measured: Measured) -> Level:
    """The level of a batch of subnetworks (T, p) of one kind."""
    losses = measured["loss"]
    best = int(losses.argmin())
    draw, reads = draws[best], None if problem.reads is None else problem.reads[best]
    found = Subnetwork(draw.level, draw.kept, reads, Weights.of(problem, thetas[best]), float(losses[best]))
    return Level(draw.level, measured, found)


def _better(first: Level, second: Level) -> Level:
    """Draw by draw the one with the lower train loss."""
    wins = first.loss <= second.loss
    measured = {name: torch.where(wins, one, second.measured[name]) for name, one in first.measured.items()}
    return Level(first.level, measured, min(first.best, second.best, key=lambda one: one.loss))


def _alone(known: Subnetwork) -> Level:
    """A level of one subnetwork, of which only the train loss is known."""
    return Level(known.level, {"loss": torch.tensor([known.loss], dtype=torch.float64)}, known)


def _join(groups: list[Level]) -> Level:
    """The draws of all groups of one layer."""
    measured = {name: torch.cat([one.measured[name] for one in groups]) for name in groups[0].measured}
    return Level(groups[0].level, measured, min((one.best for one in groups), key=lambda one: one.loss))
