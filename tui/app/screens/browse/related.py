"""From a row to related ones."""

from asyncio import to_thread

from tui.app.screens.browse.browser import Browser
from tui.app.screens.questions import Pick, numbered


async def choose_related(browser: Browser) -> None:
    """List the rows that this one uses or is used by; go to the chosen one."""
    assert browser.live.reader is not None
    assert browser.table.row_id is not None
    details = await to_thread(browser.live.reader.details_of, browser.kind, browser.table.row_id)
    choices = numbered([(f"{link.kind} {link.row_id}", f"{link.relation} {link.row_id}") for link in details.links])
    if not choices:
        browser.tell("Nothing is related to this row.")
        return
    answer = await browser.show_question(Pick(f"Related to {details.title}", choices))
    if answer is not None:
        kind, _, row_id = answer.partition(" ")
        browser.go_to_row(kind, int(row_id))
