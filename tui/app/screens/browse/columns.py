"""Which columns the table shows, and in which order."""

from store import COLUMNS
from tui.app.screens.browse.browser import Browser
from tui.app.screens.choose_columns import ColumnsScreen
from tui.shared.columns import all_columns


async def choose_columns(browser: Browser) -> None:
    """Show all columns there are, to choose from and to order."""
    meaning = {column.name: column.help for column in COLUMNS[browser.kind]}
    known = [
        (one.name, meaning.get(one.name, " and ".join(one.made_of)))
        for one in all_columns(browser.kind, browser.encoding)
    ]
    names = await browser.show_question(ColumnsScreen(_names(browser), known))
    browser.change_columns(names)


def shift_column(browser: Browser, steps: int) -> None:
    """Swap the column under the cursor with the one that many places on, if there is one."""
    names, place = _names(browser), browser.table.column
    other = place + steps
    if 0 <= other < len(names):
        names[place], names[other] = names[other], names[place]
        browser.change_columns(names)
        browser.table.column = other


def hide_column(browser: Browser) -> None:
    names = _names(browser)
    del names[browser.table.column]
    browser.change_columns(names)


def _names(browser: Browser) -> list[str]:
    return [one.name for one in browser.table.columns]
