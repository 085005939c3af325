"""The application that opens with `thalweg`: the catalogue in the terminal."""

import gc
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.command import Provider
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen

from core.errors import UsageError
from store.errors import StoreError
from tui.app import clipboard, failures, keymap, themes
from tui.app.actions import APP_ACTIONS, Action, bindings_of, with_methods_for
from tui.app.control_filter import ControlFilter
from tui.app.key_queue import KeyQueue
from tui.app.lazy import imported
from tui.app.screens.browse.browser import ViewChanged
from tui.app.screens.browse.live import CatalogueOpened
from tui.app.screens.browse.screen import BrowseScreen
from tui.app.session import load, save, session_file
from tui.shared.formatting import clean
from tui.shared.location import Location


def _palette() -> type[Provider]:
    palette: type[Provider] = imported("tui.app.palette:Palette")
    return palette


@with_methods_for(APP_ACTIONS)
class ThalwegApp(KeyQueue[StoreError]):
    """The application for one catalogue. Ends with an error if it can't be opened; jobs continue without it."""

    TITLE = "Thalweg"
    CSS_PATH = "screens/browse.tcss"  # the first screen's own CSS_PATH is not read
    BINDINGS = bindings_of(APP_ACTIONS)
    COMMANDS: ClassVar = {_palette}

    def __init__(self, location: Location, where: str | None = None) -> None:
        """`where` filters the runs from the start, as `--where` does."""
        super().__init__()
        self.location = location
        self.file = session_file(location.path)
        self.session, self._warning = load(self.file)
        self._where = where
        self._harmless = ControlFilter()
        self.register_theme(themes.DARK)
        self.register_theme(themes.LIGHT)
        self.theme = self.session.theme if self.session.theme in self.available_themes else themes.DARK.name

    def get_default_screen(self) -> Screen[None]:
        return BrowseScreen(self.location, self.session, self._where)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._harmless]

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda _: self.save_session())
        chosen, refused = keymap.load(keymap.keymap_file())
        self.set_keymap(chosen)
        for sentence in refused:
            self.notify(sentence, severity="warning", timeout=15)
        if self._warning:
            self.notify(self._warning, severity="warning", timeout=15)

    async def ready(self, screen: Screen[Any]) -> None:
        """A key applies to the rows and questions that earlier keys requested, so wait for them."""
        await super().ready(screen)
        if isinstance(screen, BrowseScreen) and not screen.typing:
            await screen.caught_up()

    def on_key(self, event: events.Key) -> None:
        """Handle a key, unless its action isn't possible now."""
        left = not self.screen_stack  # by somebody who had typed ahead
        if not left and isinstance(self.screen, BrowseScreen) and self.screen.refuses(event.key):
            event.prevent_default()

    def notify(self, message: str, **looks: Any) -> None:
        """Show a text, from any source, without its markup and control characters."""
        super().notify(clean(message), **{**looks, "markup": False})

    def copy_to_clipboard(self, text: str) -> None:
        """Hand a text to the terminal, keep it in a file, and say what is known of either."""
        self._clipboard = text  # what Textual's own fields paste
        sequence = clipboard.sequence(text)
        if sequence is not None and self._driver is not None:
            self._driver.write(sequence)
        try:
            file = clipboard.keep_in_file(text)
        except OSError as error:
            self.notify(f"The text could not be kept in a file: {error}.", severity="error")
        else:
            self.notify(clipboard.copy_message(text, sequence, file))

    @on(CatalogueOpened)
    def spare_modules(self) -> None:
        """No search for garbage goes through what was imported: that held frames up by 60 ms, every few seconds."""
        if not self.is_headless:  # a program that opens many would never be rid of them
            gc.freeze()

    @on(ViewChanged)
    def save_session(self) -> None:
        """Save the state of the screen; if that fails, say so."""
        self.session.theme = self.theme
        try:
            save(self.session, self.file)
        except UsageError as error:
            self.notify(f"The state of the screen was not saved. {error}", severity="warning")

    def perform(self, action: Action, *given: object) -> None:
        imported(action.does)(self, *given)

    async def _dispatch_message(self, message: Message) -> None:
        await failures.handle_safely(super()._dispatch_message(message), message, self)

    def _fatal_error(self) -> None:
        """What goes wrong where nothing can stay ends everything: with one sentence, not with what memory held."""
        error = self._exception
        self.panic(Text(clean(failures.failure_sentence(error)) if error else "Thalweg had to stop."))

    async def action_quit(self) -> None:
        if isinstance(self.screen_stack[0], BrowseScreen):
            self.screen_stack[0].browser.note_cursor()
        self.save_session()
        self.exit()


def open_app(location: Location, where: str | None = None) -> None:
    """Show the catalogue until the person leaves. Raises StoreError where it can't be opened."""
    error = ThalwegApp(location, where).run()
    if error is not None:
        raise error
