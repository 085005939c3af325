"""Order, views and pane; and leaving special states step by step."""

from tui.app.screens.browse.browser import Browser


def sort_by_column(browser: Browser) -> None:
    """Sort by the column under the cursor: ascending, descending, by default."""
    table = browser.table
    browser.sort_by(browser.view.next_sort(table.columns[table.column].made_of[0]))


def open_view(browser: Browser, kind: str) -> None:
    browser.open_view(kind)


def go_back(browser: Browser) -> None:
    browser.show_row(*browser.view.came_from.pop())


def toggle_pane(browser: Browser) -> None:
    pane = browser.pane
    pane.display = browser.session.pane = not pane.display
    browser.table.focus()
    browser.describe()


def open_details(browser: Browser) -> None:
    pane = browser.pane
    pane.display = browser.session.pane = True
    browser.describe()
    pane.focus()


def leave(browser: Browser) -> None:
    """Leave, one at a time: the pane's focus, the marks, the filter."""
    if browser.pane.has_focus:
        browser.table.focus()
    elif browser.table.marked:
        browser.table.mark_only(set())
    elif browser.view.view.where:
        browser.filter_by("")
