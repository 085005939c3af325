"""Where in a checkpoint weights may be: dicts of tensors by name, and modules that were pickled whole."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from core.checkpoints.stand_ins import Record
from core.errors import UsageError

DEPTH = 3  # dicts within each other
AVERAGED = re.compile(r"(^|[._])(ema|swa|averaged?|avg|shadow)([._]|$)")
COUNTER = "n_averaged"  # of torch.optim.swa_utils.AveragedModel
SHOWN = 8  # keys in a sentence


@dataclass(frozen=True)
class Candidate:
    """Tensors by name, under a key of the file; its parts have dots between them, "" is the top."""

    key: str
    tensors: Mapping[str, Tensor]

    @property
    def is_averaged(self) -> bool:
        """Whether these are averages (EMA, SWA) over a training: its key says so, or torch's count of them is there."""
        return AVERAGED.search(self.key.lower()) is not None or COUNTER in self.tensors

    @property
    def place(self) -> str:
        return repr(self.key) if self.key else "the top"


def candidates(tree: object) -> list[Candidate]:
    """All that may be weights, from the top down."""
    return [Candidate(key, tensors) for key, tensors in _walk(tree, "", 0, set())]


def _walk(tree: object, key: str, depth: int, seen: set[int]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    if depth > DEPTH or id(tree) in seen:
        return
    seen.add(id(tree))
    if isinstance(tree, Record):
        if state := state_of(tree):
            yield key, state
        tree = tree.state
    if isinstance(tree, dict):
        tensors = {name: one for name, one in tree.items() if isinstance(name, str) and isinstance(one, Tensor)}
        if tensors and len(tensors) * 2 >= len(tree):
            yield key, tensors
        for name, one in tree.items():
            if isinstance(one, dict | Record):
                yield from _walk(one, f"{key}.{name}" if key else str(name), depth + 1, seen)


def state_of(module: Record) -> dict[str, Tensor]:
    """What the state dict of a module was that was pickled whole; empty where it was no module."""
    return dict(_state_of(module, "", set()))


def _state_of(module: Record, prefix: str, seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    state = module.state
    if not isinstance(state, dict) or "_modules" not in state or id(module) in seen:
        return
    hidden = state.get("_non_persistent_buffers_set") or set()
    for part in ("_parameters", "_buffers"):
        for name, one in _items(state.get(part)):
            if isinstance(one, Tensor) and name not in hidden:
                yield f"{prefix}{name}", one
    for name, child in _items(state["_modules"]):
        if isinstance(child, Record):
            yield from _state_of(child, f"{prefix}{name}.", seen | {id(module)})


def _items(part: object) -> list[tuple[str, object]]:
    return [(str(name), one) for name, one in part.items()] if isinstance(part, dict) else []


def require_weights(tree: object, found: list[Candidate], file: Path) -> None:
    """Raise UsageError for a file that holds no network's weights, and say what it holds."""
    names = [name for one in found for name in one.tensors]
    if any("lora_" in name for name in names):
        raise UsageError(f"{file} holds LoRA parts of a network, not a whole one: merge them into it, and save that.")
    if isinstance(tree, dict) and {"state", "param_groups"} <= tree.keys():
        raise UsageError(f"{file} is the state of an optimiser alone: give the file with the network's weights.")
    if not found:
        raise UsageError(f"{file} holds no tensors by name: {_content(tree)}.")


def _content(tree: object) -> str:
    if not isinstance(tree, dict):
        return f"it holds an object of type {type(tree).__name__}, where a state_dict is needed"
    keys = [str(key) for key in tree][:SHOWN]
    return f"its keys are {', '.join(keys)}{', ...' if len(tree) > SHOWN else ''}" if keys else "it is an empty dict"
