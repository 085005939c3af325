"""A window of a log, wrapped to the width there is; what it holds is shown and never obeyed."""

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollTo
from textual.strip import Strip

from tui.shared.formatting import clean
from tui.shared.log_reader import Window, harmless_line

NARROWEST = 2  # cells: the widest letter


class LogView(ScrollView, can_focus=True):
    """Shows `window`; marks what is `wanted`; says when somebody wants to see beyond an edge."""

    HELP = "Up and down scroll, g and G go to the ends, / searches, n and N go to the next and the previous match."
    DEFAULT_CSS = "LogView { height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f,space", "page(1)", "Page down", show=False),
    ]

    wanted: reactive[str] = reactive("")

    @dataclass
    class Passed(Message):
        """Somebody scrolled beyond the first line (-1) or the last (1)."""

        direction: int

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Passed)

    @dataclass
    class Scrolled(Message):
        """Somebody scrolled."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Scrolled)

    def __init__(self) -> None:
        super().__init__()
        self.window = Window(0, 0, 0, (), ())
        self.rows: list[str] = []
        self.firsts: list[int] = []  # of each line, its first row
        self.width = 0

    @property
    def at_end(self) -> bool:
        return self.scroll_offset.y >= self.max_scroll_y

    def show(self, window: Window, *, offset: int | None = None) -> None:
        """Show another window, with the line at `offset` of the file in the middle; None: the end."""
        self.window = window
        self._wrap()
        if offset is None:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        else:
            self.scroll_to(y=max(0, self.row_at(offset) - self.size.height // 2), animate=False, immediate=True)

    def row_at(self, offset: int) -> int:
        """The row in which a byte of the file stands."""
        if not self.window.lines:
            return 0
        line = self.window.line_containing(offset)
        before = harmless_line(self.window.lines[line][: max(offset - self.window.begins[line], 0)])
        return self.firsts[line] + max(len(_rows(before, self.width)) - 1, 0)

    def top(self) -> int:
        """Where in the file the line begins that stands highest."""
        row = self.scroll_offset.y
        line = max((i for i, first in enumerate(self.firsts) if first <= row), default=0)
        return self.window.begins[line] if self.window.begins else 0

    def _wrap(self) -> None:
        self.width = max(self.scrollable_content_region.width, NARROWEST)
        self.rows, self.firsts = [], []
        for line in self.window.lines:
            self.firsts.append(len(self.rows))
            self.rows += _rows(harmless_line(line), self.width)
        self.virtual_size = Size(self.width, len(self.rows))
        self.refresh()

    def on_resize(self) -> None:
        at_end, top = self.at_end, self.top()
        self._wrap()
        if at_end:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        else:  # at once, both: later it might undo where a search has gone meanwhile
            self.scroll_to(y=self.row_at(top), animate=False, immediate=True)

    @on(events.MouseScrollUp)
    @on(events.MouseScrollDown)
    @on(ScrollTo)
    def report_scroll(self) -> None:
        """Somebody scrolled; programs that scroll don't tell."""
        self.call_after_refresh(self.post_message, self.Scrolled())

    def watch_wanted(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        if row >= len(self.rows):
            return Strip.blank(self.size.width, self.rich_style)
        return Strip(list(self._marked(self.rows[row]))).adjust_cell_length(self.size.width, self.rich_style)

    def _marked(self, row: str) -> "list[Segment]":
        """The row in segments, what is wanted reversed."""
        plain, mark = self.rich_style, self.rich_style + Style(reverse=True, bold=True)
        wanted, folded = clean(self.wanted).lower(), row.lower()
        found, place = [], 0
        while wanted and len(folded) == len(row) and (next_ := folded.find(wanted, place)) >= 0:
            found += [Segment(row[place:next_], plain), Segment(row[next_ : next_ + len(wanted)], mark)]
            place = next_ + len(wanted)
        return [*found, Segment(row[place:], plain)]

    def action_move(self, rows: int) -> None:
        before = self.scroll_offset.y
        self.scroll_to(y=before + rows, animate=False, immediate=True)
        if self.scroll_offset.y == before:
            self.post_message(self.Passed(rows // abs(rows)))
        self.report_scroll()

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(self.size.height - 1, 1))


def _rows(line: str, width: int) -> list[str]:
    if line.isascii():
        return [line[i : i + width] for i in range(0, len(line), width)] or [""]
    return chop_cells(line, width) or [""]
