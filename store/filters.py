r"""The filter language: `state=failed,stale method=string barrier<0.1 name~digits cause~"could not"`.

Conditions are separated by spaces and must all hold. A condition is a column, one of  = != < <= > >= ~ !~
and a value. `~` means "contains", whatever the case. Commas in the value of `=` and `!=` mean any of; `null`
is an empty cell; what stands in "double quotes" is taken as it is (\" for a quote). `!=` and `!~` hold for
empty cells.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, false, func, not_, or_, select, type_coerce

from store.columns import Column, called, known_kind
from store.errors import FilterError
from store.run_tables import OUTCOMES
from store.schema import metadata

OPERATORS = ("!=", "<=", ">=", "!~", "=", "<", ">", "~")
ITEM = r'"(?:[^"\\]|\\.)*"|[^\s,"]+'
CONDITION = re.compile(
    rf"\s*(?P<column>\w+(?: \w+)*)(?P<operator>{'|'.join(OPERATORS)})(?P<values>(?:{ITEM})(?:,(?:{ITEM}))*)(?=\s|$)",
    re.DOTALL,
)
TIME = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,6})?)?)?Z?)?)?)?")
EARLIEST = "0001-01-01T00:00:00"
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
ORDERED: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
MOST_CONDITIONS = 100
LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class FilterCondition:
    """One condition, as written; a value of None is `null`."""

    column: str
    operator: str
    values: tuple[str | None, ...]


def parse(text: str) -> list[FilterCondition]:
    """The conditions in a filter text; FilterError where it is none."""
    found: list[FilterCondition] = []
    place = 0
    while text[place:].strip():
        match = CONDITION.match(text, place)
        if match is None:
            raise FilterError(
                f"{text[place:].strip()!r} is not a condition; write a column, one of {' '.join(OPERATORS)} "
                'and a value without spaces around it, such as state=failed or cause~"could not".'
            )
        found.append(_condition(match["column"], match["operator"], match["values"]))
        place = match.end()
    if len(found) > MOST_CONDITIONS:
        raise FilterError(f"A filter takes at most {MOST_CONDITIONS} conditions; this one has {len(found)}.")
    return found


def _condition(column: str, sign: str, values: str) -> FilterCondition:
    items = tuple(_literal(item) for item in re.findall(ITEM, values, re.DOTALL))
    if len(items) > 1 and sign not in {"=", "!="}:
        raise FilterError(f"{column}{sign} takes one value, not {values}; put a value with commas in quotes.")
    if None in items and sign not in {"=", "!="}:
        raise FilterError(f"Empty cells cannot be compared by {sign}; write {column}=null or {column}!=null.")
    return FilterCondition(column, sign, items)


def _literal(item: str) -> str | None:
    if item.startswith('"'):
        return re.sub(r"\\(.)", r"\1", item[1:-1], flags=re.DOTALL)
    return None if item == "null" else item


def conditions_of(kind: str, where: str | None, besides: Sequence[str] = ()) -> list[ColumnElement[bool]]:
    """A filter's conditions; models of the role helper, and of the roles `besides`, only where it names `role`.

    FilterError, StoreError for an unknown kind.
    """
    conditions = parse(where or "")
    found = as_sql(conditions, known_kind(kind))
    if kind == "models" and all(one.column != "role" for one in conditions):
        found.append(metadata.tables["models"].c.role.not_in(("helper", *besides)))
    return found


def as_sql(conditions: list[FilterCondition], kind: str) -> list[ColumnElement[bool]]:
    """The conditions as SQL over a kind's columns; FilterError for unknown columns and wrong values."""
    return [_sql(condition, called(condition.column, kind), kind) for condition in conditions]


def _sql(condition: FilterCondition, columns: Sequence[Column], kind: str) -> ColumnElement[bool]:
    """That it holds for one of the columns that a heading shows, or, negated, for none of them."""
    if not condition.operator.startswith("!"):
        return or_(*(_holds(condition, column, kind) for column in columns))
    positive = FilterCondition(condition.column, condition.operator[1:], condition.values)
    held = (_holds(positive, column, kind) for column in columns)
    return not_(or_(*(func.coalesce(one, false()) for one in held)))  # an empty cell is not equal


def _holds(condition: FilterCondition, column: Column, kind: str) -> ColumnElement[bool]:
    text = condition.values[0] or ""
    if column.type == "tags":
        return _tagged(condition, column, kind)
    if condition.operator == "=":
        return _any_of(column, condition.values)
    if condition.operator == "~":
        return _contains(column, text)
    if column.type == "boolean":
        raise FilterError(f"{column.name} is true or false and has no order; write {column.name}=true.")
    return ORDERED[condition.operator](_comparable(column), _value(column, text))


def _any_of(column: Column, texts: Sequence[str | None]) -> ColumnElement[bool]:
    values = [_value(column, text) for text in texts if text is not None]
    if column.type == "time":  # as much of it as was written: a day, an hour, a second
        held = [_comparable(column).startswith(value, autoescape=True) for value in values]
    else:
        held = [column.sql.in_(values)]
    return or_(*held, column.sql.is_(None)) if None in texts else or_(*held)


def _comparable(column: Column) -> ColumnElement[Any]:
    return type_coerce(column.sql, Text()) if column.type == "time" else column.sql


def _contains(column: Column, text: str) -> ColumnElement[bool]:
    if column.type != "text":
        raise FilterError(f"{column.name} is not text, so {column.name}~ cannot be asked; use = < <= > >=.")
    return column.sql.icontains(_value(column, text, free=True), autoescape=True)


def _tagged(condition: FilterCondition, column: Column, kind: str) -> ColumnElement[bool]:
    """Membership: `tag=good` holds where "good" is one of the tags, `tag=null` where there are none."""
    tags, owner = metadata.tables["tags"], metadata.tables[kind]
    mine = select(tags.c.tag).where(tags.c.kind == kind.removesuffix("s"), tags.c.owner_id == owner.c.id)
    wanted = [_value(column, value) for value in condition.values if value is not None]
    if condition.operator == "~":
        return mine.where(tags.c.tag.icontains(wanted[0], autoescape=True)).exists()
    if condition.operator != "=":
        raise FilterError("Tags have no order; write tag=good, tag!=good or tag~goo.")
    found = mine.where(tags.c.tag.in_(wanted)).exists()
    return or_(found, ~mine.exists()) if None in condition.values else found


def _value(column: Column, text: str, *, free: bool = False) -> object:
    """The text as a value of the column's type; FilterError says what is allowed."""
    try:
        if column.type == "integer":
            number = int(text)
            return number if abs(number) <= LARGEST_INTEGER else _refuse(column, text, "a smaller number")
        if column.type == "number":
            return float(text) if float(text) == float(text) else _refuse(column, text, "a number, or null")
    except ValueError:
        _refuse(column, text, "a whole number" if column.type == "integer" else "a number")
    if column.type == "boolean":
        return TRUTH[text.lower()] if text.lower() in TRUTH else _refuse(column, text, "true or false")
    if column.type == "time":
        # A time stands for its beginning: text order is time order, and a prefix comes first.
        beginning = text.replace(" ", "T").removesuffix("Z")
        return beginning if _is_time(text, beginning) else _refuse(column, text, "a UTC time: 2026-11-01T09:30")
    if column.choices and text not in column.choices and not free:
        also = f", or outcome={text} of a run" if text in OUTCOMES else ""
        _refuse(column, text, f"one of {', '.join(column.choices)}{also}")
    if "\0" in text or not _encodable(text):
        _refuse(column, text, "readable text")
    return text


def _is_time(text: str, beginning: str) -> bool:
    """Whether it has the form of a time, or of its beginning, and stands in the calendar."""
    if not TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(beginning + EARLIEST[len(beginning) :])
    except ValueError:
        return False
    return True


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(column: Column, text: str, allowed: str) -> object:
    raise FilterError(f"{column.name} cannot be {text!r}; write {allowed}.")
