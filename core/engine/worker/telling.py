"""Sentences for a run's log about what its job reads and leaves."""

from collections.abc import Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

import msgspec

from core.files import amount
from core.progress import Reporter
from core.specs.options import Options


def options_told(options: Options) -> str:
    """Every option that has a value."""
    given = msgspec.structs.asdict(options).items()
    return " ".join(f"{name}={value}" for name, value in given if value is not None)


def epoch_told(epoch: int, losses: Sequence[float], rate: float, active: int) -> str:
    """Losses of all models at the end of an epoch; how many go on, where there are several."""
    finite = [loss for loss in losses if isfinite(loss)] or [nan]
    if len(losses) == 1:
        return f"Epoch {epoch}: train loss {losses[0]:.4g}, rate {rate:.4g}."
    spread = f"{min(finite):.4g} to {max(finite):.4g}"
    return f"Epoch {epoch}: train losses {spread}, rate {rate:.4g}; {active} of {len(losses)} models go on."


def tell_model(whose: str, made: dict[str, Any], folder: Path, reporter: Reporter) -> None:
    """What a model is worth, and the file it was written to; `made` are its columns."""
    measured = [("train loss", "train_loss"), ("train error", "train_error"), ("test loss", "test_loss")]
    known = [(name, made[key]) for name, key in (*measured, ("test error", "test_error")) if made[key] is not None]
    worth = ", ".join(f"{name} {value:.4g}" for name, value in known)
    reporter.say(f"Model {whose}: {worth}.")
    tell_file(folder / made["file"], reporter)


def tell_file(file: Path, reporter: Reporter) -> None:
    """That a file was written."""
    reporter.say(f"{file.name} written: {amount(file.stat().st_size)}.")
