"""A table of rows from the catalogue: cells are plain texts, h j k l move, space marks."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

MARK = "●"


class RowTable(DataTable[Text]):
    """Rows known by the numbers of what they show; a marked one has a sign in its first cell."""

    HELP = "Up and down choose a row, space marks it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("h", "scroll_left", "Left", show=False),
        Binding("l", "scroll_right", "Right", show=False),
        Binding("g", "scroll_top", "First", show=False),
        Binding("G", "scroll_bottom", "Last", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(cursor_type="row")
        self.marked: set[int] = set()

    def show(self, titles: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Other rows; the cursor stays where it is, if it can, and so do the marks."""
        here = self.row_id
        self.clear(columns=True)
        self.add_columns("", *(Text(title) for title in titles))
        for row_id, cells in rows:
            self.add_row(self._mark(row_id), *map(Text, cells), key=str(row_id))
        self.marked &= {row_id for row_id, _ in rows}
        places = [row_id for row_id, _ in rows]
        if here in places:
            self.move_cursor(row=places.index(here))

    @property
    def row_id(self) -> int | None:
        """The row at the cursor."""
        if not self.row_count:
            return None
        key, _ = self.coordinate_to_cell_key(self.cursor_coordinate)
        return int(key.value or 0)

    @property
    def chosen(self) -> list[int]:
        """The marked rows; without any the one at the cursor."""
        return sorted(self.marked) or ([] if self.row_id is None else [self.row_id])

    def mark(self) -> None:
        """Mark the row at the cursor, or take its mark away; go on to the next."""
        if self.row_id is not None:
            self.marked ^= {self.row_id}
            self.update_cell_at((self.cursor_row, 0), self._mark(self.row_id))  # type: ignore[arg-type]
            self.action_cursor_down()

    def _mark(self, row_id: int) -> Text:
        return Text(MARK if row_id in self.marked else " ")
