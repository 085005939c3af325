"""`NAME[:ARGUMENT][,key=value...]`: how networks and data sets are written.

`fcn:245x10,activation=tanh` names the record `Fcn`, gives its argument field and one option. `written`
is the inverse: the shortest text that reads back as the same record, so equal things look equal.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from core.errors import UsageError, unknown_name
from core.specs.options import Options, describe, pairs, text_of


class Named(Options, frozen=True, kw_only=True):
    """A record that people write by name; `argument` is the field behind the colon."""

    argument: ClassVar[str | None] = None
    example: ClassVar[str] = ""

    @classmethod
    def read_argument(cls, text: str) -> object:
        """The argument field's value; raises ValueError where the text is not of its form."""
        return text

    def write_argument(self) -> str:
        """The inverse of `read_argument`."""
        return text_of(getattr(self, self.argument or ""))

    def __str__(self) -> str:
        return shortest_text(self)


def whole_path(name: str, given: str) -> str:
    """The absolute form of a path that stands in a name. Raises UsageError where it can't stand there."""
    try:
        path = str(Path(given).expanduser().absolute())
    except RuntimeError as error:  # ~somebody
        raise UsageError(f"{name}:{given}: {str(error).rstrip('.')}; write the full path.") from None
    if path != path.strip() or set(path) & {",", "\0"}:
        raise UsageError(
            f"{name}:{path!r}: the path must not contain a comma or end in a blank: rename it or link to it."
        )
    return path


T = TypeVar("T", bound=Named)


def name_of(spec: Named) -> str:
    """The name before the colon."""
    return str(type(spec).__struct_config__.tag)


def parse(text: str, registry: Mapping[str, type[T]], noun: str) -> T:
    """Read one `NAME[:ARGUMENT][,key=value...]`. Raises UsageError with the nearest known name."""
    head, *rest = text.strip().split(",")
    name, colon, argument = head.partition(":")
    if name not in registry:
        raise unknown_name(noun, name, registry)
    record = registry[name]
    given: dict[str, Any] = dict(pairs(rest, name))
    if record.argument is None and colon:
        raise UsageError(f"{name} takes no argument after a colon: write {record.example}.")
    if record.argument is not None:
        if record.argument in given:
            raise UsageError(f"{name}: {record.argument} goes after the colon only: {record.example}.")
        if not argument:
            raise UsageError(f"{name} needs an argument: write, for example, {record.example}.")
        try:
            given[record.argument] = record.read_argument(argument)
        except ValueError as error:
            raise UsageError(f"{name}:{argument}: {error}; write, for example, {record.example}.") from None
    return record.read(given, name)


def shortest_text(spec: Named) -> str:
    """The shortest text that reads back as `spec`."""
    head = name_of(spec)
    if spec.argument is not None:
        head += f":{spec.write_argument()}"
    options = [
        f"{option.name}={text_of(getattr(spec, option.name))}"
        for option in describe(type(spec))
        if option.name != spec.argument and getattr(spec, option.name) != option.default
    ]
    return ",".join([head, *options])


def read_widths(text: str) -> tuple[int, ...]:
    """`245x10` is ten layers of 245; `300-100` is one of 300 and one of 100; both mix: `300-100x2`."""
    widths: list[int] = []
    for part in text.split("-"):
        match = re.fullmatch(r"(\d+)(?:x(\d+))?", part)
        if match is None:
            raise ValueError(f"{part!r} is not a width or WIDTHxLAYERS")
        width, times = int(match[1]), int(match[2] or 1)
        if width < 1 or times < 1:
            raise ValueError("widths and numbers of layers must be at least 1")
        if len(widths) + times > 10_000 or width > 10_000_000:
            raise ValueError("that is more than 10,000 layers or 10,000,000 units wide")
        widths += [width] * times
    return tuple(widths)


def write_widths(widths: tuple[int, ...]) -> str:
    """The inverse of `read_widths`, runs of one width folded."""
    parts: list[list[int]] = []
    for width in widths:
        if parts and parts[-1][0] == width:
            parts[-1][1] += 1
        else:
            parts.append([width, 1])
    return "-".join(str(width) if times == 1 else f"{width}x{times}" for width, times in parts)
