"""Showing orders in the table, and refused filters in the prompt."""

from typing import TYPE_CHECKING

from tui.app.screens.browse.browser import Browser
from tui.app.screens.browse.view import Query
from tui.app.widgets.catalogue_table import TOP

if TYPE_CHECKING:
    from tui.app.catalogue_reader import Order

EMPTY = "Nothing here yet. Press n to start a run; `thalweg quickstart` is a first look."


def show_order(browser: Browser, order: "Order", keep: int | None) -> None:
    """Show rows in an order, if it is what was asked for last; the cursor goes to `keep`."""
    if order.query != browser.live.query:
        return  # an answer to an earlier question
    table, tabs = browser.table, browser.tabs
    table.empty = "No rows match." if order.query.where else EMPTY
    placed = not order.rows and (keep == TOP or keep in table.ids)  # by the order's beginning
    if order.rows:
        table.forget()
    table.partial = not order.complete
    table.order(order.ids, order.rows, keep=None if placed else keep)
    if order.complete and table.marked:
        table.mark_only(table.marked & set(order.ids))
    tabs.where = order.query.where
    tabs.count = f"{len(order.ids):,}{'' if order.complete else ' or more'}"
    if browser.prompt.sign == "/":
        browser.prompt.refuse("")
    if order.complete or not keep or keep in table.ids:
        browser.live.mark_shown()


def tell_refusal(browser: Browser, query: Query, why: str) -> None:
    """Say why a query can't be answered: beside the filter that is typed, or else with all rows in its stead."""
    if query != browser.live.query:
        return
    browser.live.mark_shown()
    browser.table.marking = False
    if browser.prompt.open:
        browser.prompt.refuse(why)
        return
    browser.tell(why, wrong=True)
    if browser.view.reset():  # of an earlier sitting, perhaps
        browser.show_view()
        browser.read()
