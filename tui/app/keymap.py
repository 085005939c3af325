"""Custom keys for the catalogue's screen: a TOML file of lines such as  filter = "f"  or  sort = "S,ctrl+o"."""

import tomllib
from collections import Counter
from pathlib import Path

from platformdirs import user_config_path
from textual.binding import BindingsMap
from textual.keys import Keys, _character_to_key, key_to_character

from core.errors import UsageError, unknown_name
from tui.app.actions import APP_ACTIONS, bindings_of
from tui.app.screens.browse.actions import ACTIONS
from tui.app.widgets.catalogue_table import CatalogueTable
from tui.shared.files import own_text

MODIFIERS = ("ctrl", "shift", "alt", "meta", "super", "hyper")
NAMES = {one.value for one in Keys}
ALL = [one for _, one in BindingsMap(bindings_of([*ACTIONS, *APP_ACTIONS]))]
USUAL = {one.id: one.key for one in ALL if one.id}
FIXED = {key for key, _ in BindingsMap([*CatalogueTable.BINDINGS, *(one for one in ALL if not one.id)])}


def keymap_file() -> Path:
    return user_config_path("thalweg", appauthor=False) / "keys.toml"


def load(file: Path) -> tuple[dict[str, str], list[str]]:
    """Keys by the names of actions, as Textual takes them, and why other entries are refused."""
    try:
        given = tomllib.loads(own_text(file) or "")
    except UsageError as error:
        return {}, [f"{error} The default keys are used."]
    except (ValueError, RecursionError) as error:
        return {}, [f"{file} cannot be read: {error}. The default keys are used."]
    chosen: dict[str, str] = {}
    refused = []
    for name, text in given.items():
        if (why := _refusal(name, text)) or not isinstance(text, str):
            refused.append(f"{file.name}: {why}")
        else:
            chosen[name] = ",".join(dict.fromkeys(_textual_name(key) for key in text.split(",")))
    while clash := _clash(chosen):
        name, key = clash
        del chosen[name]
        refused.append(
            f"{file.name}: {name} can't have the key {key}: something else has it. It keeps its default key."
        )
    return chosen, refused


def _refusal(name: str, text: object) -> str | None:
    """Why an entry is refused; None if it is valid."""
    if name not in USUAL:
        return str(unknown_name("action", name, USUAL))
    if not isinstance(text, str):
        return f'{name} needs keys as text, such as "f" or "f,ctrl+f".'
    bad = [key for key in text.split(",") if not _is_key(key.strip())]
    return f"{bad[0]!r} is not a key; write a letter, a sign, or a name such as ctrl+f, f5 or enter." if bad else None


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    named = len(last) == 1 or last in NAMES or key_to_character(last) is not None
    return key.isprintable() and named and all(one in MODIFIERS for one in modifiers)


def _textual_name(key: str) -> str:
    return _character_to_key(key.strip()) if len(key.strip()) == 1 else key.strip()


def _clash(chosen: dict[str, str]) -> tuple[str, str] | None:
    """An entry whose key something else has, too, and that key."""
    taken = Counter([*FIXED, *(key for text in {**USUAL, **chosen}.values() for key in text.split(","))])
    return next(((name, key) for name, text in chosen.items() for key in text.split(",") if taken[key] > 1), None)
