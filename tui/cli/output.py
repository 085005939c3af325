"""Printing for commands: tables and JSON on standard output, notes on standard error.

In a terminal tables are cut to its width and states have colours; elsewhere nothing is cut or coloured.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

import click
from rich.cells import cell_len

from tui.shared.formatting import COLOURS, clean, wrapped
from tui.shared.json_values import plain
from tui.shared.text_table import GAP, NARROW, cut, fit, is_number

if TYPE_CHECKING:
    from rich.console import Console

ENDLESS = 100_000  # columns: nothing is cut where there is no terminal


def terminal(stream: TextIO) -> bool:
    """Whether people read this in a terminal."""
    return stream.isatty()


def coloured(stream: TextIO) -> bool:
    return terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def width_of(stream: TextIO) -> int:
    return shutil.get_terminal_size().columns if terminal(stream) else ENDLESS


def console(*, error: bool = False) -> "Console":
    """For progress and charts: rich's console on standard output or error."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, for progress and colours alone

    return Console(file=sys.stderr if error else sys.stdout, highlight=False, markup=False, emoji=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, squeeze: Sequence[str] = ()) -> None:
    """Print rows of texts; columns named in `squeeze` are cut short where the terminal is too narrow."""
    heads, shown = [clean(name) for name in columns], [[clean(cell) for cell in row] for row in rows]
    cells = list(zip(*shown, strict=True)) or [()] * len(heads)
    widths = [max(map(cell_len, (head, *column))) for head, column in zip(heads, cells, strict=True)]
    right = [any(cell != "-" for cell in column) and all(map(is_number, column)) for column in cells]
    fit(widths, [name in squeeze for name in columns], width_of(sys.stdout))
    colours = coloured(sys.stdout)
    head = next(_lines([heads], widths, right, colours=False))
    sys.stdout.write((click.style(head, bold=True) if colours else head) + "\n")
    sys.stdout.writelines(f"{line}\n" for line in _lines(shown, widths, right, colours=colours))


def _lines(
    rows: Iterable[Sequence[str]], widths: Sequence[int], right: Sequence[bool], *, colours: bool
) -> Iterator[str]:
    for row in rows:
        cells = []
        for text, width, numeric in zip(row, widths, right, strict=True):
            room = " " * (width - cell_len(text))
            short = cut(text, width)
            short = _styled(short) if colours else short
            cells.append(room + short if numeric else short + room)
        yield (" " * GAP).join(cells).rstrip()


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair a line."""
    shown = list(rows)
    colours = coloured(sys.stdout)
    indent = max((len(name) for name, _ in shown), default=0) + GAP
    for name, text in shown:
        first, *others = _wrapped(clean(text), width_of(sys.stdout) - indent) or [""]
        label = f"{clean(name):{indent}}"
        sys.stdout.write(
            (click.style(label, dim=True) if colours else label) + (_styled(first) if colours else first) + "\n"
        )
        sys.stdout.writelines(f"{'':{indent}}{line}\n" for line in others)


class SafeTerminal:
    """A terminal to write CSV to, a row at a time: control characters of the cells are shown instead of sent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> int:
        end = "\n" if row.endswith("\n") else ""
        return self._stream.write(clean(row.rstrip("\r\n"), keep="\n") + end)


def rows_out() -> SafeTerminal | TextIO:
    """Where rows of CSV go: to files and pipes as they are."""
    return SafeTerminal(sys.stdout) if terminal(sys.stdout) else sys.stdout


def heading(text: str, *, first: bool = False) -> None:
    plain_text = clean(text)
    shown = click.style(plain_text, bold=True) if coloured(sys.stdout) else plain_text
    sys.stdout.write(("" if first else "\n") + shown + "\n")


def say(text: str) -> None:
    """Print sentences for people on standard output; wrapped in a terminal."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """Say something beside the data, on standard error; wrapped in a terminal."""
    _write(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    for line in clean(text, keep="\n").split("\n"):
        stream.writelines(f"{part}\n" for part in _wrapped(line, width_of(stream)) or [""])
    stream.flush()


def _wrapped(text: str, width: int) -> list[str]:
    if cell_len(text) <= width:
        return [text]
    return wrapped(text, max(width, NARROW))


def print_json(document: object) -> None:
    """Print one JSON document; infinite numbers are the strings "inf" and "-inf"."""
    sys.stdout.write(json.dumps(plain(document), indent=2, allow_nan=False) + "\n")


def _styled(text: str) -> str:
    """A state in its colour; other texts as they are."""
    symbol, _, word = text.partition(" ")
    colour = COLOURS.get(word) if len(symbol) == 1 else None
    if colour is None:
        return text
    return click.style(text, dim=True) if colour == "dim" else click.style(text, fg=colour)
