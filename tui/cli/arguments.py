"""Kinds of things in the catalogue, ids and other texts, as people type and complete them."""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from core.errors import unknown_name

MARKED = ("runs", "models", "paths", "bounds")
LISTED = (*MARKED, "profiles", "metrics", "certificates")
LARGEST_ID = 2**63 - 1
SHOWN = 30  # letters of what is no number


class Name(click.ParamType[str]):
    """A text that starts with a registered name; what it means is checked where it is read."""

    name = "name"

    def __init__(self, registry: Iterable[str]) -> None:
        self.registry = registry

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return completions(self.allowed(), incomplete)

    def allowed(self) -> tuple[str, ...]:
        """All allowed names, or what they start with."""
        return tuple(self.registry)


class Kind(Name):
    """One of the kinds, singular or plural; the plural comes out."""

    name = "kind"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        plural = value if value in self.allowed() else f"{value}s"
        if plural not in self.allowed():
            raise unknown_name("kind", value, self.allowed())
        return plural


class OneOf(Name):
    """One of a few words."""

    name = "word"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.allowed():
            self.fail(f"must be {' or '.join(self.allowed())}, not {value!r}", param, ctx)
        return value


class WholeNumber(click.ParamType[int]):
    """A whole number within limits."""

    name = "number"

    def __init__(self, least: int, most: int = LARGEST_ID) -> None:
        self.least, self.most = least, most

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = whole_number(str(value))
        if number is None or not self.least <= number <= self.most:
            limits = f"at least {self.least}" if self.most == LARGEST_ID else f"from {self.least} to {self.most}"
            self.fail(f"must be a whole number, {limits}, not {str(value)[:SHOWN]!r}", param, ctx)
        return number


class Id(click.ParamType[int]):
    """The number of something in the catalogue."""

    name = "id"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = whole_number(str(value))
        if number is None:
            self.fail(f"must be an id, a whole number, not {str(value)[:SHOWN]!r}", param, ctx)
        return number


def whole_number(text: str) -> int | None:
    """The number written in digits, up to LARGEST_ID."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID))):
        return None
    number = int(text)
    return number if number <= LARGEST_ID else None


def completions(texts: tuple[str, ...] | list[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(text) for text in texts if text.startswith(incomplete)]
