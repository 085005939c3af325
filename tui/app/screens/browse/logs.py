"""Opening the log of a run, and the faults."""

from tui.app.screens.browse.browser import Browser
from tui.app.screens.faults import FaultsScreen
from tui.app.screens.log import LogScreen


async def open_log(browser: Browser) -> None:
    """Of the first run chosen, or of the one that made the first row chosen."""
    if browser.kind == "runs":
        browser.open_screen(LogScreen(browser.client, browser.table.chosen[0]))
    elif rows := await browser.chosen_rows(1):
        browser.open_screen(LogScreen(browser.client, rows[0]["run_id"]))
    else:
        browser.tell("This row is gone.", wrong=True)


def open_faults(browser: Browser) -> None:
    """Of the runs that the table's filter lets through."""
    browser.open_screen(FaultsScreen(browser.client, browser.view.view.where if browser.kind == "runs" else ""))
