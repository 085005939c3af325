"""Sentences for a run's log about what its job reads and leaves."""

from collections.abc import Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

import msgspec

from core.files import amount
from core.progress import Reporter
from core.specs.options import Options


def options_text(options: Options) -> str:
    """Every option that has a value."""
    given = msgspec.structs.asdict(options).items()
    return " ".join(f"{name}={value}" for name, value in given if value is not None)


def epoch_sentence(epoch: int, losses: Sequence[float], rate: float, active: int) -> str:
    """Losses of all models at the end of an epoch; how many go on, where there are several."""
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
