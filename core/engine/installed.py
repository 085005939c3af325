"""The installed code of the engine and the store: an agent that finds it changed makes room for one that runs it."""

import time
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "store")  # what an agent and its workers run
LOOK_SECONDS = 2.0


class InstalledCode:
    """The code that this process was started from, by its version and its content."""

    def __init__(self) -> None:
        self._stamps, self._digest = _stamps(), _digest()
        self._last = self._stamps
        self._looked = time.monotonic()
        self._changed = False

    def changed(self) -> bool:
        """Whether other code is installed now, whole: its files were the same at two looks. Once so, always so.

        Looks every two seconds. Raises OSError while files come and go.
        """
        if not self._changed and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked, before, self._last = time.monotonic(), self._last, _stamps()
            if self._last != self._stamps and self._last == before:
                self._changed = _digest() != self._digest
                self._stamps = self._last
        return self._changed


def written_since(at: float) -> bool:
    """Whether a file of the installed code was written after `at`, in seconds since the epoch."""
    return any(file.stat().st_mtime > at for file in _files())


def _files() -> list[Path]:
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def _stamps() -> list[tuple[str, int, int]]:
    return [(str(file), about.st_size, about.st_mtime_ns) for file in _files() for about in [file.stat()]]


def _digest() -> str:
    """Of the version and all sources."""
    digest = sha256()
    with suppress(metadata.PackageNotFoundError):
        digest.update(metadata.version("thalweg").encode())
    for file in _files():
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
