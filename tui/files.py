"""Writing files that are there whole or not at all."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import UsageError
from core.files import write_whole


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to, of the same suffix; it takes the target's place at the end.

    Raises UsageError where nothing can be written there.
    """
    if target.is_dir():
        raise UsageError(f"{target} is a folder; give the path of a file in it.")
    if target.exists() and not target.is_file():
        raise UsageError(f"{target} is no ordinary file, and would be replaced by one; give another.")
    if not target.parent.is_dir():
        raise UsageError(f"There is no folder {target.parent} to write {target.name} to.")
    draft = target.with_name(f".{target.stem}.unfinished-{os.getpid()}{target.suffix}")
    try:
        draft.touch()
        yield draft
        draft.replace(target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)


def private(target: Path, text: bytes) -> None:
    """Write a file that only its owner reads, in a folder that is made where it is missing. Raises UsageError."""

    def save(draft: Path) -> None:
        draft.touch(mode=0o600)
        draft.write_bytes(text)

    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(target, save)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from error


def described(file: Path) -> dict[str, str]:
    """A file that was written, for a JSON document."""
    with file.open("rb") as written:
        return {"file": str(file.absolute()), "sha256": hashlib.file_digest(written, "sha256").hexdigest()}
