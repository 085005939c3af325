"""Copying a cell, rows, ids, the command that lists the table, or the one that starts a run."""

import shlex

from tui.app.screens.browse.browser import Browser
from tui.app.screens.questions import Pick
from tui.shared.columns import Row
from tui.shared.requests import command_of_spec

MOST_COPIED = 1000  # rows


async def copy(browser: Browser) -> None:
    """Ask what to copy, and hand it to the terminal."""
    texts, several = await _texts(browser), len(browser.table.chosen) > 1
    choices = [
        ("cell", "c", f"this cell: {browser.table.columns[browser.table.column].title}"),
        ("row", "r", "the rows, separated by tabs" if several else "this row, separated by tabs"),
        ("ids", "i", "the ids" if several else "the id"),
        ("command", "m", "the command that lists this table"),
        ("begun", "s", "the command that starts this run"),
    ]
    what = await browser.show_question(Pick("Copy what?", [one for one in choices if one[0] in texts]))
    if what is not None:
        browser.screen.app.copy_to_clipboard(texts[what])


async def _texts(browser: Browser) -> dict[str, str]:
    """The texts that can be copied, by kind."""
    table = browser.table
    row = table.row(table.row_id or 0)
    texts = {
        "cell": table.columns[table.column].cell(row) if row else "",
        "row": _rows_as_text(browser, await browser.chosen_rows(MOST_COPIED)),
        "ids": " ".join(map(str, table.chosen)),
        "command": listing_command(browser),
    }
    begun = command_of_spec(browser.location.command, str(row["spec"])) if row and browser.kind == "runs" else ""
    return {**texts, "begun": begun} if begun else texts


def _rows_as_text(browser: Browser, rows: list[Row]) -> str:
    return "\n".join("\t".join(one.cell(row) for one in browser.table.columns) for row in rows)


def listing_command(browser: Browser) -> str:
    """The command line that lists what the table shows."""
    left = browser.view.view
    where = f" --where {shlex.quote(left.where)}" if left.where else ""
    columns = f" --columns {','.join(browser.column_names)}" if left.columns else ""
    return f"{browser.location.command} list {browser.kind}{where} --sort {left.sort}{columns}"
