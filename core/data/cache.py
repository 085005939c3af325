"""Tensors that take long to make, kept as safetensors files under a key of what they were made from."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.files import write_whole


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
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, lambda draft: save_file(tensors, draft))
    return tensors


def forget(folder: Path, family: str, key: str) -> None:
    """Remove the files of a family but that of `key`, where that is allowed."""
    for file in folder.glob(f"{family}-*.safetensors"):
        if file.name != f"{family}-{key[:32]}.safetensors":
            with suppress(OSError):
                file.unlink()
