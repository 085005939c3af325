"""Sentences for a run's log about what its job reads and leaves."""

from collections.abc import Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

import msgspec

from core.data.dataset import Dataset
from core.files import amount
from core.networks.architectures import Architecture
from core.networks.layout import Layout
from core.progress import Reporter, plural
from core.specs.options import Options


def options_text(options: Options) -> str:
    """Every option that has a value."""
    given = msgspec.structs.asdict(options).items()
    return " ".join(f"{name}={value}" for name, value in given if value is not None)


def data_sentence(data: Dataset, seconds: float) -> str:
    """The data set that was read, its sizes, and how long that took."""
    tests = "no" if data.test is None else len(data.test)
    shape = "x".join(map(str, data.train.x.shape[1:])) + " numbers" * (data.train.x.dim() == 2)
    targets = f"{data.outputs} numbers to predict" if data.classes is None else f"{data.classes} classes"
    note = f" ({'; '.join(data.notes)})" if data.notes else ""
    sizes = f"{len(data.train)} train and {tests} test samples of {shape}, {targets}"
    return f"Data {data.name}{note}: {sizes}; read in {seconds:.2f} s."


def network_sentence(name: str, architecture: Architecture) -> str:
    """The network's size and its layers, or why it has no view by layers."""
    total = Layout.of(architecture.module).total
    if architecture.layered is None:
        return f"Network {name}: {total} parameters, no view by layers: {architecture.without}."
    layers = architecture.layered.layers
    widths = "-".join(str(layer.outputs) for layer in layers)
    return f"Network {name}: {total} parameters in {plural(len(layers), 'layer')} of {widths}."


def epoch_sentence(epoch: int, losses: Sequence[float], rate: float, active: int) -> str:
    """The losses of all models at the end of an epoch, and how many are still training if there are several."""
    finite = [loss for loss in losses if isfinite(loss)] or [nan]
    if len(losses) == 1:
        return f"Epoch {epoch}: train loss {losses[0]:.4g}, rate {rate:.4g}."
    spread = f"{min(finite):.4g} to {max(finite):.4g}"
    return f"Epoch {epoch}: train losses {spread}, rate {rate:.4g}; {active} of {len(losses)} models continue."


def log_model(owner: str, made: dict[str, Any], folder: Path, reporter: Reporter) -> None:
    """Log a model's losses and errors, and its file; `made` are its columns."""
    measured = [("train loss", "train_loss"), ("train error", "train_error"), ("test loss", "test_loss")]
    known = [(name, made[key]) for name, key in (*measured, ("test error", "test_error")) if made[key] is not None]
    worth = ", ".join(f"{name} {value:.4g}" for name, value in known)
    reporter.say(f"Model {owner}: {worth}.")
    log_file(folder / made["file"], reporter)


def log_file(file: Path, reporter: Reporter) -> None:
    """Log that a file was written, and its size."""
    reporter.say(f"{file.name} written: {amount(file.stat().st_size)}.")
