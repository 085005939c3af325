"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def write_whole(file: Path, save: Callable[[Path], None]) -> None:
    """Let `save` write a draft beside `file`, bring it to the disk, then give it the name.

    A reader finds the old file or the new one, even if the machine stops. Raises what `save` raises, and OSError.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        save(draft)
        _to_disk(draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    _to_disk(file.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
