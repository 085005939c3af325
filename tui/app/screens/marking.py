"""What people leave on rows: stars, tags, notes; and taking it back."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import work

from core.errors import ThalwegError
from store.errors import StoreError
from tui.app.screens.arranging import ArrangingScreen
from tui.app.session import Session
from tui.shared.location import Location

if TYPE_CHECKING:
    from store import Catalogue
    from tui.shared.marks import Done

MOST_UNDONE = 100


class MarkingScreen(ArrangingScreen):
    """Adds stars, tags, notes, choice of columns, and undo for all of them."""

    def __init__(self, place: Location, session: Session, where: str | None = None) -> None:
        super().__init__(place, session, where)
        self.undoable: list[Done] = []

    def action_star(self) -> None:
        from tui.shared.marks import starred

        kind, ids = self.kind, self.table.chosen
        self._do(lambda catalogue: starred(catalogue, kind, ids))

    def action_tag(self) -> None:
        from tui.app.screens.asking import AskText
        from tui.shared.marks import named

        title = f"Tags for {named(self.kind, self.table.chosen)}"
        self.app.push_screen(AskText(title, "words between spaces; -word takes one away"), self.tag)

    def tag(self, text: str | None) -> None:
        """Give the chosen rows tags."""
        from tui.shared.marks import tagged

        kind, ids = self.kind, self.table.chosen
        if text is not None:
            self._do(lambda catalogue: tagged(catalogue, kind, ids, text))

    def action_note(self) -> None:
        from tui.app.screens.asking import AskText
        from tui.shared.marks import named

        self.app.push_screen(AskText(f"A note on {named(self.kind, self.table.chosen)}"), self.note)

    def note(self, text: str | None) -> None:
        """Write a note on the chosen rows."""
        from tui.shared.marks import noted

        kind, ids = self.kind, self.table.chosen
        if text is not None:
            self._do(lambda catalogue: noted(catalogue, kind, ids, text))

    @work(thread=True, group="marking")
    def _do(self, deed: "Callable[[Catalogue], Done]") -> None:
        """Do it, say so, and remember how to undo it."""
        assert self.reader is not None
        try:
            done = deed(self.reader.client.catalogue)
        except (StoreError, ThalwegError) as error:
            self.app.call_from_thread(self.tell, str(error), wrong=True)
        else:
            self.app.call_from_thread(self.remember, done)

    def remember(self, done: "Done") -> None:
        """Say what was done; `u` takes it back."""
        self.undoable = [*self.undoable, done][-MOST_UNDONE:]
        self.tell(f"{done.words}; u takes it back")
        self.refresh_bindings()

    @work(thread=True, group="marking")
    def _undo(self, done: "Done") -> None:
        try:
            done.undo()
        except (StoreError, ThalwegError) as error:
            self.app.call_from_thread(self.tell, str(error), wrong=True)
        else:
            self.app.call_from_thread(self.tell, f"taken back: {done.words}")

    def action_undo(self) -> None:
        self._undo(self.undoable.pop())
        self.refresh_bindings()

    # --- columns -------------------------------------------------------------------------------------------------

    def change_columns(self, names: list[str] | None) -> None:
        """Show other columns; None leaves them."""
        from tui.shared.marks import Done

        kind, before = self.kind, list(self.session.view(self.kind).columns)
        if names is None or names == [one.name for one in self.table.columns]:
            return
        self.choose_columns(names)

        def undo() -> None:
            self.session.view(kind).columns = before
            self.app.call_from_thread(self.show_view)

        self.undoable = [*self.undoable, Done("columns changed", undo)][-MOST_UNDONE:]
        self.refresh_bindings()

    def action_columns(self) -> None:
        from store import COLUMNS
        from tui.app.screens.choose_columns import ColumnsScreen
        from tui.shared.columns import offered

        meaning = {column.name: column.help for column in COLUMNS[self.kind]}
        known = [
            (one.name, meaning.get(one.name, " and ".join(one.made_of)))
            for one in offered(self.kind, self.app.console.encoding)
        ]
        self.app.push_screen(ColumnsScreen([one.name for one in self.table.columns], known), self.change_columns)

    def action_shift_column(self, steps: int) -> None:
        names = [one.name for one in self.table.columns]
        place, other = self.table.column, self.table.column + steps
        if 0 <= other < len(names):
            names[place], names[other] = names[other], names[place]
            self.change_columns(names)
            self.table.column = other

    def action_hide_column(self) -> None:
        names = [one.name for one in self.table.columns]
        del names[self.table.column]
        self.change_columns(names)
