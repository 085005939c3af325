"""Columns of text in as many places as there are: what is a number, what is cut short, how widths are shared."""

import re
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

GAP = 2  # spaces between columns
NARROW = 6  # columns: what is cut short keeps at least this much
NUMBER = re.compile(r"~?-?(\d[\d.]*(e[+-]?\d+)?|inf)%?( (s|min|h|d)\b[\w ]*)?")  # 0.01, ~2.5, 12%, 3 min 20 s left


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


def cut(text: str, width: int) -> str:
    """The text where it fits; otherwise its beginning and an ellipsis."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def is_number(text: str) -> bool:
    return text == "-" or NUMBER.fullmatch(text) is not None
