"""Writing the table to a file."""

from store.export import Selection
from tui.app.screens.browse.browser import Browser
from tui.app.screens.export import Export, ExportScreen
from tui.app.screens.questions import Confirm
from tui.shared.table_export import write_file


async def ask_target(browser: Browser) -> None:
    """Ask where to, and how much of the table."""
    wanted = await browser.show_question(ExportScreen(browser.kind, f"{len(browser.table.ids):,}"))
    if wanted is not None:
        await export_table(browser, wanted)


async def export_table(browser: Browser, wanted: Export) -> None:
    """Write the table; over a file that is there only once that was agreed to."""
    question = f"{wanted.file} already exists. Overwrite it?"
    if not wanted.file.exists() or await browser.show_question(Confirm(question, "Write over it")):
        _write(browser, wanted)


def _write(browser: Browser, wanted: Export) -> None:
    """Write the file, and say how many rows are where."""
    kind, left, catalogue = browser.kind, browser.view.view, browser.client.catalogue
    chosen = Selection(kind) if wanted.whole else Selection(kind, left.where, left.sort, browser.column_names)
    how = "json" if wanted.file.suffix == ".json" else "csv"
    browser.in_background(
        lambda: write_file(catalogue, chosen, how, wanted.file),
        lambda count: browser.tell(f"{count:,} {kind} written to {wanted.file}"),
    )
