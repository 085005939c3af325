"""Files of a person's own, read whatever is there in their place; files that are there whole or not at all."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import UsageError
from core.files import amount, write_whole

MOST = 1 << 20  # bytes of a file of one's own: settings, filters, a session


def own_text(file: Path) -> str | None:
    """What a small file of a person's own holds; None where there is none.

    Raises UsageError where something else is there, or what can't be read: it says what, waits for nobody, and reads
    no more than such a file can hold.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # waits for no pipe's other end
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    try:
        return _small_text(handle)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from None
    finally:
        os.close(handle)


def _small_text(handle: int) -> str:
    """Raises OSError, and ValueError if it is not a small text."""
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is not a regular file")
    if about.st_size > MOST:
        raise ValueError(f"it has {amount(about.st_size)}, and {amount(MOST)} are allowed")
    with os.fdopen(handle, "rb", closefd=False) as opened:
        try:
            return opened.read(MOST).decode()
        except UnicodeDecodeError:
            raise ValueError("it is not UTF-8 text") from None


@contextmanager
def write_target(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to, of the same suffix; it takes the target's place at the end.

    Raises UsageError where nothing can be written there.
    """
    if target.is_dir():
        raise UsageError(f"{target} is a folder; give the path of a file in it.")
    if target.exists() and not target.is_file():
        raise UsageError(f"{target} is not a regular file, and would be replaced by one; give another.")
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


def write_private(target: Path, text: bytes) -> None:
    """Write a file that only its owner reads, in a folder that is made where it is missing. Raises UsageError."""

    def save(draft: Path) -> None:
        draft.touch(mode=0o600)
        draft.write_bytes(text)

    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(target, save)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from error


def file_facts(file: Path) -> dict[str, str]:
    """A file that was written, for a JSON document."""
    with file.open("rb") as written:
        return {"file": str(file.absolute()), "sha256": hashlib.file_digest(written, "sha256").hexdigest()}
