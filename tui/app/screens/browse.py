"""The catalogue's screen: everything that can be done with runs, models, paths and bounds."""

from textual import on

from core.errors import ThalwegError
from store.errors import StoreError
from store.states import FINISHED
from tui.app import bindings
from tui.app.screens.taking import TakingScreen
from tui.app.widgets.catalogue_table import CatalogueTable
from tui.app.widgets.details_pane import DetailsPane
from tui.app.widgets.prompt import Prompt
from tui.shared.named_filters import expanded, known

COMPARED = range(2, 13)
NEEDS_ROW = ("star", "tag", "note", "details", "related", "plot", "log", "delete", "copy", "relaunch", "cancel")
WRITES = ("star", "tag", "note", "delete", "launch", "relaunch", "cancel")
RUNS_ONLY = {"relaunch": "Only runs can be relaunched", "cancel": "Only runs can be cancelled"}


class BrowseScreen(TakingScreen):
    """Adds what can be done when, filters and commands that are typed, the order."""

    BINDINGS = bindings.BROWSE
    HELP = "All runs, models, paths and bounds of the catalogue."

    # --- what can be done now ------------------------------------------------------------------------------------

    def unable(self, action: str) -> str | None:
        """Why an action isn't possible now; None where it is."""
        if action in (*WRITES, *NEEDS_ROW, "export", "columns", "compare", "faults", "undo") and self.reader is None:
            return "The catalogue is still being opened."
        if action in WRITES and self.reader is not None and self.reader.readonly:
            return "This catalogue can only be read."
        if action in NEEDS_ROW and self.table.row_id is None:
            return "There is no row here."
        if action in NEEDS_ROW and self.table.marking:
            return "Which rows there are is still being read; they are marked then."
        if action in RUNS_ONLY and self.kind != "runs":
            return f"{RUNS_ONLY[action]}: 1 shows them."
        return self._unable_here(action)

    def _unable_here(self, action: str) -> str | None:
        marked = len(self.table.marked)
        match action:
            case "compare" if marked not in COMPARED:
                why = f"Mark 2 to 12 rows with space to compare them; {marked} are marked."
            case "cancel" if self._all_ended():
                why = "Only queued and running runs can be cancelled."
            case "undo" if not self.undoable:
                why = "There is nothing to take back."
            case "back" if not self.came_from:
                why = "There is nowhere to go back to."
            case "hide_column" if len(self.table.columns) < 2:
                why = "A table needs one column at least."
            case _:
                return None
        return why

    def _all_ended(self) -> bool:
        known = map(self.table.row, self.table.chosen)
        return all(row is not None and row["state"] in FINISHED for row in known)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        if self.is_mounted and self.typing:
            return False  # its keys are letters of what is typed
        return None if self.is_mounted and self.unable(action) else True

    @property
    def typing(self) -> bool:
        """Whether a filter or a command is being typed."""
        return self.query_one(Prompt).open

    def refuses(self, key: str) -> bool:
        """Whether a key's action isn't possible now; says why."""
        active = self.active_bindings.get(key)
        if active is None or active.enabled:
            return False
        why = self.unable(active.binding.action.partition("(")[0])
        if why:
            self.notify(why, severity="warning", markup=False)
        return bool(why)

    # --- filters and commands ------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        from store import COLUMNS

        names = [*(f"@{name}" for name in self.named_filters()), *(column.name for column in COLUMNS[self.kind])]
        where = self.session.view(self.kind).where
        self.query_one(Prompt).ask("/", where, lambda _: names, self.session.filters)

    def named_filters(self) -> dict[str, str]:
        """Those of this view; none where their file can't be read, which is told."""
        try:
            return known(self.kind)
        except ThalwegError as error:
            self.tell(str(error), wrong=True)
            return {}

    def action_command(self) -> None:
        from tui.app.screens.commands import COMMANDS, words

        self.query_one(Prompt).ask(":", "", lambda line: words(self, line), sorted(COMMANDS))

    @on(Prompt.Typed)
    def try_filter(self, message: Prompt.Typed) -> None:
        if message.sign == "/":
            try:
                self.ask(expanded(self.kind, message.text))
            except ThalwegError as error:
                self.query_one(Prompt).refuse(str(error))

    @on(Prompt.Given)
    async def take(self, message: Prompt.Given) -> None:
        from tui.app.screens.commands import conditions, run

        action = None
        try:
            if message.sign == "/":
                self.filter_by(conditions(self.kind, message.text))
            else:
                action = run(self, message.text)
        except (StoreError, ThalwegError) as error:
            self.query_one(Prompt).refuse(str(error))
            return
        self._close_prompt()
        if action is not None:
            await self.app.run_action(action, self)

    @on(Prompt.Left)
    def leave_prompt(self, message: Prompt.Left) -> None:
        self._close_prompt()
        if message.sign == "/":
            self.ask()

    def _close_prompt(self) -> None:
        self.query_one(Prompt).close()
        self.table.focus()

    def action_leave(self) -> None:
        """Step out of what is special: the pane's focus, the marks, the filter."""
        if self.query_one(DetailsPane).has_focus:
            self.table.focus()
        elif self.table.marked:
            self.table.mark_only(set())
        elif self.session.view(self.kind).where:
            self.filter_by("")

    # --- views, columns, pane ------------------------------------------------------------------------------------

    def action_view(self, kind: str) -> None:
        self.open_view(kind)

    def action_sort(self) -> None:
        """By the column under the cursor: up, down, as at first."""
        column = self.table.columns[self.table.column].made_of[0]
        following = {column: f"-{column}", f"-{column}": "id" if column == "id" else "-id"}
        self.sort_by(following.get(self.table.sort, column))

    @on(CatalogueTable.HeadClicked)
    def sort_clicked(self, message: CatalogueTable.HeadClicked) -> None:
        self.table.column = message.column
        self.action_sort()

    def action_pane(self) -> None:
        pane = self.query_one(DetailsPane)
        pane.display = self.session.pane = not pane.display
        self.table.focus()
        self.describe()

    @on(CatalogueTable.Opened)
    def action_details(self) -> None:
        pane = self.query_one(DetailsPane)
        pane.display = self.session.pane = True
        self.describe()
        pane.focus()
