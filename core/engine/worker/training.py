"""The job `train`: K models of one architecture, trained in one batch."""

from dataclasses import replace
from math import ceil, isfinite, nan
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.arithmetic import suit_threads
from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.log_sentences import epoch_sentence, log_model, options_text
from core.errors import RunError, UsageError
from core.measuring import measure
from core.model_files import write_model
from core.networks.architectures import Architecture
from core.networks.source import one_start, several_of_one_start
from core.opening import DTYPES, open_problem
from core.problem import Problem, part_of
from core.progress import Reporter, Thinned, plural
from core.results import ModelMade
from core.specs.methods import metric_text
from core.specs.networks import read_network
from core.specs.runs import Train
from core.traced_view import distinct_points, without_wrong_view
from core.training import TrainingResult, TrainingState, Until, train
from core.training.optimizers import rate, rows


def run_train(job: Job, spec: Train, folder: Path, journal: Journal) -> None:
    """Train, leave every model that is finite, then raise RunError if one fell short."""
    journal.progress(None, "reading the data")
    asked = (spec.network, spec.data, spec.loss, job.device, job.data_root, journal)
    problem, architecture = open_problem(*asked, dtype=DTYPES[spec.dtype])
    suit_threads(problem, job.threads, spec.count)
    seeds = [spec.seed + i for i in range(spec.count)]
    start = torch.stack([architecture.initial(seed, problem.dtype) for seed in seeds]).to(job.device)
    require_starts(spec, architecture, start, journal)
    problem = without_wrong_view(problem, start)
    until = None if spec.goal is None else Until(spec.on, spec.goal)
    means = "" if until else " Losses of epochs are means over their batches."
    journal.say(f"Trains by {problem.loss.name}: {options_text(spec)}.{means}")
    epochs = Epochs(spec, journal, problem)
    state = _state(journal, problem, until)
    try:
        trained = train(problem, start, seeds, spec, until=until, state=state, on_epoch=epochs.report)
    finally:
        epochs.report_last()
    trained = as_computed(trained, problem, until)
    leave_models(spec, problem, trained, folder, journal)
    if failure := shortfall(spec, trained):
        if failure.kind == "diverged":
            journal.forget()
        raise failure
    if missed := missed_text(spec, trained):
        journal.say(f"{missed}, and {spec.least} had to.")


def require_starts(spec: Train, architecture: Architecture, start: Tensor, reporter: Reporter) -> None:
    """Raise UsageError where two of the models (K, P) would start as one; say where models of other seeds would."""
    name = read_network(spec.network).short_text
    if len(distinct_points(start)) < len(start):
        raise UsageError(several_of_one_start(name, spec.count))
    if not architecture.seeded:
        reporter.say(f"{one_start(name)}: models of other seeds would be this one.")


def as_computed(trained: TrainingResult, problem: Problem, until: Until | None) -> TrainingResult:
    """What was trained by layers that were traced, judged by the module itself where these don't hold at the end."""
    finite = trained.diverged < 0
    here = without_wrong_view(problem, trained.thetas[finite])
    if here is problem:
        return trained
    values, metric = trained.values.clone(), trained.metric.clone()
    values[finite] = here.losses(trained.thetas[finite])
    if until is None:
        return replace(trained, values=values)
    metric[finite] = here.metric(trained.thetas[finite], until.metric)
    return replace(trained, values=values, metric=metric, reached=trained.reached & (metric <= until.value))


def _state(journal: Journal, problem: Problem, until: Until | None) -> TrainingState | None:
    if journal.left is None:
        return None
    state = TrainingState.load(journal.left).to(problem.device)
    journal.say(f"Resumes after epoch {state.epoch} of the checkpoint.")
    if until is not None:
        drop_finished(problem, state, until)
    return state


def drop_finished(problem: Problem, state: TrainingState, until: Until) -> None:
    """Drop models that already meet the goal: the run that left the state had a lower goal, or none."""
    here = state.active
    known = state.metric[here]
    if bool(known.isnan().any()):
        found = problem.values(state.thetas[here], part_of(until.metric), state.statistics_of(here))
        known = found.of(until.metric)
    there = known <= until.value
    state.metric[here] = known
    if until.metric == "train-loss":
        state.loss[here] = known
    state.reached[here[there]] = True
    state.active = here[~there]
    state.moments = rows(state.moments, ~there)


class Epochs:
    """Reports on a training, epoch by epoch: curves and progress of all, lines in the log of some."""

    def __init__(self, spec: Train, journal: Journal, problem: Problem) -> None:
        self.spec, self.journal, self.problem = spec, journal, problem
        train, test = len(problem.data.train), problem.data.test
        self.test_every = 0 if test is None else ceil(len(test) / train)  # epochs: so it costs at most a third of them
        self._thinned = Thinned(spec.epochs)
        self._untold: str | None = None  # the newest epoch's line, where the log has left it out

    def report(self, state: TrainingState) -> None:
        spec, journal = self.spec, self.journal
        losses: list[float] = state.loss.tolist()
        for i, loss in enumerate(losses):
            self.point("train_loss", i, state.epoch, loss)
        self.report_test(state)
        finite = [loss for loss in losses if isfinite(loss)]
        mean = sum(finite) / len(finite) if finite else nan
        journal.progress(state.epoch / max(spec.epochs, 1), f"epoch {state.epoch}, train loss {mean:.4g}")
        self._untold = epoch_sentence(state.epoch, losses, rate(spec, state.epoch - 1), len(state.active))
        if self._thinned.due(state.epoch):
            self.report_last()
        (journal.keep if state.epoch >= spec.epochs else journal.checkpoint)(state.save)

    def report_test(self, state: TrainingState) -> None:
        """Test loss and error of the models that took part in the epoch, if they are due."""
        if not self.test_every or state.epoch % self.test_every:
            return
        here = (state.epochs == state.epoch).nonzero()[:, 0]
        values = self.problem.values(state.thetas[here], "test", state.statistics_of(here))
        for name, found in (("test_loss", values.loss), ("test_error", values.error)):
            for i, value in zip(here.tolist(), () if found is None else found.tolist(), strict=found is not None):
                self.point(name, i, state.epoch, value)

    def point(self, name: str, model: int, epoch: int, value: float) -> None:
        """A point of a model's curve."""
        family = name.rpartition("_")[2]
        name, position = (name, None) if self.spec.count == 1 else (f"{name}.{model}", model)
        self.journal.metric(name, epoch, value, unit="epoch", family=family, position=position)

    def report_last(self) -> None:
        """Log the newest epoch, even if it is not due."""
        if self._untold is not None:
            self.journal.say(self._untold)
            self._untold = None


def leave_models(spec: Train, problem: Problem, trained: TrainingResult, folder: Path, journal: Journal) -> None:
    """Write every finite model and say its losses on the whole train and test sets."""
    journal.progress(1.0, "measuring")
    for i in range(spec.count):
        if int(trained.diverged[i]) < 0:
            own = problem.having({name: one[i] for name, one in trained.statistics.items()})
            made = describe_model(own, trained.thetas[i], i, folder)
            epochs = plural(int(trained.epochs[i]), "epoch")
            log_model(f"of seed {spec.seed + i} after {epochs}", made, folder, journal)
            reached = None if spec.goal is None else bool(trained.reached[i])
            name = spec.name if spec.count == 1 or spec.name is None else f"{spec.name}-{i}"
            journal.write(
                ModelMade(
                    **made,
                    network=spec.network,
                    data=spec.data,
                    seed=spec.seed + i,
                    epochs=int(trained.epochs[i]),
                    reached=reached,
                    seconds=journal.seconds,
                    name=name,
                )
            )


def describe_model(problem: Problem, theta: Tensor, position: int, folder: Path) -> dict[str, Any]:
    """Write a model's tensors; what is measured of it, by column names."""
    file = f"model-{position}.safetensors"
    write_model(theta, problem, folder / file)
    return measured_model(problem, theta, position, file)


def measured_model(problem: Problem, theta: Tensor, position: int, file: str) -> dict[str, Any]:
    """What is measured of a model whose tensors are in a file, by column names."""
    train_loss, train_error = measure(problem, theta, "train")
    test_loss, test_error = measure(problem, theta, "test")
    return {
        "position": position,
        "file": file,
        "loss": problem.loss.name,
        "architecture": problem.layout.fingerprint,
        "data_fingerprint": problem.data.fingerprint,
        "parameters": problem.layout.total,
        "dtype": str(problem.dtype).removeprefix("torch."),
        "train_loss": train_loss,
        "train_error": train_error,
        "test_loss": test_loss,
        "test_error": test_error,
    }


def shortfall(spec: Train, trained: TrainingResult) -> RunError | None:
    """Why a training failed, None if it didn't."""
    if bad := [(spec.seed + i, int(epoch)) for i, epoch in enumerate(trained.diverged) if int(epoch) >= 0]:
        seed, epoch = bad[0]
        others = f" ({len(bad)} of {spec.count} models)" if len(bad) > 1 else ""
        return RunError(
            "diverged",
            f"The train loss of seed {seed} was not finite in epoch {epoch} at learning rate {spec.lr:g}{others}: "
            "relaunch with a smaller lr.",
        )
    if (missed := missed_text(spec, trained)) and int(trained.reached.sum()) < spec.least:
        return RunError("loss not reached", f"{missed}: relaunch with more epochs.")
    return None


def missed_text(spec: Train, trained: TrainingResult) -> str | None:
    """How many models did not reach the goal, as a sentence without its end; None if all did."""
    if spec.goal is None or bool(trained.reached.all()):
        return None
    short, worst = int((~trained.reached).sum()), float(trained.metric.max())
    return (
        f"{short} of {spec.count} models did not reach a {metric_text(spec.on)} of {spec.goal:g} in {spec.epochs} "
        f"epochs (the highest is {worst:.4g})"
    )
