"""What commands print: tables and JSON on standard output, notes on standard error.

In a terminal tables are cut to its width and states have colours; elsewhere nothing is cut or coloured.
"""

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import click
from rich.cells import cell_len, set_cell_size

from tui.shared.formatting import COLOURS, clean, wrapped

if TYPE_CHECKING:
    from rich.console import Console

GAP = 2  # spaces between columns
NARROW = 6  # columns: what is cut short keeps at least this much
NUMBER = re.compile(r"~?-?(\d[\d.]*(e[+-]?\d+)?|inf)%?( (s|min|h|d)\b[\w ]*)?")  # 0.01, ~2.5, 12%, 3 min 20 s left
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
    from rich.console import Console

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


def fit(widths: list[int], squeezed: Sequence[bool], room: int) -> None:
    """Make squeezed columns narrower, the widest first, until the table fits, if it can."""
    excess = sum(widths) + GAP * (len(widths) - 1) - room
    while excess > 0:
        widest = max(
            (i for i, cut in enumerate(squeezed) if cut and widths[i] > NARROW), key=widths.__getitem__, default=None
        )
        if widest is None:
            return
        widths[widest] -= 1
        excess -= 1


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


def cut(text: str, width: int) -> str:
    """The text where it fits; otherwise its beginning and an ellipsis."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


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


class Harmless:
    """A terminal to write CSV to, a row at a time: control characters of the cells are shown instead of sent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> int:
        end = "\n" if row.endswith("\n") else ""
        return self._stream.write(clean(row.rstrip("\r\n"), keep="\n") + end)


def rows_out() -> Harmless | TextIO:
    """Where rows of CSV go: to files and pipes as they are."""
    return Harmless(sys.stdout) if terminal(sys.stdout) else sys.stdout


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


def plain(given: Any) -> Any:
    """The same in JSON's types."""
    match given:
        case None | bool() | int() | str():
            return given
        case float():
            return given if math.isfinite(given) else None if math.isnan(given) else str(given)
        case dict():
            return {str(key): plain(one) for key, one in given.items()}
        case list() | tuple():
            return [plain(one) for one in given]
        case datetime():
            return given.isoformat().replace("+00:00", "Z")
        case _:
            return str(given)


def _styled(text: str) -> str:
    """A state in its colour; other texts as they are."""
    symbol, _, word = text.partition(" ")
    colour = COLOURS.get(word) if len(symbol) == 1 else None
    if colour is None:
        return text
    return click.style(text, dim=True) if colour == "dim" else click.style(text, fg=colour)


def is_number(text: str) -> bool:
    return text == "-" or NUMBER.fullmatch(text) is not None
