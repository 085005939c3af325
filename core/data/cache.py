"""Tensors that take long to make, kept as safetensors files under a key of what they were made from."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.data.dataset import Say
from core.files import write_whole


def cached(folder: Path, family: str, key: str, make: Callable[[], dict[str, Tensor]], say: Say) -> dict[str, Tensor]:
    """The tensors of `key`, read from `folder`, or made and written there where it can be written.

    `family` is the beginning of the file's name.
    """
    file = folder / f"{family}-{key[:32]}.safetensors"
    if (found := read_cached(file)) is not None:
        return found
    tensors = make()
    write_cached(file, tensors, say)
    return tensors


def read_cached(file: Path) -> dict[str, Tensor] | None:
    """The tensors in a file, None where it isn't there; a damaged one counts as none."""
    try:
        return load_file(file)
    except (OSError, SafetensorError):
        return None


def write_cached(file: Path, tensors: dict[str, Tensor], say: Say) -> None:
    """Write tensors to a file; if that is impossible, nothing is left behind and `say` hears why."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, lambda draft: save_file(tensors, draft))
    except (OSError, SafetensorError) as error:  # safetensors has its own for a full disk
        say(f"{file.parent} can't be written, so the same work will be done again next time ({error})")


def delete_others(folder: Path, family: str, but: Path) -> None:
    """Remove the files of a family but one, where that is allowed."""
    for file in folder.glob(f"{family}-*.safetensors"):
        if file != but:
            with suppress(OSError):
                file.unlink()
