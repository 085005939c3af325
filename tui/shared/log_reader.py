"""Logs of any size: read from the end or around a place, searched block by block, in bounded memory."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from tui.shared.formatting import clean

TAB = 8
BLOCK = 1 << 17  # bytes that are shown at once
CHUNK = 1 << 20  # bytes that are searched at once


@dataclass(frozen=True)
class Window:
    """The lines (bytes, without their ends) from `start` to `end` of a file of `size`, and where each begins."""

    start: int
    end: int
    size: int
    lines: tuple[bytes, ...]
    begins: tuple[int, ...]

    def line_containing(self, offset: int) -> int:
        """The line that holds a byte of the file."""
        return max((i for i, begin in enumerate(self.begins) if begin <= offset), default=0)


def tail(file: Path) -> Window:
    """The end of a file. Raises OSError."""
    return around(file, file.stat().st_size)


def last_lines(file: Path | None, most: int) -> list[str]:
    """The last lines of a log, harmless; none where there is no log or it can't be read."""
    try:
        return [] if file is None else [harmless_line(line) for line in tail(file).lines[-most:]]
    except OSError:
        return []


def harmless_line(line: bytes) -> str:
    """A line of a log as it can be put on a screen."""
    return clean(line.decode(errors="replace").expandtabs(TAB))


def around(file: Path, offset: int) -> Window:
    """A window with `offset` in its middle, or nearer to the file's ends. Raises OSError."""
    with file.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        start = max(0, min(offset - BLOCK // 2, size - BLOCK))
        opened.seek(start)
        content = opened.read(BLOCK)
    if start > 0:
        first, newline, rest = content.partition(b"\n")
        if newline and start + len(first) < offset:  # what is left of a line begins no line
            start, content = start + len(first) + 1, rest
    end = start + len(content)
    if end < size and b"\n" in content[max(offset - start, 0) :]:
        content = content[: content.rindex(b"\n") + 1]
        end = start + len(content)
    parts = content.split(b"\n")
    if content.endswith(b"\n") or not content:
        parts.pop()
    begins = tuple(accumulate((len(part) + 1 for part in parts[:-1]), initial=start)) if parts else ()
    return Window(start, end, size, tuple(part.removesuffix(b"\r") for part in parts), begins)


def start_of_last(file: Path, count: int) -> int:
    """Where the last `count` lines of a file begin. Raises OSError."""
    with file.open("rb") as opened:
        place = opened.seek(0, os.SEEK_END)
        wanted = count + 1  # the newline before them
        if place and count and not _ends_line(opened.fileno(), place):
            wanted -= 1
        end = place
        if count == 0:
            return end
        while place > 0:
            start = max(0, place - CHUNK)
            block = os.pread(opened.fileno(), place - start, start)
            found = block.count(b"\n")
            if found >= wanted:
                at = len(block)
                for _ in range(wanted):
                    at = block.rindex(b"\n", 0, at)
                return start + at + 1
            wanted -= found
            place = start
    return 0


def _ends_line(handle: int, size: int) -> bool:
    return os.pread(handle, 1, size - 1) == b"\n"


def found_before(file: Path, text: str, offset: int, given_up: Callable[[], bool] = lambda: False) -> int | None:
    """The last match of a text before `offset`, ignoring case; None if there is none. Raises OSError."""
    wanted = _folded(text.encode())
    with file.open("rb") as opened:
        end = min(offset, os.fstat(opened.fileno()).st_size)
        while end > 0 and wanted and not given_up():
            start = max(0, end - CHUNK)
            block = _folded(os.pread(opened.fileno(), end - start + len(wanted) - 1, start))
            place = block.rfind(wanted, 0, min(end, offset) - start + len(wanted) - 1)
            if place >= 0 and start + place < offset:
                return start + place
            end = start
    return None


def found_after(file: Path, text: str, offset: int, given_up: Callable[[], bool] = lambda: False) -> int | None:
    """The first match of a text after `offset`, ignoring case; None if there is none. Raises OSError."""
    wanted = _folded(text.encode())
    with file.open("rb") as opened:
        size, start = os.fstat(opened.fileno()).st_size, offset + 1
        while start < size and wanted and not given_up():
            place = _folded(os.pread(opened.fileno(), CHUNK + len(wanted) - 1, start)).find(wanted)
            if place >= 0:
                return start + place
            start += CHUNK
    return None


def _folded(text: bytes) -> bytes:
    return text.lower()
