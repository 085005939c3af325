"""The catalogue's screen: its widgets, and its reactions to what is read, typed and clicked."""

import asyncio
from inspect import iscoroutinefunction

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container

from core.errors import ThalwegError
from store.errors import StoreError
from tui.app.actions import Action, bindings_of, with_methods_for
from tui.app.lazy import imported
from tui.app.screens.app_screen import AppScreen
from tui.app.screens.browse import live, orders
from tui.app.screens.browse.actions import ACTIONS, BY_VERB, unable
from tui.app.screens.browse.browser import Browser
from tui.app.session import Session
from tui.app.widgets.catalogue_table import CatalogueTable
from tui.app.widgets.details_pane import DetailsPane
from tui.app.widgets.keys import Keys, Views
from tui.app.widgets.machine import MachineLine
from tui.app.widgets.prompt import Prompt
from tui.shared.location import Location
from tui.shared.named_filters import expand

WIDE = 110  # columns: the pane stands beside the table, not below
ROOMY = 140  # columns: the pane is there without being asked for
LIVE_SECONDS = 0.5  # between looks at what changed
HOST_SECONDS = 2.0
CLOCK_SECONDS = 20  # between renewals of "5 min ago"
REMEMBER_SECONDS = 5.0  # between looks at whether the cursor is elsewhere


@with_methods_for(ACTIONS)
class BrowseScreen(AppScreen[None]):
    """Shows one kind of rows at a time; `where` filters the runs from the start, as `--where` does."""

    BINDINGS = bindings_of(ACTIONS)
    HELP = "All runs, models, paths and bounds of the catalogue."

    def __init__(self, location: Location, session: Session, where: str | None = None) -> None:
        super().__init__()
        if where is not None:
            session.kind = "runs"
            session.view_of("runs").filter_by(where)
        self.browser = Browser(self, location, session)

    def compose(self) -> ComposeResult:
        yield Views(self.browser.location.label)
        with Container(id="body"):
            yield CatalogueTable()
            yield DetailsPane()
        yield Prompt()
        yield MachineLine()
        yield Keys()

    def on_mount(self) -> None:
        self.browser.show_view()
        self.browser.glance()
        self.browser.table.focus()
        self.call_after_refresh(self.browser.live.open)

    def on_resize(self, event: events.Resize) -> None:
        width, pane = event.size.width, self.browser.session.pane
        self.query_one("#body").set_class(width >= WIDE, "wide")
        self.browser.pane.display = width >= ROOMY if pane is None else pane

    def on_unmount(self) -> None:
        self.browser.live.close()

    # --- actions -------------------------------------------------------------------------------------------------

    def perform(self, action: Action, *given: object) -> None:
        """Do it; one that asks the person first goes on while the answer is awaited."""
        body = imported(action.does)
        if iscoroutinefunction(body):
            self.browser.start_conversation(body(self.browser, *given))
        else:
            body(self.browser, *given)

    def action_go(self, kind: str, row_id: int) -> None:
        """From a link in the pane."""
        self.browser.go_to_row(kind, row_id)

    def unable(self, name: str) -> str | None:
        """Why an action isn't possible now; None if it is."""
        return unable(BY_VERB[name], self.browser) if name in BY_VERB else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        if self.is_mounted and self.typing:
            return False  # its keys are letters of what is typed
        return None if self.is_mounted and self.unable(action) else True

    def refuses(self, key: str) -> bool:
        """Whether a key's action isn't possible now; says why."""
        active = self.active_bindings.get(key)
        if active is None or active.enabled:
            return False
        why = self.unable(active.binding.action.partition("(")[0])
        if why:
            self.notify(why, severity="warning", markup=False)
        return bool(why)

    def refused(self, sentence: str) -> None:
        """Show a refusal each time: on this screen only the person repeats a question."""
        self.tell(sentence, wrong=True)

    @property
    def typing(self) -> bool:
        """Whether a filter or a command is being typed."""
        return self.browser.prompt.open

    async def caught_up(self) -> None:
        """Wait for the rows or the question that earlier keys requested."""
        await self.browser.live.caught_up()
        while self.is_active and (self.browser.table.marking or self.browser.conversing):
            await asyncio.sleep(0.005)

    # --- what was read -------------------------------------------------------------------------------------------

    @on(live.CatalogueOpened)
    def begin(self, message: live.CatalogueOpened) -> None:
        browser = self.browser
        browser.live.reader = message.reader
        browser.read(keep=browser.view.view.cursor)
        browser.live.read_host()
        self.set_interval(LIVE_SECONDS, self._follow)
        self.set_interval(HOST_SECONDS, browser.live.read_host)
        self.set_interval(CLOCK_SECONDS, browser.table.renew)
        self.set_interval(REMEMBER_SECONDS, self._save_cursor)
        self.refresh_bindings()

    @property
    def _has_table(self) -> bool:
        """Whether the table exists: timers still run while the screen is removed."""
        return bool(self.query(CatalogueTable))

    def _follow(self) -> None:
        if self._has_table:
            self.browser.live.follow(self.browser.kind, self.browser.table.visible_ids())

    def _save_cursor(self) -> None:
        if self._has_table:
            self.browser.save_cursor()

    @on(live.Ordered)
    def show_order(self, message: live.Ordered) -> None:
        orders.show_order(self.browser, message.order, message.keep)

    @on(live.Refused)
    def tell_refusal(self, message: live.Refused) -> None:
        orders.tell_refusal(self.browser, message.query, message.why)

    @on(live.RowsRead)
    def show_rows(self, message: live.RowsRead) -> None:
        if message.kind == self.browser.kind:
            self.browser.table.put(message.rows)
            self.refresh_bindings()
        self.browser.describe()

    @on(live.Counted)
    def show_counts(self, message: live.Counted) -> None:
        self.query_one(MachineLine).counts = message.counts

    @on(live.HostSeen)
    def show_host(self, message: live.HostSeen) -> None:
        self.query_one(MachineLine).machine = message.machine

    @on(live.Detailed)
    def show_details(self, message: live.Detailed) -> None:
        self.browser.pane.show(message.details)

    # --- what is done with the table -----------------------------------------------------------------------------

    @on(CatalogueTable.Wanted)
    def read_wanted(self, message: CatalogueTable.Wanted) -> None:
        self.browser.live.read_rows(self.browser.kind, message.ids)

    @on(CatalogueTable.Moved)
    def follow_cursor(self) -> None:
        self.refresh_bindings()
        self.browser.describe()

    @on(CatalogueTable.Marked)
    def follow_marks(self) -> None:
        self.browser.tabs.marked = len(self.browser.table.marked)
        self.refresh_bindings()

    @on(CatalogueTable.HeadClicked)
    def sort_clicked(self, message: CatalogueTable.HeadClicked) -> None:
        self.browser.table.column = message.column
        self.perform(BY_VERB["sort"])

    @on(CatalogueTable.RowOpened)
    def open_clicked(self) -> None:
        self.perform(BY_VERB["details"])

    # --- what is typed -------------------------------------------------------------------------------------------

    @on(Prompt.Typed)
    def try_filter(self, message: Prompt.Typed) -> None:
        if message.sign == "/":
            try:
                self.browser.read(expand(self.browser.kind, message.text))
            except ThalwegError as error:
                self.browser.prompt.refuse(str(error))

    @on(Prompt.Submitted)
    async def run_typed(self, message: Prompt.Submitted) -> None:
        try:
            action = imported("tui.app.screens.browse.prompt_commands:run")(self.browser, message.sign, message.text)
        except (StoreError, ThalwegError) as error:
            self.browser.prompt.refuse(str(error))
            return
        self._close_prompt()
        if action is not None:
            await self.app.run_action(action, self)

    @on(Prompt.Left)
    def leave_prompt(self, message: Prompt.Left) -> None:
        self._close_prompt()
        if message.sign == "/":
            self.browser.read()

    def _close_prompt(self) -> None:
        self.browser.prompt.close()
        self.browser.table.focus()
