"""Checkpoints in several files, with an index of what is where, and folders that hold one checkpoint."""

import json
from pathlib import Path

from core.errors import UsageError
from core.files import amount

MOST = 1 << 26  # bytes of an index
SHOWN = 100  # characters of a name in a sentence
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")


def weights_in(folder: Path) -> Path:
    """The checkpoint of a folder as Hugging Face's libraries write it. Raises UsageError for other folders."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"{folder} is a folder without {WEIGHTS[0]}: give a file in it, or --recursive for every checkpoint in it."
    )


def shards_of(index: Path) -> dict[Path, tuple[str, ...]]:
    """The files that an index names, and the tensors that it places in each.

    Raises UsageError where it is no index, or leads out of its folder, by links or otherwise.
    """
    places = _weight_map(index)
    folder = index.resolve().parent
    found: dict[Path, list[str]] = {}
    for name, place in places.items():
        if (shard := _beside(folder, place)) is None:
            raise UsageError(
                f"{index} leads out of its folder, to {place[:SHOWN]}: an index may only name files beside it; "
                "copy what links lead to."
            )
        found.setdefault(shard, []).append(name)
    if missing := [shard.name for shard in found if not shard.is_file()]:
        raise UsageError(
            f"{index} names {missing[0]}, which is not beside it: download all its files, and copy what links lead to."
        )
    return {shard: tuple(names) for shard, names in found.items()}


def _beside(folder: Path, place: str) -> Path | None:
    """The file that `place` names in a folder; None where it is outside, or no file can be called so."""
    try:
        shard = (folder / place).resolve()
        shard.is_file()
    except (OSError, ValueError):
        return None
    return shard if Path(place).name == place and shard.parent == folder else None


def _weight_map(index: Path) -> dict[str, str]:
    size = index.stat().st_size
    if size > MOST:
        raise UsageError(f"{index} is a JSON file of {amount(size)}, and an index has at most {amount(MOST)}.")
    try:
        places = json.loads(index.read_text())["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError):
        places = None
    if not isinstance(places, dict) or not all(isinstance(one, str) and one for one in places.values()) or not places:
        raise UsageError(f"{index} is JSON, not a checkpoint: give the file of the weights, or its index of shards.")
    return places
