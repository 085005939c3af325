"""Descent of K models of one architecture in one batch, each by itself or over an objective that joins them.

The K parameter vectors are one tensor (K, P), every step is one batched forward and backward pass and one
elementwise optimizer step. A model's order of the samples is that of its seed, so it takes the same way, up to
rounding, as it would alone; models of one seed share their batches, which are then fetched once. Models that have
reached their goal or diverged leave the batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from core.errors import UsageError
from core.problem import Problem, part_of
from core.specs.descent import Descent
from core.training.objective import Objective, alone
from core.training.optimizers import moments_of, optimizer_for, rows, set_rate
from core.training.state import TrainingResult, TrainingState, Until


def train(  # noqa: PLR0913  what to train on, from where, how, how long, and who listens
    problem: Problem,
    thetas: Tensor,
    seeds: Sequence[int],
    options: Descent,
    *,
    until: Until | None = None,
    state: TrainingState | None = None,
    objective: Objective | None = None,
    on_epoch: Callable[[TrainingState], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train K models from `thetas` (K, P), one seed each (or one for several), or go on from `state`.

    What is descended is the `objective`, by default the loss of each model by itself. Raises RunError where the
    products can't be of the precision asked for, UsageError where a batch-norm had to train on a batch of one sample.

    With `until`, its metric is computed on the whole split before the first epoch and after each one. Without
    it the loss is only evaluated at the end. `on_epoch` and `stop` are called after every epoch; a `stop`
    that answers True ends the training as if the epochs had run out.
    """
    assert len(seeds) == len(thetas), "one seed a model"
    _require_batches(problem, options)
    state = _initial_state(problem, thetas, state)
    batch = _Batch(problem, options, seeds, state, objective or alone)
    if state.epoch == 0 and until is not None:
        batch.judge(until)
    while state.epoch < options.epochs and len(state.active):
        batch.epoch()
        batch.judge(until)
        if on_epoch is not None:
            on_epoch(state)
        if stop is not None and stop():
            break
    return _result(problem, state, until)


def _require_batches(problem: Problem, options: Descent) -> None:
    """Raise UsageError where the last batch of an epoch is one sample, in which a batch-norm finds no variance."""
    samples = len(problem.data.train)
    if problem.statistics and (samples - 1) % options.batch == 0:
        raise UsageError(
            f"With batch={options.batch} the last batch of {samples} samples is a single one, on which batch-norm "
            "can't train: choose another batch."
        )


def _initial_state(problem: Problem, thetas: Tensor, state: TrainingState | None) -> TrainingState:
    if state is None:
        return TrainingState.fresh(thetas.to(problem.device, problem.dtype), problem.statistics)
    return state.to(problem.device)


@dataclass
class _Batch:
    """The active models: a leaf (A, P) with its optimizer, kept in step with the state."""

    problem: Problem
    options: Descent
    seeds: Sequence[int]
    state: TrainingState
    objective: Objective

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        state = self.state
        self.here = self.problem.of_models(state.active)
        self.leaf = state.thetas[state.active].requires_grad_(True)
        self.gradients = self.objective(self.here, self.options, state)
        self.optimizer: Optimizer = optimizer_for(self.leaf, self.options, state.moments)

    def epoch(self) -> None:
        """One pass over the train set; updates thetas, moments, losses and counts of the state."""
        state, samples = self.state, len(self.problem.data.train)
        set_rate(self.optimizer, self.options, state.epoch)
        total = torch.zeros(len(state.active), dtype=torch.float64, device=self.problem.device)
        for x, y, share in self.batches():
            total += self.step(x, y) * share
        state.epoch += 1
        state.epochs[state.active] = state.epoch
        state.loss[state.active] = total / samples
        state.thetas[state.active] = self.leaf.detach()
        state.moments = moments_of(self.optimizer, self.leaf)

    def batches(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """The B samples of each step (B, ...), or (A, B, ...) where models have each its own, and B.

        All of them are one batch for all models: a mean doesn't ask for their order.
        """
        split, seeds = self.problem.data.train, [self.seeds[i] for i in self.state.active.tolist()]
        if self.options.batch >= len(split):
            yield split.x, split.y, len(split)
            return
        orders = seeds if len(set(seeds)) > 1 else seeds[:1]
        order = torch.stack([shuffled(len(split), seed, self.state.epoch) for seed in orders])
        for chosen in torch.split(order.to(self.problem.device), self.options.batch, dim=1):
            some = chosen[0] if len(chosen) == 1 else chosen
            yield split.read(some), split.y[some], chosen.shape[1]

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """One step of all models on samples that they share or have each their own; their losses (A,) before it."""
        losses, self.leaf.grad = self.gradients(self.leaf, x, y)
        self.optimizer.step()
        return losses

    def judge(self, until: Until | None) -> None:
        """Drop models that diverged or reached the goal."""
        state = self.state
        sound = torch.ones_like(state.active, dtype=torch.bool)
        if state.epoch > 0:
            sound = torch.isfinite(state.loss[state.active])
        reached = torch.zeros_like(sound)
        if until is not None:
            own = state.statistics_of(state.active)
            values = self.here.values(state.thetas[state.active], part_of(until.metric), own)
            metric = values.of(until.metric)
            sound &= torch.isfinite(values.loss)
            reached = sound & (metric <= until.value)
            state.metric[state.active] = metric
            if until.metric == "train-loss":
                state.loss[state.active] = metric
        state.diverged[state.active[~sound]] = state.epoch
        state.reached[state.active[reached]] = True
        kept = sound & ~reached
        if not kept.all():
            state.active = state.active[kept]
            state.moments = rows(state.moments, kept)
            self._start()


def shuffled(samples: int, seed: int, epoch: int) -> Tensor:
    """The order (N,) of the samples in an epoch: a function of seed and epoch alone."""
    mixed = int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0]) >> 1
    return torch.randperm(samples, generator=torch.Generator().manual_seed(mixed))


def _result(problem: Problem, state: TrainingState, until: Until | None) -> TrainingResult:
    exact = until is not None and until.metric == "train-loss"
    values = state.loss if exact else problem.values(state.thetas, "train", state.statistics).loss
    lost = ~torch.isfinite(values) & (state.diverged < 0)
    diverged = torch.where(lost, state.epochs, state.diverged)
    reached = state.reached & ~lost
    return TrainingResult(state.thetas, values, state.epochs, reached, diverged, state.metric, state.statistics)
