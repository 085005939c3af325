"""A run's log: sentences about what happens, and whatever is printed meanwhile, each line with the time it begins at.

One file for all attempts of a run, of LIMIT bytes at most. It is there for people: a log that is full, on a full disk
or can't be written ends nothing. Imports no torch.
"""

import io
import os
import threading
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any, BinaryIO, cast

LIMIT = 5_000_000  # bytes
RESERVED = 100_000  # of these, for how the run ended
FULL = f"The log is full ({LIMIT / 1e6:.0f} MB): what happens from here on is not written down."


class Log:
    """Appends lines to a file; usable from any thread. What other programs print to the same file has no limit."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._fresh = True  # the next letter begins a line
        self._full = False
        try:
            self._handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError:
            self._handle = -1  # every write fails, and nobody minds

    def say(self, text: str) -> None:
        """One line or several."""
        with self._lock:
            self._add(self._on_new_lines(text))

    def end(self, text: str) -> None:
        """How the run ended: there is room for that in a full log too."""
        with self._lock:
            self._write(self._on_new_lines(text), inf)

    def print(self, text: str) -> None:
        """What a program prints: parts of lines too."""
        with self._lock:
            if text:
                self._add(text)

    def stream(self) -> io.TextIOWrapper:
        """For programs to print to. Nothing waits in a buffer, as with `python -u`."""
        end = cast("BinaryIO", _Printed(self))
        return io.TextIOWrapper(end, encoding="utf-8", errors="backslashreplace", write_through=True)

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def _on_new_lines(self, text: str) -> str:
        return ("" if self._fresh else "\n") + text.rstrip("\n") + "\n"

    def _add(self, text: str) -> None:
        if not self._full and not self._write(text, LIMIT - RESERVED):
            self._full = True
            self._write(self._on_new_lines(FULL), LIMIT - RESERVED // 2)

    def _write(self, text: str, most: float) -> bool:
        """Whether the log stays within `most` bytes; only then the text is written."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ ")
        lines = list(io.StringIO(text, newline="\n"))
        begun = "".join(line if i == 0 and not self._fresh else stamp + line for i, line in enumerate(lines))
        data = begun.encode(errors="backslashreplace")
        with suppress(OSError):
            if os.fstat(self._handle).st_size + len(data) > most:
                return False
            os.write(self._handle, data)
            self._fresh = text.endswith("\n")
        return True


class _Printed(io.RawIOBase):
    """The lower end of a stream into a log; C code that asks for a file gets the process's standard output."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any, /) -> int:
        text = bytes(data)
        self._log.print(text.decode(errors="replace"))
        return len(text)
