"""Stars, tags and notes on rows, and undoing the last change."""

from collections.abc import Callable

from store import Catalogue
from tui.app.screens.browse.browser import Browser
from tui.app.screens.questions import AskText
from tui.shared.formatting import named
from tui.shared.marks import note_rows, star_rows, tag_rows
from tui.shared.reversible import Reversible


def star(browser: Browser) -> None:
    kind, ids = browser.kind, browser.table.chosen
    _do(browser, lambda catalogue: star_rows(catalogue, kind, ids))


async def ask_tags(browser: Browser) -> None:
    title = f"Tags for {named(browser.kind, browser.table.chosen)}"
    text = await browser.show_question(AskText(title, "words separated by spaces; -word removes one"))
    if text is not None:
        tag(browser, text)


def tag(browser: Browser, text: str) -> None:
    """Give the chosen rows tags."""
    kind, ids = browser.kind, browser.table.chosen
    _do(browser, lambda catalogue: tag_rows(catalogue, kind, ids, text))


async def ask_note(browser: Browser) -> None:
    text = await browser.show_question(AskText(f"A note on {named(browser.kind, browser.table.chosen)}"))
    if text is not None:
        note(browser, text)


def note(browser: Browser, text: str) -> None:
    """Write a note on the chosen rows."""
    kind, ids = browser.kind, browser.table.chosen
    _do(browser, lambda catalogue: note_rows(catalogue, kind, ids, text))


def _do(browser: Browser, change: Callable[[Catalogue], Reversible]) -> None:
    """Do it, report it, and remember how to undo it."""
    catalogue = browser.client.catalogue

    def remember(done: Reversible) -> None:
        browser.view.remember(done)
        browser.tell(f"{done.words}; u undoes it")
        browser.screen.refresh_bindings()

    browser.in_background(lambda: change(catalogue), remember)


def undo(browser: Browser) -> None:
    """Undo the last change."""
    done = browser.view.undoable.pop()
    browser.screen.refresh_bindings()

    def say(_: None) -> None:
        browser.show_view()
        browser.tell(f"undone: {done.words}")

    browser.in_background(done.undo, say)
