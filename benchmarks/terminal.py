"""A terminal for benchmarks: the application in it, keys typed into it, and what stands on its screen.

It knows the few sequences that the application paints with: where to write, and in which colours.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SIZE = (24, 80)
PATIENCE = 20.0  # s
PIECES = re.compile(
    r"\x1b\[([?>=]?[\d;]*)\$?([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[^\[\]P]|[^\x1b]"
)
UNFINISHED = re.compile(r"\x1b(?:\[[?>=]?[\d;]*\$?|[\]PX^_][^\x07\x1b]*\x1b?)?$")


@dataclass
class Terminal:
    """Cells of the screen: characters, and the backgrounds that they stand on."""

    pid: int
    handle: int
    text: list[list[str]] = field(default_factory=lambda: [[" "] * SIZE[1] for _ in range(SIZE[0])])
    ground: list[list[str]] = field(default_factory=lambda: [[""] * SIZE[1] for _ in range(SIZE[0])])
    _place: tuple[int, int] = (0, 0)
    _colour: str = ""
    _rest: str = ""
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def press(self, key: str) -> None:
        os.write(self.handle, key.encode())

    def look(self, seconds: float) -> bool:
        """Take in what is painted next, waiting so long at most; whether there was anything."""
        if not select.select([self.handle], [], [], max(seconds, 0))[0]:
            return False
        self._paint(self._rest + self._decoder.decode(os.read(self.handle, 1 << 16)))
        return True

    def until(self, true: Callable[[], object], seconds: float = PATIENCE) -> None:
        ends = time.monotonic() + seconds
        while not true():
            if time.monotonic() > ends:
                raise TimeoutError("never came true on this screen:\n" + "\n".join(self.lines))
            self.look(0.1)

    @property
    def lines(self) -> list[str]:
        return ["".join(line) for line in self.text]

    def _paint(self, data: str) -> None:
        unfinished = UNFINISHED.search(data)
        self._rest = unfinished.group() if unfinished else ""
        for piece in PIECES.finditer(data.removesuffix(self._rest)):
            numbers, command = piece.groups()
            if command == "H":
                row, _, column = numbers.partition(";")
                self._place = int(row or 1) - 1, int(column or 1) - 1
            elif command == "m":
                self._colour = background(numbers, self._colour)
            elif command is None and not piece.group().startswith("\x1b"):
                self._write(piece.group())

    def _write(self, character: str) -> None:
        row, column = self._place
        if character == "\n":
            self._place = row + 1, column
        elif character == "\r":
            self._place = row, 0
        elif row < SIZE[0] and column < SIZE[1] and character.isprintable():
            self.text[row][column], self.ground[row][column] = character, self._colour
            self._place = row, column + 1


def background(codes: str, before: str) -> str:
    """The background that a change of colours leaves."""
    numbers = iter(codes.split(";"))
    for number in numbers:
        if number in ("38", "48"):
            kind = next(numbers)
            colour = ";".join(next(numbers) for _ in range(3 if kind == "2" else 1))
            before = colour if number == "48" else before
        elif number in ("", "0", "49"):
            before = ""
        elif len(number) == 2 and number[0] == "4":
            before = number
    return before


@contextmanager
def opened(*command: str) -> Iterator[Terminal]:
    """A Python command in a terminal of its own; it is killed in the end, if it hasn't left before."""
    pid, handle = pty.fork()
    if pid == 0:
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(SIZE[1]), "LINES": str(SIZE[0])}
        os.execve(sys.executable, [sys.executable, *command], environment)
    fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    try:
        yield Terminal(pid, handle)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(handle)
