"""The prompt: filters after a slash, commands after a colon."""

from collections.abc import Callable, Sequence

from core.errors import UsageError, unknown_name
from core.files import from_home
from store import COLUMNS
from store.columns import columns_of
from store.filters import as_sql, parse
from store.listing import select_cells
from tui.app.actions import APP_ACTIONS
from tui.app.screens.browse import export_table, marking
from tui.app.screens.browse.actions import ACTIONS, BY_VERB, unable
from tui.app.screens.browse.browser import Browser
from tui.app.screens.export import SUFFIXES, Export
from tui.app.widgets.keys import KIND_KEYS
from tui.shared import named_filters
from tui.shared.columns import column_names

#: Actions that need nothing more: as they are typed, and as they are run.
TYPED = {
    one.name: f"{owner}{one.name}"
    for owner, actions in (("", ACTIONS), ("app.", APP_ACTIONS))
    for one in actions
    if one.typed
}


def ask_filter(browser: Browser) -> None:
    """Open the line for filters, at the one that is on."""
    names = [*(f"@{name}" for name in browser.named_filters()), *(column.name for column in COLUMNS[browser.kind])]
    browser.prompt.ask("/", browser.view.view.where, lambda _: names, browser.session.filters)


def ask_command(browser: Browser) -> None:
    """Open the line for commands."""
    browser.prompt.ask(":", "", lambda line: completions(browser, line), [])


def completions(browser: Browser, line: str) -> Sequence[str]:
    """Completions for the end of the line."""
    name, space, _ = line.partition(" ")
    if not space:
        return [*COMMANDS, *TYPED]
    if name in ("filter", "sort", "columns"):
        return list(columns_of(browser.kind))
    if name == "forget":
        return list(browser.named_filters())
    if name == "view":
        return list(KIND_KEYS)
    return list(browser.screen.app.available_themes) if name == "theme" else []


def run(browser: Browser, sign: str, text: str) -> str | None:
    """Do what was typed, or return the action that it names. Raises UsageError, FilterError."""
    if sign == "/":
        _filter(browser, text)
        return None
    name, _, rest = text.strip().partition(" ")
    if name.isascii() and name.isdigit():
        browser.go_to_row(browser.kind, int(name[:18]))
        return None
    if name in BY_VERB and (why := unable(BY_VERB[name], browser)):
        raise UsageError(why)
    if name in COMMANDS:
        COMMANDS[name](browser, rest.strip())
    elif name in TYPED:
        return TYPED[name]
    elif name:
        raise unknown_name("command", name, {*COMMANDS, *TYPED})
    return None


def conditions(kind: str, text: str) -> str:
    """A filter as it was meant, names expanded. Raises UsageError, FilterError."""
    meant = named_filters.expand(kind, text).strip()
    as_sql(parse(meant), kind)
    return meant


def _filter(browser: Browser, text: str) -> None:
    browser.filter_by(conditions(browser.kind, text))


def _save(browser: Browser, text: str) -> None:
    name, _, rest = text.partition(" ")
    meant = conditions(browser.kind, rest) or browser.view.view.where
    if not name:
        raise UsageError("Give the filter a name: `:save bad`, or `:save bad state=failed`.")
    if not meant:
        raise UsageError("All rows are shown, so there is no filter to name.")
    named_filters.keep(browser.kind, name, meant)
    browser.tell(f"@{name} stands for {meant}, here and after --where")


def _forget(browser: Browser, text: str) -> None:
    named_filters.forget(browser.kind, text.removeprefix("@"))
    browser.tell(f"@{text.removeprefix('@')} no longer stands for anything")


def _sort(browser: Browser, text: str) -> None:
    select_cells(browser.kind, None, text, [])
    browser.sort_by(text or "-id")


def _columns(browser: Browser, text: str) -> None:
    browser.change_columns(column_names(browser.kind, text) if text else [])


def _export(browser: Browser, text: str) -> None:
    file = from_home(text).absolute()
    if file.suffix not in SUFFIXES:
        raise UsageError("Name a file that ends in .csv or .json: `:export runs.csv`.")
    browser.start_conversation(export_table.export_table(browser, Export(file, whole=False)))


def _view(browser: Browser, text: str) -> None:
    if text not in KIND_KEYS:
        raise unknown_name("view", text, KIND_KEYS)
    browser.open_view(text)


def _theme(browser: Browser, text: str) -> None:
    themes = browser.screen.app.available_themes
    if text not in themes:
        raise unknown_name("theme", text, themes)
    browser.screen.app.theme = text


#: Commands that take words, by name.
COMMANDS: dict[str, Callable[[Browser, str], None]] = {
    "filter": _filter,
    "save": _save,
    "forget": _forget,
    "sort": _sort,
    "columns": _columns,
    "view": _view,
    "tag": marking.tag,
    "note": marking.note,
    "export": _export,
    "theme": _theme,
}
