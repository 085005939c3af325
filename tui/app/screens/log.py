"""A run's log: its end, followed while it runs; earlier parts and searches on demand."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from core.files import amount
from store import Runs
from store.states import FINISHED
from tui.app.screens.app_screen import BACK, AppScreen
from tui.app.widgets.keys import Keys
from tui.app.widgets.log_view import LogView
from tui.shared.columns import state_word
from tui.shared.formatting import state_symbol as told
from tui.shared.log_reader import Window, around, found_after, found_before, tail

if TYPE_CHECKING:
    from core.engine.client import Client

POLL = 0.3  # s between looks at a log that is being written


@dataclass(frozen=True)
class LogSnapshot:
    """The log of a run, if it wrote any; the end of it; the run's state, what it is called, its newest attempt."""

    file: Path | None
    window: Window
    state: str
    word: str = ""
    attempt: int = 0


class LogScreen(AppScreen[None]):
    """A run's log: all its attempts."""

    CSS_PATH = "log.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        BACK,
        Binding("slash", "ask_what", "Search", key_display="/"),
        Binding("n", "search(-1)", "Earlier"),
        Binding("N", "search(1)", "Later"),
        Binding("g,home", "begin", "Start"),
        Binding("G,end", "follow", "End, follow"),
    ]

    following: reactive[bool] = reactive(True)

    def __init__(self, client: "Client", run_id: int) -> None:
        super().__init__()
        self.client, self.run_id = client, run_id
        self.look = LogSnapshot(None, Window(0, 0, 0, (), ()), "")
        self.hit: int | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield LogView()
        yield Input(id="wanted", placeholder="search upwards; enter starts, escape leaves", compact=True)
        yield Keys()

    def on_mount(self) -> None:
        self.view.focus()
        self.set_interval(POLL, self.poll)
        self.poll()

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    def poll(self) -> None:
        if self.following:
            self.ask(lambda: read_end(self.client, self.run_id, self.look), self.show, group="poll")

    def show(self, now: LogSnapshot) -> None:
        """Show the end, if it is another one and somebody wants to see it."""
        self.look = now
        if self.following and now.window is not self.view.window:
            self.view.show(now.window)
        self.show_position()

    def show_position(self) -> None:
        window, look, state = self.view.window, self.look, self.look.state
        words = [f"run {self.run_id}", told(look.word, "utf-8")]
        if look.file is None or look.window.size == 0:
            words.append("has written nothing" if state in FINISHED else "has written nothing yet")
        else:
            part = window.end / max(window.size, 1)
            words += [f"attempt {look.attempt}", f"to {part:.0%} of {amount(look.window.size)}"]
            words.append("" if state in FINISHED else "following" if self.following else "not following")
        self.query_one("#title", Static).update("   ".join(word for word in words if word))

    def go(self, offset: int) -> None:
        """Show the file around a place."""
        file = self.look.file
        if file is not None:
            self.following = False
            self.ask(lambda: around(file, offset), lambda window: self.show_window(window, offset), group="go")

    def show_window(self, window: Window, offset: int) -> None:
        self.view.show(window, offset=offset)
        self.show_position()

    @on(LogView.Passed)
    def read_on(self, message: LogView.Passed) -> None:
        """Read beyond the window's edge, if the file continues there."""
        window = self.view.window
        if message.direction < 0 and window.start > 0:
            self.go(window.start)
        elif message.direction > 0 and window.end < window.size:
            self.go(window.end)
        elif message.direction > 0:
            self.action_follow()

    def action_begin(self) -> None:
        self.go(0)

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self.following = True
        self.view.show(self.look.window)
        self.poll()

    @on(LogView.Scrolled)
    def follow_scrolling(self) -> None:
        """Scrolling up stops following; returning to the end starts it again."""
        window = self.view.window
        self.following = self.view.at_end and window.end >= window.size
        self.show_position()

    def action_ask_what(self) -> None:
        field = self.query_one("#wanted", Input)
        field.display = True
        field.focus()

    @on(Input.Submitted)
    def begin_search(self, message: Input.Submitted) -> None:
        self.view.wanted, self.hit = message.value, None
        self.leave_search()
        self.action_search(-1)

    def leave_search(self) -> None:
        self.query_one("#wanted").display = False
        self.view.focus()

    def action_search(self, direction: int) -> None:
        """The next place in a direction, from the last one or the end."""
        file, wanted = self.look.file, self.view.wanted
        if not wanted:
            return
        if file is None or not self.look.window.size:
            self.tell("There is nothing to search: the log is empty.")
            return
        window = self.view.window
        start = self.hit if self.hit is not None else window.size
        find = found_before if direction < 0 else found_after
        self.query_one("#title", Static).update(f"searching {'up' if direction < 0 else 'down'}wards ...")

        def search() -> int | None:
            worker = get_current_worker()
            return find(file, wanted, start, lambda: worker.is_cancelled)

        self.ask(search, self.show_match, group="search")

    def show_match(self, offset: int | None) -> None:
        if offset is None:
            self.show_position()
            self.tell("No more matches in this direction.")
        else:
            self.hit = offset
            self.go(offset)

    def action_leave(self) -> None:
        if self.query_one("#wanted").display:
            self.leave_search()
        else:
            self.dismiss(None)


def read_end(client: "Client", run_id: int, before: LogSnapshot) -> LogSnapshot:
    """The end of a run's log; what was read before, where nothing was added."""
    with client.catalogue.read() as session:
        run, attempts = Runs(session).get(run_id), Runs(session).attempts(run_id)
    file, window = client.log_file(run_id), before.window
    if file is not None and (file != before.file or file.stat().st_size != window.size):
        window = tail(file)
    return LogSnapshot(file, window, run.state, state_word(vars(run)), attempts[-1].number if attempts else 0)
