"""Kinds of things in the catalogue, ids and other texts, as people type and complete them."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import click
from click.shell_completion import CompletionItem

from core.errors import unknown_name

MARKED = ("runs", "models", "paths", "bounds")
LISTED = (*MARKED, "profiles", "metrics")
LARGEST_ID = 2**63 - 1


@runtime_checkable
class Allowing(Protocol):
    """A type that knows all that may be written, or how it may begin."""

    def allowed(self) -> tuple[str, ...]: ...


class Kind(click.ParamType[str]):
    """One of the kinds, singular or plural; the plural comes out."""

    name = "kind"

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.kinds = kinds

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        plural = value if value in self.kinds else f"{value}s"
        if plural not in self.kinds:
            raise unknown_name("kind", value, self.kinds)
        return plural

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return completions(self.kinds, incomplete)

    def allowed(self) -> tuple[str, ...]:
        return self.kinds


class OneOf(click.ParamType[str]):
    """One of a few words."""

    name = "word"

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.words:
            self.fail(f"must be {' or '.join(self.words)}, not {value!r}", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return completions(self.words, incomplete)


class Whole(click.ParamType[int]):
    """A whole number within limits."""

    name = "number"

    def __init__(self, least: int, most: int = LARGEST_ID) -> None:
        self.least, self.most = least, most

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value)
        except ValueError:
            number = self.least - 1
        if not self.least <= number <= self.most:
            limits = f"at least {self.least}" if self.most == LARGEST_ID else f"from {self.least} to {self.most}"
            self.fail(f"must be a whole number, {limits}, not {str(value)!r}", param, ctx)
        return number


class Id(click.ParamType[int]):
    """The number of something in the catalogue."""

    name = "id"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if not (text.isascii() and text.isdigit() and int(text) <= LARGEST_ID):
            self.fail(f"must be an id, a whole number, not {text!r}", param, ctx)
        return int(text)


class Name(click.ParamType[str]):
    """A text that starts with a registered name; what it means is checked where it is read."""

    name = "name"

    def __init__(self, registry: Iterable[str]) -> None:
        self.registry = registry

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return completions(tuple(self.registry), incomplete)

    def allowed(self) -> tuple[str, ...]:
        return tuple(self.registry)


def completions(texts: tuple[str, ...] | list[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(text) for text in texts if text.startswith(incomplete)]
