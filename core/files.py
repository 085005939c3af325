"""Files that are there whole or not at all, and are read as they were written; and how large they are."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from core.errors import RunError, UsageError


def write_whole(file: Path, save: Callable[[Path], None]) -> None:
    """Let `save` write a draft beside `file`, bring it to the disk, then give it the name.

    A reader finds the old file or the new one, even if the machine stops. Raises what `save` raises, and OSError.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        save(draft)
        to_disk(draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    to_disk(file.parent)


def read_whole(file: Path, sha256: str | None = None) -> bytes:
    """All bytes of a file, read once; with `sha256`, hexadecimal, these are the ones that it was made of.

    Raises OSError, and RunError where they are others: whoever checks a file and then opens it again may read another.
    """
    content = file.read_bytes()
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise RunError(
            "input failed",
            f"input failed: The content of {file} is not what was written (its sha256 differs); run `thalweg doctor`, "
            "or make it again with `thalweg relaunch`.",
        )
    return content


def from_home(text: str) -> Path:
    """The path a person wrote, with ~ and ~user expanded. Raises UsageError if that user has no home folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"{text}: that user has no home folder; write the full path.") from None


def amount(size: int) -> str:
    """Bytes as people read them: 812 bytes, 3.2 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
