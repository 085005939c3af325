"""The table of a view: keys and mouse, cursor, marks. It asks for the rows it needs, and never waits for them."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from textual import events
from textual.binding import Binding
from textual.geometry import Offset
from textual.message import Message

from tui.app.jump_targets import Jump
from tui.app.widgets.table_lines import GUTTER, HEAD, TableLines
from tui.shared.columns import Row

TOP = 0  # no id: the first row, whichever it is


class CatalogueTable(TableLines, can_focus=True):
    """Rows under a cursor; those marked are what actions are about, or else the one under the cursor."""

    DEFAULT_CSS = """
    CatalogueTable {
        height: 1fr; background: $background; scrollbar-size: 0 1; scrollbar-gutter: stable;
        scrollbar-background: $background; scrollbar-color: $panel;
        & > .rows--head { background: $panel; color: $text-muted; text-style: bold; }
        & > .rows--column { background: $panel; color: $text; text-style: bold underline; }
        & > .rows--cursor { background: $block-cursor-blurred-background; color: $block-cursor-blurred-foreground; }
        &:focus > .rows--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
        }
        & > .rows--marked { text-style: bold; }
        & > .rows--empty { color: $text-muted; }
        & > .rows--running { color: $text-primary; }
        & > .rows--done { color: $text-success; }
        & > .rows--failed { color: $text-error; text-style: bold; }
        & > .rows--finding { color: $text-accent; }
        & > .rows--stale { color: $text-warning; }
        & > .rows--cancelled { text-style: dim; }
    }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("down,j", "move(1)", "Next row", show=False),
        Binding("up,k", "move(-1)", "Row before", show=False),
        Binding("pagedown,ctrl+f", "page(1.0)", "Next page", show=False),
        Binding("pageup,ctrl+b", "page(-1.0)", "Page before", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "end(False)", "First row", show=False),
        Binding("end,G", "end(True)", "Last row", show=False),
        Binding("right,l", "column(1)", "Next column", show=False),
        Binding("left,h", "column(-1)", "Column before", show=False),
        Binding("space", "mark", "Mark"),
        Binding("shift+down", "mark_on(1)", "Mark, then next row", show=False),
        Binding("shift+up", "mark_on(-1)", "Mark, then row before", show=False),
        Binding("v", "range", "Mark a range: from here, and again at its end", show=False),
        Binding("a", "mark_all", "Mark all rows, or none", show=False),
    ]
    HELP = (
        "The rows of this view. Actions apply to the marked rows or, if none are marked, to the row under the cursor."
    )

    @dataclass
    class Wanted(Message):
        """Rows came into the window that were not read yet."""

        ids: "array[int]"

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CatalogueTable.Wanted)

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or on none."""

        row_id: int | None

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CatalogueTable.Moved)

    class Marked(Message):
        """Other rows are marked."""

    class RowOpened(Message):
        """The row under the cursor was double-clicked."""

    @dataclass
    class HeadClicked(Message):
        """The heading of a column was clicked."""

        column: int

    def __init__(self) -> None:
        super().__init__()
        self._anchor: int | None = None
        self.partial = False  # only the beginning of the order was read
        self._to_end = False  # whoever asked for the last row gets there when it is known
        self.marking = False  # all rows are to be marked, once it is known which there are

    @property
    def row_id(self) -> int | None:
        """The id under the cursor."""
        return self.ids[self.at] if self.ids else None

    @property
    def chosen(self) -> list[int]:
        """The marked rows, in order of id, or the one under the cursor, or none."""
        here = [] if self.row_id is None else [self.row_id]
        return sorted(self.marked) or here

    def order(self, ids: "array[int]", rows: Iterable[Row] = (), keep: int | None = None) -> None:
        """Show these rows in this order; the cursor stays on its row, or goes to `keep`, an id or TOP."""
        wanted = keep if keep is not None else self.row_id
        above = self.at - self.scroll_offset.y
        followed = self.scroll_offset.y > 0 and keep is None
        self.ids = ids
        try:
            self.at = ids.index(wanted) if wanted else 0
        except ValueError:
            self.at = min(self.at, max(len(ids) - 1, 0))
        if self._to_end and not self.partial:
            self.at, self._to_end = max(len(ids) - 1, 0), False
        if self.marking and not self.partial:
            self.mark_only(set(ids))
        self.put(rows)
        if followed:
            self.scroll_to(y=max(self.at - above, 0), animate=False)
        self.show_cursor()
        self.request_rows()

    def request_rows(self) -> None:
        """Ask for rows in the window that were not read yet."""
        missing = array("q", (row_id for row_id in self.visible_ids() if self.row(row_id) is None))
        if missing:
            self.post_message(self.Wanted(missing))

    def show_cursor(self) -> None:
        """Scroll so that the cursor is in the window, and say where it is."""
        lines = max(self.lines, 1)
        top = self.scroll_offset.y
        if not top <= self.at < top + lines:
            self.scroll_to(y=self.at if self.at < top else self.at - lines + 1, animate=False)
        self.refresh()
        self.post_message(self.Moved(self.row_id))

    def move_to(self, place: int) -> None:
        self._to_end = False
        self.at = min(max(place, 0), max(len(self.ids) - 1, 0))
        self.show_cursor()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.request_rows()

    def on_resize(self) -> None:
        self._fit()
        self.show_cursor()
        self.request_rows()

    def action_move(self, rows: int) -> None:
        self.move_to(self.at + rows)

    def action_page(self, pages: float) -> None:
        lines = max(self.lines, 1)
        self.scroll_relative(y=round(pages * lines), animate=False)
        self.move_to(self.at + round(pages * lines))

    def action_end(self, last: bool) -> None:
        self.move_to(len(self.ids) if last else 0)
        self._to_end = last and self.partial

    def action_column(self, columns: int) -> None:
        self.column = min(max(self.column + columns, 0), max(len(self.columns) - 1, 0))
        left, right = self.left_of(self.column)
        x = self.scroll_offset.x
        if left < x or self.column == 0:
            self.scroll_to(x=0 if self.column == 0 else left, animate=False)
        elif right > x + self.room:
            self.scroll_to(x=right - self.room, animate=False)
        self.refresh()

    def action_mark(self) -> None:
        if self.row_id is not None:
            self.mark_only(self.marked ^ {self.row_id})
            self.move_to(self.at + 1)

    def action_mark_on(self, rows: int) -> None:
        if self.row_id is not None:
            self.mark_only(self.marked | {self.row_id})
            self.move_to(self.at + rows)

    def action_range(self) -> None:
        if self._anchor is None or self._anchor not in self.ids:
            self._anchor = self.row_id
            self.notify("A range starts here; move, then press v again where it ends.")
            return
        self._mark_between(self.ids.index(self._anchor), self.at)
        self._anchor = None

    def action_mark_all(self) -> None:
        """All that there are, also those that are still being read; where all are marked, none."""
        all_marked = not self.partial and len(self.marked) == len(self.ids)
        self.mark_only(set() if all_marked else set(self.ids))
        self.marking = self.partial

    def mark_only(self, ids: set[int]) -> None:
        """Mark these and no others."""
        self.marked, self.marking = ids, False
        self.refresh()
        self.post_message(self.Marked())

    def _mark_between(self, one: int, other: int) -> None:
        first, last = sorted((one, other))
        self.mark_only(self.marked | set(self.ids[first : last + 1]))

    def jumps(self) -> Iterator[Jump]:
        """To the columns that can be seen, and to the rows."""
        x, y = self.region.offset
        for column in range(len(self.columns)):
            left = self.left_of(column)[0] - self.scroll_offset.x
            if GUTTER <= left < self.room:
                yield Jump(Offset(x + left, y), partial(self._go, self.at, column))
        top = self.scroll_offset.y
        for line in range(len(self.visible_ids())):
            yield Jump(Offset(x, y + HEAD + line), partial(self._go, top + line, self.column))

    def _go(self, row: int, column: int) -> None:
        self.focus()
        self.column = column
        self.move_to(row)

    def on_click(self, event: events.Click) -> None:
        if event.y < HEAD:
            column = self.column_at(event.x)
            if column is not None:
                self.post_message(self.HeadClicked(column))
            return
        place = self.scroll_offset.y + event.y - HEAD
        if place >= len(self.ids):
            return
        if event.shift:
            self._mark_between(self.at, place)
        self.column = self.column_at(event.x) or 0
        self.move_to(place)
        if event.x < GUTTER - self.scroll_offset.x:
            self.mark_only(self.marked ^ {self.ids[place]})
        elif event.chain == 2:
            self.post_message(self.RowOpened())
