"""Drawing and comparing the chosen rows."""

from tui.app.screens.browse.browser import Browser
from tui.app.screens.compare import CompareScreen
from tui.app.screens.plot import PlotScreen


def plot(browser: Browser) -> None:
    browser.open_screen(PlotScreen(browser.client, browser.kind, browser.table.chosen))


def compare(browser: Browser) -> None:
    browser.open_screen(CompareScreen(browser.client, browser.kind, browser.table.chosen))
