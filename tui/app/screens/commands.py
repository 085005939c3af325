"""What can be typed after a colon."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.binding import BindingsMap

from core.errors import UsageError, unknown_name
from core.files import from_home
from store.columns import columns_of
from store.filters import compiled, parse
from store.listing import selected
from tui.app import bindings
from tui.app.widgets.keys import KIND_KEYS
from tui.shared import named_filters
from tui.shared.columns import column_names

if TYPE_CHECKING:
    from tui.app.screens.browse import BrowseScreen

#: Actions that need nothing more: as they are typed, and as they are run.
ACTIONS = {
    binding.action: f"{place}{binding.action}"
    for place, bindings in (("", bindings.BROWSE), ("app.", bindings.APP))
    for _, binding in BindingsMap(bindings)
    if "(" not in binding.action
}
Command = Callable[["BrowseScreen", str], None]


def run(screen: "BrowseScreen", line: str) -> str | None:
    """Do what was typed, or answer with the action that it names. Raises UsageError, FilterError."""
    name, _, rest = line.strip().partition(" ")
    if name.isascii() and name.isdigit():
        screen.action_go(screen.kind, int(name[:18]))
    elif name in COMMANDS:
        COMMANDS[name][1](screen, rest.strip())
    elif name in ACTIONS:
        if why := screen.unable(name):
            raise UsageError(why)
        return ACTIONS[name]
    elif name:
        raise unknown_name("command", name, {*COMMANDS, *ACTIONS})
    return None


def words(screen: "BrowseScreen", line: str) -> Sequence[str]:
    """What may stand at the end of the line."""
    name, space, _ = line.partition(" ")
    if not space:
        return [*COMMANDS, *ACTIONS]
    if name in ("filter", "sort", "columns"):
        return list(columns_of(screen.kind))
    if name == "forget":
        return list(screen.named_filters())
    if name == "view":
        return list(KIND_KEYS)
    return list(screen.app.available_themes) if name == "theme" else []


def conditions(kind: str, text: str) -> str:
    """A filter as it was meant, names expanded. Raises UsageError, FilterError."""
    meant = named_filters.expanded(kind, text).strip()
    compiled(parse(meant), kind)
    return meant


def _filter(screen: "BrowseScreen", text: str) -> None:
    screen.filter_by(conditions(screen.kind, text))


def _save(screen: "BrowseScreen", text: str) -> None:
    name, _, rest = text.partition(" ")
    meant = conditions(screen.kind, rest) or screen.session.view(screen.kind).where
    if not name:
        raise UsageError("Give the filter a name: `:save bad`, or `:save bad state=failed`.")
    if not meant:
        raise UsageError("All rows are shown, so there is no filter to give a name to.")
    named_filters.keep(screen.kind, name, meant)
    screen.tell(f"@{name} stands for {meant} now, here and after --where")


def _forget(screen: "BrowseScreen", text: str) -> None:
    named_filters.forget(screen.kind, text.removeprefix("@"))
    screen.tell(f"@{text.removeprefix('@')} stands for nothing any more")


def _sort(screen: "BrowseScreen", text: str) -> None:
    selected(screen.kind, None, text, [])
    screen.sort_by(text or "-id")


def _columns(screen: "BrowseScreen", text: str) -> None:
    screen.change_columns(column_names(screen.kind, text or None) if text else [])


def _export(screen: "BrowseScreen", text: str) -> None:
    from tui.app.screens.export import SUFFIXES, Export

    file = from_home(text).absolute()
    if file.suffix not in SUFFIXES:
        raise UsageError("Name a file that ends in .csv or .json: `:export runs.csv`.")
    screen.export(Export(file, whole=False))


def _view(screen: "BrowseScreen", text: str) -> None:
    if text not in KIND_KEYS:
        raise unknown_name("view", text, KIND_KEYS)
    screen.open_view(text)


def _theme(screen: "BrowseScreen", text: str) -> None:
    if text not in screen.app.available_themes:
        raise unknown_name("theme", text, screen.app.available_themes)
    screen.app.theme = text


def _tag(screen: "BrowseScreen", text: str) -> None:
    screen.tag(text)


def _note(screen: "BrowseScreen", text: str) -> None:
    screen.note(text)


#: name -> (what it does, with what stands after it; how)
COMMANDS: dict[str, tuple[str, Command]] = {
    "filter": ("filter CONDITIONS: keep only rows for which they hold; alone: all rows", _filter),
    "save": ("save NAME: give the filter a name; @NAME brings it back", _save),
    "forget": ("forget NAME: take a filter's name away", _forget),
    "sort": ("sort COLUMNS: order by them, largest first after a minus", _sort),
    "columns": ("columns A,B: show these; alone: those of the beginning", _columns),
    "view": ("view KIND: runs, models, paths or bounds", _view),
    "tag": ("tag WORDS: give tags, take away those after a minus", _tag),
    "note": ("note TEXT: write a note", _note),
    "export": ("export FILE: write the table to a .csv or .json file", _export),
    "theme": ("theme NAME: other colours", _theme),
}
