"""What a search that was cut off goes on from, and whether that is of the same problem and path."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from hashlib import sha256
from math import inf
from pathlib import Path as File
from typing import Any

from safetensors import safe_open
from torch import Tensor

from core.networks.layered import Layer
from core.path import Path
from core.problem import Part, Problem

STAMP, STATE = "stamp", "state"  # in the metadata of a checkpoint


@dataclass(frozen=True)
class Kept:
    """How far a search was, beside its pieces: passes spent, the largest loss seen, and by segment where that was."""

    passes: float = 0.0
    seen: float = -inf
    highest: dict[int, float] = field(default_factory=dict)

    def metadata(self, subject: str, tensors: Mapping[str, Tensor]) -> dict[str, str]:
        """What is written beside the pieces."""
        state = json.dumps(asdict(self))
        return {STATE: state, STAMP: _stamp(subject, state, tensors)}

    @classmethod
    def read(cls, file: File, subject: str) -> "Kept | None":
        """From a file of pieces that can be read; None where it is not of this subject, or not as it was written."""
        with safe_open(file, "pt") as opened:
            written = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  it is no mapping
        state = written.get(STATE, "")
        if written.get(STAMP) != _stamp(subject, state, tensors):
            return None
        found = json.loads(state)
        highest = {int(i): t for i, t in found["highest"].items()}
        if not all(0 <= t <= 1 for t in highest.values()):  # elsewhere the line may be higher than on the segment
            return None
        return cls(found["passes"], found["seen"], highest)


def _stamp(subject: str, state: str, tensors: Mapping[str, Tensor]) -> str:
    digest = sha256(f"{subject}\n{state}".encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()


def subject_of(problem: Problem, path: Path, segments: Iterable[int], part: Part) -> str:
    """A hash of all that pieces of these segments speak of: the network as its layers say, loss, data, and knots.

    Not `unprovable`: so the names of activations and poolings, with their settings, say what is computed.
    """
    assert problem.layered is not None
    split = problem.part(part)
    assert split is not None
    layers = [_described(layer) for layer in problem.layered.layers]
    digest = sha256(json.dumps([layers, problem.loss.name, part, list(segments)]).encode())
    for tensor in (split.x, split.y, *(path.knots[i : i + 2] for i in segments)):
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _described(layer: Layer) -> dict[str, Any]:
    """Everything of a layer; functions by their names and settings, which are the same in every process."""
    return {one.name: _named(getattr(layer, one.name)) for one in fields(layer)}


def _named(value: Any) -> Any:
    if isinstance(value, partial):
        return [_named(value.func), sorted(value.keywords.items())]
    if isinstance(value, tuple):
        return [_named(one) for one in value]
    return f"{value.__module__}.{value.__name__}" if callable(value) else value
