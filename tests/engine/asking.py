"""Questions about a path to `core.engine.worker.probe`, as a client puts them."""

from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor

from core.engine.worker.training import describe_model
from core.input_files import InputModel
from core.path import Path as Curve
from core.problem import Problem


def asked_of(path: Curve, problem: Problem, network: str, folder: Path, **known: Any) -> dict[str, Any]:
    """The question's fields for a path that is not in a catalogue; it and its ends are written into the folder."""
    path.save(folder / "path")
    ends = [_model(number, theta, problem, network, folder) for number, theta in enumerate((path.start, path.end), 1)]
    models = [msgspec.to_builtins(one) for one in ends]
    place = {"models": models, "root": None, "path": str(folder / "path"), "sha256": None, "path_id": 1}
    return {**place, "pieces": None, "certificate": "sampled", "level": 0.5, "to": str(folder / "written"), **known}


def _model(number: int, theta: Tensor, problem: Problem, network: str, folder: Path) -> InputModel:
    home = folder / str(number)
    home.mkdir()
    made = describe_model(problem, theta.to(problem.dtype), 0, home)
    kept = {name: made[name] for name in ("loss", "data_fingerprint", "dtype", "train_loss")}
    file, data = str(home / made["file"]), problem.data.name
    return InputModel(id=number, file=file, network=network, data=data, seed=0, epochs=0, **kept)
