"""Drawings in characters, printed as large as the terminal is and as it can show them."""

import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from tui.cli.output import coloured, console, terminal

if TYPE_CHECKING:
    from rich.text import Text

    from tui.shared.charts.terminal import TerminalFormat

HEIGHT = 24  # rows, where there is no terminal to fill
WIDTH = 80


def terminal_format() -> "TerminalFormat":
    """What standard output can show."""
    from tui.shared.charts.terminal import TerminalFormat  # noqa: PLC0415 - rich's texts, for charts in a terminal alone

    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    size = shutil.get_terminal_size()
    fills = terminal(sys.stdout)
    width, height = (min(size.columns, 160), min(size.lines - 1, 40)) if fills else (WIDTH, HEIGHT)
    return TerminalFormat(width, height, coloured(sys.stdout), unicode)


def show_lines(lines: "Iterable[Text]") -> None:
    """Print them, in colour where there are colours."""
    for line in lines:
        if coloured(sys.stdout):
            console().print(line, no_wrap=True, crop=True)
        else:
            click.echo(line.plain)
