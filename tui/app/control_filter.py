"""The last guard before the terminal: control characters are left out, whichever widget let them through."""

from collections.abc import Iterable

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui.shared.formatting import stripped


class ControlFilter(LineFilter):
    """Applied to every line of every widget; what stays takes as many cells as before."""

    def apply(self, segments: Iterable[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            one if one.text.isprintable() else Segment(stripped(one.text), one.style, one.control) for one in segments
        ]
