"""The keys of the catalogue's screen: what they do, in the order in which people need them."""

from dataclasses import replace

from textual.binding import Binding, BindingType

FIXED = ("escape", "ctrl+q")


def remappable(binding: Binding) -> Binding:
    """The binding with its action's name, by which a person gives it other keys; those with arguments keep theirs."""
    fixed = binding.key in FIXED or "(" in binding.action
    return binding if fixed else replace(binding, id=binding.action)


_BROWSE = [
    Binding("enter", "details", "Details"),
    Binding("/", "filter", "Filter"),
    Binding("s", "sort", "Sort"),
    Binding("n", "launch", "New", tooltip="Start a training, a connection or a bound"),
    Binding("p", "plot", "Plot", tooltip="Draw losses, curves or bounds of what is chosen"),
    Binding("c", "compare", "Compare", tooltip="Put 2 to 12 marked rows side by side"),
    Binding("L", "log", "Log", tooltip="What the run wrote, as it comes"),
    Binding("r", "relaunch", "Relaunch", tooltip="Repeat the chosen runs, from a checkpoint or from scratch"),
    Binding("x", "cancel", "Cancel", tooltip="Stop the chosen runs, after asking"),
    Binding("f", "faults", "Faults", tooltip="What failed, by cause"),
    Binding("e", "export", "Export", tooltip="Write the table to a CSV or JSON file"),
    Binding("y", "copy", "Copy", tooltip="Copy a cell, a row, ids or the command that lists this table"),
    Binding("*", "star", "Star", tooltip="Star what is chosen, or take the stars away"),
    Binding("t", "tag", "Tag", tooltip="Give tags; a minus in front takes one away"),
    Binding("N", "note", "Note", tooltip="Write a note on what is chosen"),
    Binding("u", "undo", "Undo", tooltip="Take back the last star, tag, note, or change of columns"),
    Binding("o", "related", "Related", tooltip="Go to what the row under the cursor hangs together with"),
    Binding("backspace", "back", "Back", show=False, tooltip="Return from where Related led"),
    Binding("d", "pane", "Pane", tooltip="Show or hide the details beside the table"),
    Binding("C", "columns", "Columns", tooltip="Choose and order the columns"),
    Binding("<", "shift_column(-1)", "Column to the left", show=False),
    Binding(">", "shift_column(1)", "Column to the right", show=False),
    Binding("minus", "hide_column", "Hide the column under the cursor", show=False),
    Binding("D", "delete", "Delete", show=False, tooltip="Delete what is chosen, after asking"),
    Binding("1", "view('runs')", "Runs", show=False),
    Binding("2", "view('models')", "Models", show=False),
    Binding("3", "view('paths')", "Paths", show=False),
    Binding("4", "view('bounds')", "Bounds", show=False),
    Binding("escape", "leave", "Leave the pane, the marks, the filter, one after the other", show=False),
    Binding(":", "command", "Command", tooltip="Type a command: :filter, :sort, :export, :tag, :12 for row 12"),
]
_APP = [
    Binding("?", "help", "Help", tooltip="All keys; search them, run them"),
    Binding("ctrl+o", "jump", "Jump", show=False, tooltip="Letters over all there is to go to; type one"),
    Binding("q", "quit", "Quit", tooltip="Leave; jobs go on"),
    Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
]
BROWSE: list[BindingType] = [remappable(one) for one in _BROWSE]
APP: list[BindingType] = [remappable(one) for one in _APP]
