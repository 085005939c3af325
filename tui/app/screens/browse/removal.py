"""Cancelling runs and deleting rows, after asking."""

from core.engine.client import Client
from store import delete as delete_rows
from store.states import FINISHED
from tui.app.screens.browse.browser import Browser
from tui.app.screens.questions import Confirm
from tui.shared.formatting import named


async def cancel(browser: Browser) -> None:
    client, going = browser.client, browser.unfinished
    if await browser.show_question(
        Confirm(f"Cancel {named('runs', going)}? What they wrote until then is kept.", "Cancel")
    ):
        browser.in_background(lambda: cancel_runs(client, going), browser.tell)


async def delete(browser: Browser) -> None:
    client, kind, ids = browser.client, browser.kind, browser.table.chosen
    if await browser.show_question(Confirm(f"Delete {named(kind, ids)}? This cannot be undone.", "Delete")):
        browser.in_background(lambda: delete_chosen(client, kind, ids), browser.tell)


def cancel_runs(client: Client, run_ids: list[int]) -> str:
    """Cancel the runs that have not ended; the outcome, in words. Raises StoreError."""
    before = client.cancel(run_ids)
    asked = [run_id for run_id, state in before.items() if state not in FINISHED]
    ended = [run_id for run_id, state in before.items() if state in FINISHED]
    told = [f"Cancelling {named('runs', asked)}."] if asked else []
    return " ".join([*told, *([f"Ended before that: {named('runs', ended)}."] if ended else [])])


def delete_chosen(client: Client, kind: str, ids: list[int]) -> str:
    """Delete rows that nothing else needs; the outcome, in words. Raises StoreError."""
    with client.catalogue.write() as session:
        delete_rows(session, kind, ids)
    return f"deleted {named(kind, ids)}"
