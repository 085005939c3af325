"""The job `import`: other people's checkpoints, read, evaluated and kept as models; all of them or none."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.checkpoints.network_state import NetworkState
from core.checkpoints.opened import Opened
from core.checkpoints.opening import open_checkpoint
from core.checkpoints.reading import sha256_of
from core.checkpoints.tensors import separate
from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.log_sentences import log_model
from core.engine.worker.training import measured_model
from core.errors import KeysError, RunError, sentence_of
from core.model_files import write_tensors
from core.networks.architectures import Architecture
from core.opening import DTYPES, open_problem
from core.problem import Problem, chunks
from core.results import ModelMade
from core.specs.runs import Import
from core.traced_view import without_wrong_view

FRESH_SEED = 0
OFF = 0.005  # from the accuracy that was expected
OWN_LOSS = 1e-3  # by which a loss in half precision may differ without a word
HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
NEAR_CHANCE = 0.9  # of the error, and of the loss, of guessing


def run_import(job: Job, spec: Import, folder: Path, journal: Journal) -> None:
    """Read and evaluate every file, then leave all models; raise RunError, with none left, where one isn't as said."""
    journal.progress(None, "reading the data")
    opened = open_problem(spec.network, spec.data, spec.loss, job.device, job.data_root, journal)
    importing = _Importing(spec, *opened, folder, journal)
    made = [importing.model(i, file) for i, file in enumerate(spec.paths)]
    for model in made:
        journal.write(model)


@dataclass(frozen=True)
class _Importing:
    """What all files of a run are read and evaluated with."""

    spec: Import
    problem: Problem
    architecture: Architecture
    folder: Path
    journal: Journal

    def model(self, position: int, file: Path) -> ModelMade:
        """Read a file, write its tensors as those of a model, and evaluate it."""
        self.journal.progress(position / self.spec.count, f"reading {file.name}")
        begun = self.journal.seconds
        opened = _opened(file, self.spec, NetworkState.of(self.architecture.module), self.journal)
        known = _source(opened, self.spec)
        problem, parameters = _placed(opened, self.spec, self.problem, self.architecture)
        kept = f"model-{position}.safetensors"
        write_tensors(parameters, problem.constants, self.folder / kept)
        theta = problem.layout.join(parameters).to(problem.device)
        described = measured_model(without_wrong_view(problem, theta[None]), theta, position, kept)
        log_model(f"of {file.name}", described, self.folder, self.journal)
        require_accuracy(described, self.spec, file)
        known |= self.said("hint", hint(described, problem))
        known |= self.said("in_its_dtype", differs(opened, problem, theta, described["train_loss"]))
        opened.content.require_unchanged()
        return ModelMade(
            **described,
            network=self.spec.network,
            data=self.spec.data,
            seed=None,
            epochs=known.get("epoch"),
            reached=None,
            seconds=self.journal.seconds - begun,
            name=names(self.spec)[position],
            role="imported",
            source=known,
        )

    def said(self, name: str, sentence: str | None) -> dict[str, str]:
        """A sentence that is in the log and kept with the model, by name."""
        if sentence is None:
            return {}
        self.journal.say(sentence)
        return {name: sentence}


def names(spec: Import) -> list[str]:
    """What the models are called: as asked, counted where there are several, or as their files."""
    if spec.name is not None:
        return [spec.name] if spec.count == 1 else [f"{spec.name}-{i}" for i in range(spec.count)]
    stems = [file.name.removesuffix(".index.json").rpartition(".")[0] or file.name for file in spec.paths]
    alike = {stem for stem, count in Counter(stems).items() if count > 1}
    return [
        f"{file.parent.name}/{stem}" if stem in alike else stem for file, stem in zip(spec.paths, stems, strict=True)
    ]


def _opened(file: Path, spec: Import, wanted: NetworkState, journal: Journal) -> Opened:
    """A checkpoint's tensors; where its names don't fit, the log has all of them."""
    try:
        opened = open_checkpoint(file, spec, wanted)
    except KeysError as error:
        for name, here, there in error.rows:
            journal.say(f"{name}: {here} in the file, {there} in the network.")
        raise
    for sentence in opened.sentences():
        journal.say(sentence)
    return opened


def _source(opened: Opened, spec: Import) -> dict[str, Any]:
    """What the catalogue keeps of where a model is from."""
    first, *shards = opened.content.files
    known = {**opened.record(), "sha256": sha256_of(first)}
    if shards:
        known["shards"] = {shard.name: sha256_of(shard) for shard in shards}
    if spec.fresh_head is not None:
        known |= {"fresh_head": spec.fresh_head, "seed": FRESH_SEED}
    return known


def _placed(
    opened: Opened, spec: Import, problem: Problem, architecture: Architecture
) -> tuple[Problem, dict[str, Tensor]]:
    """The problem with the file's buffers, in the model's dtype, and its parameters by name, in the file's memory."""
    dtype = DTYPES[spec.dtype or opened.dtype]
    problem = problem.to(problem.device, dtype)
    fresh = {} if spec.fresh_head is None else architecture.start(FRESH_SEED)
    parameters = {name: opened.tensors.get(name, fresh.get(name)) for name in problem.layout.names}
    placed = separate({name: one.to(dtype) for name, one in parameters.items() if one is not None})
    return replace(problem, buffers=_buffers(opened.tensors, problem.constants)), placed


def _buffers(tensors: Mapping[str, Tensor], made: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's buffers with the file's values, in the number types that the network has them in."""
    here = {name: one for name, one in tensors.items() if name in made}
    return {**made, **{name: one.to(made[name].device, made[name].dtype) for name, one in here.items()}}


def require_accuracy(described: Mapping[str, Any], spec: Import, file: Path) -> None:
    """Raise RunError where the model is not as accurate as was said."""
    if spec.expect_accuracy is None:
        return
    part = "train" if described["test_error"] is None else "test"
    accuracy = 1 - described[f"{part}_error"]
    if abs(accuracy - spec.expect_accuracy) > OFF + 1e-9:
        raise RunError(
            "not as expected",
            f"The {part} accuracy of {file.name} is {accuracy:.4f}, and {spec.expect_accuracy:g} was expected: mostly "
            "the data is normalised otherwise than in its training, or the classes have another order; no model is "
            "kept.",
        )


def hint(described: Mapping[str, Any], problem: Problem) -> str | None:
    """What to look at where a model is hardly better than guessing."""
    classes = problem.data.classes
    if classes is None or problem.words:
        return None
    guessing = 1 - 1 / classes
    near = described["train_error"] >= NEAR_CHANCE * guessing
    if problem.loss.name == "cross-entropy":
        near = near or described["train_loss"] >= NEAR_CHANCE * log(classes)
    if not near:
        return None
    return (
        f"Train loss {described['train_loss']:.4g} and error {described['train_error']:.4g} are near guessing among "
        f"{classes} classes: is the data normalised as in its training, and are the classes in the same order?"
    )


def differs(opened: Opened, problem: Problem, theta: Tensor, loss: float) -> str | None:
    """What the model is worth in the half precision of its file, where it is worth something else there."""
    types = {one.dtype for one in opened.tensors.values() if one.is_floating_point()}  # counters are whole numbers
    name = next((name for name, dtype in HALVES.items() if types == {dtype}), None)
    if name is None:
        return None
    half = problem.to(problem.device, HALVES[name])
    try:
        own = sum(_loss(half, theta, x, y) for x, y in chunks(half.data.train, 1)) / len(half.data.train)
    except RuntimeError as error:  # what torch has no kernel for
        return f"It can't be evaluated in {name}, the file's dtype: {sentence_of(error)}."
    if abs(own - loss) <= OWN_LOSS:
        return None
    return f"In {name}, the file's dtype, its train loss is {own:.6g}, and {loss:.6g} in that of the catalogue."


@torch.no_grad()
def _loss(half: Problem, theta: Tensor, x: Tensor, y: Tensor) -> float:
    """The sum of the losses of samples, from outputs in half precision."""
    return float(half.sums(half.outputs(theta[None].to(half.dtype), x).float(), y)[0])
