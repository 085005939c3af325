"""Which of the weights in a checkpoint are meant, and under which names they are the network's."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from core.checkpoints.candidates import Candidate
from core.checkpoints.naming import Naming, best_naming, stripped
from core.checkpoints.network_state import Shape
from core.errors import UsageError
from core.specs.checkpoints import HowToRead


@dataclass(frozen=True)
class Choice:
    """Weights that are meant, how their names are read, and how many are the network's, and what is beside.

    Where no name in the file is the network's, the score counts shapes.
    """

    file: Path
    candidate: Candidate
    naming: Naming
    score: int
    averaged: str | None = None  # the key of averaged weights beside


def shapes_of(candidate: Candidate) -> dict[str, Shape]:
    return {name: tuple(one.shape) for name, one in candidate.tensors.items()}


def choose(found: Sequence[Candidate], how: HowToRead, wanted: dict[str, Shape], file: Path) -> Choice:
    """The weights that most of a network's names and shapes are found in. Raises UsageError where it is not one."""
    if how.key is not None:
        named = [one for one in found if one.key == how.key]
        if not named:
            raise UsageError(f"{file} has no weights under the key {how.key!r}: there are {_places(found)}.")
        return _read(named[0], how, wanted, file)
    every = [_read(one, how, wanted, file) for one in _those_with(found, how)]
    by_name = any(one.score for one in every)
    if not by_name:  # all names are others: the weights are where the shapes are
        every = [replace(one, score=_alike(one, wanted)) for one in every]
    raw = [one for one in every if not one.candidate.is_averaged]
    averaged = [one for one in every if one.candidate.is_averaged and one.score]
    if how.ema and not averaged:
        raise UsageError(f"{file} has no averaged weights (EMA) for this network: leave --ema out, or give --key.")
    only = averaged and not any(one.score for one in raw)
    pool = averaged if how.ema or only else raw or every
    best = _distinct([one for one in pool if one.score == max(one.score for one in pool)])
    if len(best) > 1 and (by_name or best[0].score * 2 > len(wanted)):  # fewer shapes may be alike by accident
        both = " and ".join(one.candidate.place for one in best)
        raise UsageError(f"{file} has this network's weights at {both}: say which by --key.")
    beside = next((one.candidate.key for one in averaged if one not in best), None)
    return replace(best[0], averaged=beside)


def _those_with(found: Sequence[Candidate], how: HowToRead) -> list[Candidate]:
    """With a prefix to strip, the weights that have it; all where none has, so that the first says so."""
    prefix = how.strip or ""
    return [one for one in found if any(name.startswith(prefix) for name in one.tensors)] or list(found)


def _read(candidate: Candidate, how: HowToRead, wanted: dict[str, Shape], file: Path) -> Choice:
    shapes = shapes_of(candidate)
    naming = best_naming(shapes, wanted) if how.strip is None else stripped(shapes, how.strip, file)
    return Choice(file, candidate, naming, naming.score(shapes, wanted))


def _alike(choice: Choice, wanted: dict[str, Shape]) -> int:
    """How many shapes the weights have in common with the network, whatever they are called."""
    return (Counter(shapes_of(choice.candidate).values()) & Counter(wanted.values())).total()


def _distinct(some: Sequence[Choice]) -> list[Choice]:
    """Without those that are others' tensors under another key."""
    found: dict[tuple[int, ...], Choice] = {}
    for one in some:
        found.setdefault(tuple(map(_memory, one.candidate.tensors.values())), one)
    return list(found.values())


def _memory(tensor: Tensor) -> int:
    """Where its values are, for comparison; sparse and meta tensors have no such place."""
    return tensor.data_ptr() if tensor.layout == torch.strided and tensor.device.type == "cpu" else id(tensor)


def _places(found: Sequence[Candidate]) -> str:
    return ", ".join(one.place for one in found) or "none"
