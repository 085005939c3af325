"""Named filters: `@name` means one, on the screen and after `--where`. One small JSON file for all."""

import re
from pathlib import Path

import msgspec
from platformdirs import user_config_path

from core.errors import UsageError, unknown_name
from tui.shared.files import own_text, write_private

Named = dict[str, dict[str, str]]  # by kind, then by name
NAME = re.compile(r"[\w-]{1,40}")
WORD = re.compile(r'"(?:[^"\\]|\\.)*"|(?:(?<=\s)|^)@(\S*)')  # quoted, or a name


def file() -> Path:
    return user_config_path("thalweg", appauthor=False) / "filters.json"


def filters_of(kind: str) -> dict[str, str]:
    """The filters of a kind by name. Raises UsageError where the file can't be read."""
    return dict(sorted(_load().get(kind, {}).items()))


def expand(kind: str, text: str) -> str:
    """A filter with its names replaced by their conditions. Raises UsageError for an unknown name."""
    filters = filters_of(kind) if "@" in text else {}

    def conditions(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        if not filters:
            raise UsageError(f"There is no filter @{name}: no filter of {kind} is saved yet. `:save NAME` saves one.")
        if name not in filters:
            raise unknown_name(f"filter of {kind}", name, filters)
        return filters[name]

    return WORD.sub(conditions, text)


def keep(kind: str, name: str, conditions: str) -> None:
    """Give conditions a name, or another meaning to it. Raises UsageError."""
    if NAME.fullmatch(name) is None:
        raise UsageError(f"A filter can't have the name {name!r}; use up to 40 letters, digits, - and _.")
    filters = _load()
    filters.setdefault(kind, {})[name] = conditions
    _save(filters)


def forget(kind: str, name: str) -> None:
    """Raises UsageError where there is no such name."""
    filters = _load()
    if name not in filters.get(kind, {}):
        raise unknown_name(f"filter of {kind}", name, filters.get(kind, {}))
    del filters[kind][name]
    _save(filters)


def _save(filters: Named) -> None:
    write_private(file(), msgspec.json.format(msgspec.json.encode(filters)))


def _load() -> Named:
    text = own_text(file())
    try:
        return {} if text is None else msgspec.json.decode(text, type=Named)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{file()} cannot be read: {error}. Fix or remove the file.") from None
