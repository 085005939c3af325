"""Lines of a table that is read as it is shown: only rows that were seen are in memory."""

from array import array
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.shared.columns import ListColumn, Row
from tui.shared.text_table import GAP, NARROW, cut, fit, is_number

HEAD = 1  # lines above the rows
GUTTER = 3  # columns: mark, star, space
KEPT = 1000  # rows in memory; more than any terminal shows
SHORT = 14  # columns: no squeezed column is narrower while another can give
UNREAD = UNSEEN = "…"
STATE = "state"


class TableLines(ScrollView):
    """Draws a heading and rows, each row by its id; what the rows are, and which is chosen, comes from outside."""

    COMPONENT_CLASSES = {  # noqa: RUF012
        "rows--head",
        "rows--column",
        "rows--cursor",
        "rows--marked",
        "rows--empty",
        "rows--running",
        "rows--done",
        "rows--failed",
        "rows--finding",
        "rows--stale",
        "rows--cancelled",
    }

    def __init__(self) -> None:
        super().__init__(id="rows")
        self.ids: array[int] = array("q")
        self.columns: tuple[ListColumn, ...] = ()
        self.sort = ""
        self.empty = ""
        self.marked: set[int] = set()
        self.at = 0  # place of the cursor
        self.column = 0
        self._rows: dict[int, Row] = {}
        self._cells: dict[int, tuple[str, ...]] = {}
        self._natural: list[int] = []
        self._right: list[bool] = []
        self._widths: list[int] = []

    def show_columns(self, columns: Sequence[ListColumn]) -> None:
        """Show these columns from now on."""
        self.columns = tuple(columns)
        self.column = min(self.column, len(self.columns) - 1)
        self._cells.clear()
        titles = [cell_len(self._title(one)) for one in self.columns]
        self._natural = [
            min(NARROW, width) if one.squeeze else width for one, width in zip(self.columns, titles, strict=True)
        ]
        self._right = [True] * len(self.columns)
        self._measure(self._rows)

    def put(self, rows: Iterable[Row]) -> None:
        """Take in rows as they are now."""
        new = {int(row["id"]): row for row in rows}
        self._rows |= new
        for row_id in new:
            self._cells.pop(row_id, None)
        if len(self._rows) > KEPT:
            kept = {*self.visible_ids(), *new}
            self._rows = {row_id: row for row_id, row in self._rows.items() if row_id in kept}
            self._cells.clear()
        self._measure(new)

    def forget(self) -> None:
        """All rows are to be read again."""
        self._rows.clear()
        self._cells.clear()

    def row(self, row_id: int) -> Row | None:
        return self._rows.get(row_id)

    def renew(self) -> None:
        """Say again how long ago everything was."""
        self._cells.clear()
        self.refresh()

    def visible_ids(self) -> "array[int]":
        """Ids of the rows in the window."""
        top = self.scroll_offset.y
        return self.ids[top : top + self.lines]

    @property
    def lines(self) -> int:
        """How many rows the window holds."""
        return max(self.scrollable_content_region.height - HEAD, 0)

    @property
    def room(self) -> int:
        """How many columns the window holds."""
        return self.scrollable_content_region.width

    def _measure(self, rows: Iterable[int]) -> None:
        for row_id in rows:
            for place, text in enumerate(self._texts(row_id)):
                self._natural[place] = max(self._natural[place], cell_len(text))
                self._right[place] = self._right[place] and is_number(text)
        self._fit()

    def _fit(self) -> None:
        """Share the width out; what doesn't fit can be scrolled to."""
        widths = self._widths = list(self._natural)
        gaps = GUTTER + GAP * max(len(widths) - 1, 0)
        ordinary = [place for place, one in enumerate(self.columns) if not one.spare]
        for place in reversed(ordinary):  # what stands last is missed least
            excess = sum(widths[one] + GAP for one in ordinary) - GAP + GUTTER - self.room
            if self.columns[place].squeeze and excess > 0:
                widths[place] = max(widths[place] - excess, min(widths[place], SHORT))
        fitted = [widths[place] for place in ordinary]
        fit(fitted, [self.columns[place].squeeze for place in ordinary], self.room - GUTTER)
        for place, width in zip(ordinary, fitted, strict=True):
            widths[place] = width
        width = gaps + sum(widths)
        self.virtual_size = Size(max(width, 1), len(self.ids) + HEAD)
        self.refresh()

    def _texts(self, row_id: int) -> tuple[str, ...]:
        cells = self._cells.get(row_id)
        if cells is None:
            row = self._rows[row_id]
            cells = self._cells[row_id] = tuple(one.cell(row) for one in self.columns)
        return cells

    def _title(self, column: ListColumn) -> str:
        if self.sort.removeprefix("-") != column.made_of[0]:
            return column.title
        return f"{column.title} {'▼' if self.sort.startswith('-') else '▲'}"

    def render_line(self, y: int) -> Strip:
        top = self.scroll_offset.y
        if y < HEAD:
            strip, style = self._head(), self._style("head")
        elif not self.ids:
            text = f"  {self.empty}" if y == HEAD + 1 else ""
            strip, style = Strip([Segment(cut(text, self.room), self._style("empty"))]), Style.null()
        else:
            strip, style = self._line(top + y - HEAD)
        left = self.scroll_offset.x if self.ids else 0
        width = self.room
        return strip.crop(left, left + width).extend_cell_length(width, style).apply_style(self.rich_style + style)

    def _head(self) -> Strip:
        base, here = self._style("head"), self._style("column")
        segments = [Segment(" " * GUTTER, base)]
        for place, column in enumerate(self.columns):
            text = self._aligned(self._title(column), place)
            segments += [Segment(text, here if place == self.column else base), Segment(" " * GAP, base)]
        return Strip(segments)

    def _line(self, place: int) -> tuple[Strip, Style]:
        if place >= len(self.ids):
            return Strip([]), Style.null()
        row_id = self.ids[place]
        base = self._style("cursor") if place == self.at else Style.null()
        row = self._rows.get(row_id)
        if row is None:
            return Strip([Segment(" " * GUTTER + f"{row_id} {UNREAD}", base)]), base
        marked = row_id in self.marked
        gutter = f"{'●' if marked else ' '}{'★' if row['starred'] else ' '} "
        base = base + self._style("marked") if marked else base
        segments = [Segment(gutter, base)]
        for number, (column, text) in enumerate(zip(self.columns, self._texts(row_id), strict=True)):
            coloured = column.name == STATE and place != self.at and row.get(STATE)
            name = "finding" if row.get("outcome") == "finding" else str(row.get(STATE))
            style = base + self._style(name) if coloured else base
            segments += [Segment(self._aligned(text, number), style), Segment(" " * GAP, base)]
        return Strip(segments), base

    def _aligned(self, text: str, place: int) -> str:
        width = self._widths[place]
        seen = self.scroll_offset.x + self.room - self.left_of(place)[0]
        if 0 < seen < width:  # the window ends here: a number is shown whole or not at all
            short = cut(text, seen) if not self._right[place] or cell_len(text) <= seen else UNSEEN
            return short + " " * (width - cell_len(short))
        short = cut(text, width)
        room = " " * (width - cell_len(short))
        return room + short if self._right[place] else short + room

    def _style(self, name: str) -> Style:
        name = f"rows--{name}"
        return self.get_component_rich_style(name, partial=True) if name in self.COMPONENT_CLASSES else Style.null()

    def column_at(self, x: int) -> int | None:
        """The column drawn at `x` of the window."""
        left = GUTTER - self.scroll_offset.x
        for place, width in enumerate(self._widths):
            if left <= x < left + width + GAP:
                return place
            left += width + GAP
        return None

    def left_of(self, place: int) -> tuple[int, int]:
        """Where a column begins and ends, in columns of the whole line."""
        left = GUTTER + sum(self._widths[:place]) + GAP * place
        return left, left + self._widths[place]
