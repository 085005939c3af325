"""Tensors that take long to make, kept as safetensors files under a key of what they were made from."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor


def kept(folder: Path, family: str, key: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of `key`, read from `folder`, or made and written there where it can be written.

    A damaged file counts as none. `family` is the beginning of the file's name.
    """
    file = folder / f"{family}-{key[:32]}.safetensors"
    try:
        return load_file(file)
    except (OSError, SafetensorError):
        tensors = make()
    with suppress(OSError):
        _write(file, tensors)
    return tensors


def forget(folder: Path, family: str, key: str) -> None:
    """Remove the files of a family but that of `key`, where that is allowed."""
    for file in folder.glob(f"{family}-*.safetensors"):
        if file.name != f"{family}-{key[:32]}.safetensors":
            with suppress(OSError):
                file.unlink()


def _write(file: Path, tensors: dict[str, Tensor]) -> None:
    """All of the file or nothing, even if the machine stops."""
    file.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=".new-", dir=file.parent)
    os.close(number)
    fresh = Path(name)
    try:
        save_file(tensors, fresh)
        with fresh.open("rb") as opened:
            os.fsync(opened.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
