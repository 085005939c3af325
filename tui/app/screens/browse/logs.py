"""What runs wrote, and what failed of them."""

from tui.app.screens.browse.browser import Browser
from tui.app.screens.faults import FaultsScreen
from tui.app.screens.log import LogScreen


def open_log(browser: Browser) -> None:
    """Of the first run chosen, or of the first that made what is chosen."""
    made_by = browser.table.chosen if browser.kind == "runs" else sorted(row["run_id"] for row in browser.chosen_rows)
    browser.open(LogScreen(browser.client, made_by[0]))


def open_faults(browser: Browser) -> None:
    """Of the runs that the table's filter lets through."""
    browser.open(FaultsScreen(browser.client, browser.view.left.where if browser.kind == "runs" else ""))
