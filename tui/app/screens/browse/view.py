"""What the table shows: kind, filter, order, columns; its undo list; and the way back from a link."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from tui.app.session import Session
from tui.app.session import View as Left
from tui.shared.columns import ListColumn, all_columns, on_screen
from tui.shared.reversible import Reversible

MOST_UNDONE = 100
NEWEST_FIRST = "-id"


@dataclass(frozen=True)
class Query:
    """A kind's rows, filtered and sorted."""

    kind: str
    where: str
    sort: str


@dataclass
class TableView:
    """One kind of rows at a time, each as it was left in `session`."""

    session: Session
    came_from: list[tuple[str, int]] = field(default_factory=list)
    undoable: list[Reversible] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.session.kind

    @property
    def view(self) -> Left:
        """The state in which this kind's table was left."""
        return self.session.view_of(self.kind)

    @property
    def is_default(self) -> bool:
        """Whether it shows all rows, the newest first."""
        return not self.view.where and self.view.sort == NEWEST_FIRST

    def query(self, where: str | None = None) -> Query:
        """What to read; with `where` instead of the filter, while one is being typed."""
        return Query(self.kind, self.view.where if where is None else where, self.view.sort)

    def columns(self, encoding: str | None) -> list[ListColumn]:
        """The columns chosen; ours where none are, or none of them is there any more."""
        names = self.view.columns
        known = at_first = on_screen(self.kind, encoding)
        if not set(names) <= {one.name for one in known}:
            known = all_columns(self.kind, encoding)
        by_name = {one.name: one for one in known}
        return [by_name[name] for name in names if name in by_name] or list(at_first)

    # --- changes -------------------------------------------------------------------------------------------------

    def filter_by(self, where: str) -> None:
        """Keep only rows for which this holds, as in `--where`."""
        self.view.filter_by(where)
        self.session.remember_filter(where)

    def sort_by(self, sort: str) -> None:
        """Order the rows by this, as in `--sort`."""
        self.view.sort, self.view.seen = sort, []

    def next_sort(self, column: str) -> str:
        """A column's next order: ascending, descending, by default."""
        following = {column: f"-{column}", f"-{column}": "id" if column == "id" else NEWEST_FIRST}
        return following.get(self.view.sort, column)

    def reset(self) -> bool:
        """Go back to all rows, the newest first; False where that is what it shows."""
        if self.is_default:
            return False
        self.view.filter_by("")
        self.view.sort = NEWEST_FIRST
        return True

    def choose_columns(self, names: Sequence[str]) -> None:
        """Show these columns, in this order; can be taken back."""
        left, before = self.view, list(self.view.columns)
        left.columns = list(names)
        self.remember(Reversible("columns changed", lambda: setattr(left, "columns", before)))

    def remember(self, done: Reversible) -> None:
        """Keep what can be taken back, up to MOST_UNDONE changes."""
        self.undoable = [*self.undoable, done][-MOST_UNDONE:]

    # --- going elsewhere -----------------------------------------------------------------------------------------

    def reveal(self, kind: str) -> str:
        """Put a kind's filter aside, so that no row is hidden; what it was."""
        left = self.session.view_of(kind)
        hidden = left.where
        self.session.remember_filter(hidden)
        left.filter_by("")
        return hidden

    def note(self, cursor: int | None, seen: "array[int]") -> None:
        """Note where the cursor is, and which rows are in the window."""
        self.view.cursor, self.view.seen = cursor, list(seen)
