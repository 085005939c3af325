"""Checkpoints as they lie in folders. Loads no torch: what is in a file, a probe says."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from core.errors import UsageError
from core.specs.checkpoints import files_text
from core.specs.runs import Import, Making

SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
INDEX = ".index.json"
#: What trainers leave beside weights.
OTHERS = ("optimizer.pt", "optimizer.bin", "scheduler.pt", "scaler.pt", "training_args.bin")


def with_listed_files(spec: Making) -> Making:
    """An import with the checkpoints that its folders hold in their place. Raises UsageError."""
    if not isinstance(spec, Import) or not spec.recursive:
        return spec
    return msgspec.structs.replace(spec, files=files_text(listed(spec)), recursive=False)


def listed(spec: Import) -> tuple[Path, ...]:
    """The files that an import reads. Raises UsageError where one isn't there, or a folder has none."""
    if missing := [file for file in spec.paths if not file.exists()]:
        raise UsageError(f"There is no file {missing[0]}.")
    if not spec.recursive:
        return spec.paths
    return tuple(dict.fromkeys(one for file in spec.paths for one in (_within(file) if file.is_dir() else [file])))


def _within(folder: Path) -> list[Path]:
    """All checkpoints in a folder and its folders, but the shards that an index names."""
    every = [one for one in folder.rglob("*") if one.is_file() and not one.name.startswith((".", "rng_state"))]
    shards = {shard for one in every if one.name.endswith(INDEX) for shard in _shards(one)}
    files = [one for one in every if one.name.endswith((*SUFFIXES, INDEX)) and one.name not in OTHERS]
    found = sorted(one for one in files if one not in shards)
    if not found:
        raise UsageError(f"{folder} holds no checkpoint: none of its files ends in {', '.join(SUFFIXES)}.")
    return found


def _shards(index: Path) -> Iterator[Path]:
    """What an index names, as far as it is one."""
    try:
        places = json.loads(index.read_text())["weight_map"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    yield from (index.parent / place for place in set(map(str, places)))


def stamp(file: Path) -> list[int]:
    """Size and time of a file: an answer about it holds as long as these do."""
    about = file.stat()
    return [about.st_size, about.st_mtime_ns]
