"""Typed options with limits and help, read from `key=value` texts.

Every option of every run is one field of an `Options` record: its type, default, limits and help stand
there once, and the command line, the forms and the stored JSON are derived from it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeVar

import msgspec
from msgspec import Meta
from msgspec import inspect as types

from core.errors import UsageError, printable, unknown_name

Count = Annotated[int, Meta(ge=1)]
T = TypeVar("T", bound="Options")
SWITCH = ("true", "false")
LARGEST = 2**62  # whole numbers from here on don't fit tensors and tables


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen record of options; fields carry their limits and help as `Meta`.

    A request whose options need a view by layers, or models in float64, is refused before it is enqueued.
    """

    needs_layers: ClassVar[bool] = False
    needs_float64: ClassVar[bool] = False

    @classmethod
    def read(cls, texts: Mapping[str, object], of: str) -> Self:
        """Read options from texts; `of` says in errors whose options these are.

        Raises UsageError naming the option, what was given and what is allowed.
        """
        known = {option.name: option for option in describe(cls)}
        for key, value in texts.items():
            if key not in known:
                raise unknown_name(f"option of {of}", key, known)
            if isinstance(value, str) and not _is_unicode(value):
                raise UsageError(f"{of}: {key} {printable(value)} is not valid UTF-8: give it a name that is.")
        try:
            record = msgspec.convert(dict(texts), cls, strict=False)
        except msgspec.ValidationError as error:
            raise _refused(error, texts, known, of) from None
        for name, option in known.items():
            value = getattr(record, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f"{of}: {name} must be {option.allowed}, not {value}: it has to be finite.")
            if isinstance(value, int) and abs(value) >= LARGEST:
                raise UsageError(f"{of}: {name} must be below 2^62, not {value}.")
        return record

    def changed(self, texts: Mapping[str, object], of: str) -> Self:
        """The same record with some options replaced."""
        if not texts:
            return self
        plain = msgspec.to_builtins(self)
        plain.pop(type(self).__struct_config__.tag_field, None)
        return type(self).read({**plain, **texts}, of)


@dataclass(frozen=True)
class Option:
    """One option as people see it; `choices` are all its values, where they can be listed."""

    name: str
    allowed: str
    default: object
    help: str
    required: bool
    choices: tuple[str, ...] = ()

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off: its flag, if it has one, takes no value."""
        return self.choices == SWITCH


@cache
def describe(record: type[Options]) -> tuple[Option, ...]:
    """All options of a record, in order of declaration."""
    info = types.type_info(record)
    assert isinstance(info, types.StructType)
    return tuple(
        Option(
            field.name,
            _allowed(field.type),
            None if field.required else _default(field),
            _help(field.type),
            field.required,
            _choices(field.type),
        )
        for field in info.fields
        if field.name != (info.tag_field or "")
    )


def pairs(texts: tuple[str, ...] | list[str], of: str) -> dict[str, str]:
    """Split `key=value` texts; dashes in a key are underscores. Raises UsageError for other forms."""
    found: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"{of}: options are written key=value, not {text!r}.")
        name = key.strip().replace("-", "_")
        if name in found:
            raise UsageError(f"{of}: {name} is given twice, as {found[name]} and as {value.strip()}: give it once.")
        found[name] = value.strip()
    return found


def _is_unicode(text: str) -> bool:
    """False for undecodable bytes from a command line, which can't be stored."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def _default(field: types.Field) -> object:
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()


def _help(kind: types.Type) -> str:
    if isinstance(kind, types.Metadata):
        schema = kind.extra_json_schema or {}
        return str(schema.get("description", "")) or _help(kind.type)
    return ""


def _choices(kind: types.Type) -> tuple[str, ...]:
    match kind:
        case types.Metadata():
            return _choices(kind.type)
        case types.LiteralType():
            return tuple(str(value) for value in kind.values)
        case types.BoolType():
            return SWITCH
        case types.UnionType(types=(one, types.NoneType())) | types.UnionType(types=(types.NoneType(), one)):
            return _choices(one)
        case _:
            return ()


def _allowed(kind: types.Type) -> str:
    """What a type and its limits allow, in words."""
    words = type(kind).__name__.removesuffix("Type").lower()
    match kind:
        case types.Metadata():
            words = _allowed(kind.type)
        case types.UnionType():
            words = " or ".join(_allowed(one) for one in kind.types if not isinstance(one, types.NoneType))
        case types.LiteralType():
            words = "one of " + ", ".join(str(value) for value in kind.values)
        case types.BoolType():
            words = "true or false"
        case types.IntType():
            words = "a whole number" + _limits(kind)
        case types.FloatType():
            words = "a number" + _limits(kind)
        case types.StrType():
            words = "a text"
        case types.VarTupleType():
            words = f"a list, each {_allowed(kind.item_type)}"
        case types.StructType():
            words = f"options of {kind.cls.__name__}"
    return words


def _limits(kind: types.IntType | types.FloatType) -> str:
    words = (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most"))
    limits = [(word, getattr(kind, key)) for key, word in words]
    parts = [f"{word} {'2^62' if limit == LARGEST else f'{limit:g}'}" for word, limit in limits if limit is not None]
    return f" {' and '.join(parts)}" if parts else ""


def _refused(
    error: msgspec.ValidationError, texts: Mapping[str, object], known: Mapping[str, Option], of: str
) -> UsageError:
    match = re.search(r"`\$\.(\w+)", str(error))
    if match and match[1] in known:
        name = match[1]
        return UsageError(f"{of}: {name} must be {known[name].allowed}, not {_value_text(texts.get(name))}.")
    if match := re.search(r"missing required field `(\w+)`", str(error)):
        return UsageError(f"{of} needs {match[1]}, {known[match[1]].allowed}: {known[match[1]].help}.")
    return UsageError(f"{of}: {error}.")


def _value_text(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def text_of(value: Any) -> str:
    """One option's value as it is typed: true, 0.1, 300-100."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "-".join(str(one) for one in value)
    return str(value)
