"""A table of rows from the catalogue: cells are plain texts, h j k l move, space marks."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

MARK = "●"


def put(
    table: "DataTable[Text]", titles: Sequence[str], rows: Sequence[Sequence[Text]], keys: Sequence[str] | None = None
) -> None:
    """Fill a table anew; its columns are as wide as what is in them."""
    table.clear(columns=True)
    for column, title in enumerate(titles):
        # Said here, since textual may draw rows before it has measured them.
        table.add_column(Text(title), width=max([cell_len(title), 1, *(row[column].cell_len for row in rows)]))
    for place, row in enumerate(rows):
        table.add_row(*row, key=keys[place] if keys else None)


class CellTable(DataTable[Text]):
    """Cells to go to by h j k l as well; a column that is gone to is seen whole."""

    HELP = "The arrow keys move from cell to cell."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("h", "cursor_left", "Left", show=False),
        Binding("l", "cursor_right", "Right", show=False),
        Binding("g", "scroll_top", "First", show=False),
        Binding("G", "scroll_bottom", "Last", show=False),
    ]


class RowTable(CellTable):
    """Rows known by the numbers of what they show; those in `marked` have a sign in their first cell."""

    HELP = "Up and down choose a row, space marks it, enter opens it."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Open")]

    def __init__(self) -> None:
        super().__init__(cursor_type="row")
        self.marked: set[int] = set()

    def show(self, titles: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Other rows; the cursor stays where it is, if it can."""
        here, places = self.row_id, [row_id for row_id, _ in rows]
        marked = [[self._mark(row_id), *map(Text, cells)] for row_id, cells in rows]
        put(self, ["", *titles], marked, keys=[str(row_id) for row_id in places])
        if here in places:
            self.move_cursor(row=places.index(here))

    @property
    def row_id(self) -> int | None:
        """The row at the cursor."""
        if not self.row_count:
            return None
        key, _ = self.coordinate_to_cell_key(self.cursor_coordinate)
        return int(key.value or 0)

    def _mark(self, row_id: int) -> Text:
        return Text(MARK if row_id in self.marked else " ")
