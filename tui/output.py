"""What commands print: tables and JSON on standard output, notes on standard error."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from tui.texts import COLOURS, clean

if TYPE_CHECKING:
    from rich.console import Console

ENDLESS = 100_000  # columns: nothing is cut where no terminal asks for it
MIN_WIDTH = 6  # of a column that is cut short


def console(*, error: bool = False) -> "Console":
    """A console on standard output or error; full width and without colours where that is no terminal."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    made = Console(file=stream, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = ENDLESS
    return made


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, squeeze: Sequence[str] = ()) -> None:
    """Print rows of texts; columns named in `squeeze` are cut short where the terminal is too narrow."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    shown = list(rows)
    if not out.is_terminal:
        sys.stdout.writelines(f"{line}\n" for line in aligned(columns, shown))
        return
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate(columns):
        numeric = bool(shown) and all(_is_number(row[place]) for row in shown)
        cut = name in squeeze  # rich narrows columns that may wrap; a text that may not is then cut short
        justify: Literal["right", "left"] = "right" if numeric else "left"
        grid.add_column(Text(clean(name)), justify=justify, no_wrap=not cut, min_width=MIN_WIDTH if cut else None)
    for row in shown:
        grid.add_row(*(Text(text, style=_style(text), no_wrap=True, overflow="ellipsis") for text in row))
    out.print(grid)


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table for pipes: nothing cut, nothing coloured, two spaces between columns."""
    from rich.cells import cell_len

    whole = [[clean(name) for name in columns], *rows]
    widths = [max(map(cell_len, column)) for column in zip(*whole, strict=True)]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    for row in whole:
        cells = []
        for text, width, numeric in zip(row, widths, right, strict=True):
            room = " " * (width - cell_len(text))
            cells.append(room + text if numeric else text + room)
        yield "  ".join(cells).rstrip()


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair a line."""
    from rich.table import Table
    from rich.text import Text

    out, shown = console(), list(rows)
    if not out.is_terminal:
        width = max((len(clean(name)) for name, _ in shown), default=0)
        sys.stdout.writelines(f"{clean(name):{width}}  {text}\n" for name, text in shown)
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, text in shown:
        grid.add_row(Text(clean(name)), Text(text, style=_style(text)))
    out.print(grid)


def heading(text: str, *, first: bool = False) -> None:
    from rich.text import Text

    console().print(Text(("" if first else "\n") + clean(text), style="bold"))


def say(text: str) -> None:
    """Print a sentence for people on standard output, wrapped in a terminal."""
    from rich.text import Text

    console().print(Text(text))


def note(text: str) -> None:
    """Say something beside the data, on standard error; wrapped in a terminal."""
    if sys.stderr.isatty():
        from rich.text import Text

        console(error=True).print(Text(clean(text, keep="\n")))
    else:
        print(clean(text, keep="\n"), file=sys.stderr, flush=True)  # noqa: T201


def print_json(document: object) -> None:
    """Print one JSON document; what is no finite number is null."""
    json.dump(plain(document), sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def plain(given: Any) -> Any:
    """The same in JSON's types."""
    match given:
        case float():
            return given if math.isfinite(given) else None
        case dict():
            return {str(key): plain(one) for key, one in given.items()}
        case list() | tuple():
            return [plain(one) for one in given]
        case datetime():
            return given.isoformat().replace("+00:00", "Z")
        case None | bool() | int() | str():
            return given
        case _:
            return str(given)


@cache
def _style(text: str) -> str:
    symbol, _, word = text.partition(" ")
    return COLOURS.get(word, "") if len(symbol) == 1 else ""


def _is_number(text: str) -> bool:
    return text in ("-", "inf", "-inf") or text.lstrip("-")[:1].isdigit()
