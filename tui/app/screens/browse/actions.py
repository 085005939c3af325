"""All actions on the catalogue's rows, in the order in which people need them."""

from tui.app.actions import Action, Needs
from tui.app.screens.browse.browser import Browser
from tui.app.widgets.keys import KIND_KEYS

HERE = "tui.app.screens.browse"
COMPARED = range(2, 13)

OPEN = Needs.CATALOGUE
ROW = OPEN | Needs.ROW
WRITE = OPEN | Needs.WRITABLE


def unable(action: Action, browser: Browser) -> str | None:
    """Why an action isn't possible now; None if it is."""
    reader = browser.live.reader
    if Needs.CATALOGUE in action.needs and reader is None:
        return "The catalogue is still being opened."
    if Needs.WRITABLE in action.needs and reader is not None and reader.readonly:
        return "This catalogue is read-only."
    if Needs.ROW in action.needs and browser.table.row_id is None:
        return "No row is selected."
    if Needs.ROW in action.needs and browser.table.marking:
        return "The rows are still being read; they will be marked then."
    return action.why_not(browser)


def _too_few_or_many(browser: Browser) -> str | None:
    marked = len(browser.table.marked)
    return None if marked in COMPARED else f"Mark 2 to 12 rows with space to compare them; {marked} are marked."


def _no_picture(browser: Browser) -> str | None:
    """Why nothing can be drawn of the chosen row; rows that aren't read yet, and several, are tried."""
    chosen = browser.table.chosen
    row = browser.table.row(chosen[0]) if browser.kind == "bounds" and len(chosen) == 1 else None
    # a glance has no more than the columns shown
    if row is None or row.get("artifact", "") is not None or row.get("layer_count") is not None:
        return None
    return "This bound kept no picture, and has no numbers by layers to draw."


def _not_runs(browser: Browser) -> str | None:
    return None if browser.kind == "runs" else "Only runs can be relaunched: 1 shows them."


def _nothing_active(browser: Browser) -> str | None:
    if browser.kind != "runs":
        return "Only runs can be cancelled: 1 shows them."
    return None if browser.unfinished else "Only queued and running runs can be cancelled."


def _nothing_done(browser: Browser) -> str | None:
    return None if browser.view.undoable else "There is nothing to undo."


def _no_way_back(browser: Browser) -> str | None:
    return None if browser.view.came_from else "There is nowhere to go back to."


def _last_column(browser: Browser) -> str | None:
    return "A table needs at least one column." if len(browser.table.columns) < 2 else None


ACTIONS = (
    Action("details", "enter", "Details", does=f"{HERE}.arrangement:open_details", needs=ROW),
    Action("filter", "/", "Filter", does=f"{HERE}.prompt_commands:ask_filter"),
    Action("sort", "s", "Sort", does=f"{HERE}.arrangement:sort_by_column"),
    Action("launch", "n", "New", "Start a training, a connection or a bound", f"{HERE}.new_runs:launch", WRITE),
    Action(
        "plot",
        "p",
        "Plot",
        "Draw losses, curves or bounds of what is chosen",
        f"{HERE}.plots:plot",
        ROW,
        why_not=_no_picture,
    ),
    Action(
        "compare",
        "c",
        "Compare",
        "Put 2 to 12 marked rows side by side",
        f"{HERE}.plots:compare",
        OPEN,
        why_not=_too_few_or_many,
    ),
    Action("log", "L", "Log", "What the run wrote, followed live", f"{HERE}.logs:open_log", ROW),
    Action(
        "relaunch",
        "r",
        "Relaunch",
        "Repeat the chosen runs, from a checkpoint or from scratch",
        f"{HERE}.new_runs:relaunch",
        ROW | WRITE,
        why_not=_not_runs,
    ),
    Action(
        "cancel",
        "x",
        "Cancel",
        "Stop the chosen runs, after asking",
        f"{HERE}.removal:cancel",
        ROW | WRITE,
        why_not=_nothing_active,
    ),
    Action("faults", "f", "Faults", "What failed, by cause", f"{HERE}.logs:open_faults", OPEN),
    Action("export", "e", "Export", "Write the table to a CSV or JSON file", f"{HERE}.export_table:ask_target", OPEN),
    Action(
        "copy",
        "y",
        "Copy",
        "Copy a cell, a row, ids or the command that lists this table",
        f"{HERE}.copy_text:copy",
        ROW,
    ),
    Action("star", "*", "Star", "Star what is chosen, or remove the stars", f"{HERE}.marking:star", ROW | WRITE),
    Action("tag", "t", "Tag", "Add tags; a minus in front removes one", f"{HERE}.marking:ask_tags", ROW | WRITE),
    Action("note", "N", "Note", "Write a note on what is chosen", f"{HERE}.marking:ask_note", ROW | WRITE),
    Action(
        "undo",
        "u",
        "Undo",
        "Undo the last star, tag, note, or change of columns",
        f"{HERE}.marking:undo",
        OPEN,
        why_not=_nothing_done,
    ),
    Action(
        "related",
        "o",
        "Related",
        "Go to a row related to the one under the cursor",
        f"{HERE}.related:choose_related",
        ROW,
    ),
    Action(
        "back",
        "backspace",
        "Back",
        "Return from where Related led",
        f"{HERE}.arrangement:go_back",
        why_not=_no_way_back,
        shown=False,
    ),
    Action("pane", "d", "Pane", "Show or hide the details beside the table", f"{HERE}.arrangement:toggle_pane"),
    Action("columns", "C", "Columns", "Choose and order the columns", f"{HERE}.columns:choose_columns", OPEN),
    Action("shift_column(-1)", "<", "Column to the left", does=f"{HERE}.columns:shift_column", shown=False),
    Action("shift_column(1)", ">", "Column to the right", does=f"{HERE}.columns:shift_column", shown=False),
    Action(
        "hide_column",
        "minus",
        "Hide the column under the cursor",
        does=f"{HERE}.columns:hide_column",
        why_not=_last_column,
        shown=False,
    ),
    Action(
        "delete",
        "D",
        "Delete",
        "Delete what is chosen, after asking",
        f"{HERE}.removal:delete",
        ROW | WRITE,
        shown=False,
    ),
    *(
        Action(f"view({kind!r})", key, kind.capitalize(), does=f"{HERE}.arrangement:open_view", shown=False)
        for kind, key in KIND_KEYS.items()
    ),
    Action(
        "leave",
        "escape",
        "Leave the pane, then the marks, then the filter",
        does=f"{HERE}.arrangement:leave",
        shown=False,
    ),
    Action(
        "command",
        ":",
        "Command",
        "Type a command: :filter, :sort, :export, :tag, :12 for row 12",
        f"{HERE}.prompt_commands:ask_command",
    ),
)
BY_VERB = {one.verb: one for one in ACTIONS}
