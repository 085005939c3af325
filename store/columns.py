"""What can be listed, filtered, sorted and exported: the columns of every kind, with their meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Float, Integer, Table, func, select
from sqlalchemy import Text as SqlText
from sqlalchemy.sql.elements import KeyedColumnElement

from store.base import UtcTime
from store.errors import FilterError, StoreError
from store.models import ROLES
from store.run_tables import OUTCOMES, STATES
from store.schema import metadata

TYPES = {Integer: "integer", Float: "number", Boolean: "boolean", UtcTime: "time", SqlText: "text"}


@dataclass(frozen=True)
class Column:
    """A column by the name people use; `type` is text, integer, number, boolean, time or tags."""

    name: str
    type: str
    help: str
    sql: ColumnElement[Any]
    choices: tuple[str, ...] = ()


#: What lists call columns in their headings, and what these show: columns can be asked for by both names.
HEADINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "runs": {
        "what": ("network", "data", "method", "name"),
        "done": ("fraction",),
        "when": ("created_at", "started_at", "finished_at"),
    },
    "models": {"train_err": ("train_error",), "test_err": ("test_error",), "run": ("run_id",)},
    "paths": {
        "models": ("model_a", "model_b"),
        "highest": ("max_train_loss",),
        "norm_length": ("normalized_length",),
        "names": ("name_a", "name_b"),
    },
    "bounds": {"model": ("model_id",), "layers": ("layer_count",), "run": ("run_id",)},
    "certificates": {"path": ("path_id",), "certificate": ("kind",), "highest": ("seen",), "run": ("run_id",)},
}


def table_of(kind: str) -> Table:
    """The table of a kind ("runs"); StoreError when there is no such kind."""
    known_kind(kind)
    return metadata.tables["profile_points" if kind == "profiles" else kind]


def known_kind(kind: str) -> str:
    """`kind` itself; StoreError names those there are."""
    if kind not in COLUMNS:
        raise StoreError(f"{kind!r} is not a kind of row; choose one of {', '.join(COLUMNS)}.")
    return kind


def columns_of(kind: str) -> Mapping[str, Column]:
    """The kind's columns by name; StoreError when there is no such kind."""
    return {column.name: column for column in COLUMNS[known_kind(kind)]}


def called(name: str, kind: str) -> list[Column]:
    """The columns that people call so: by its own name, by a heading, or `tag`; FilterError suggests the nearest."""
    columns, headings = columns_of(kind), HEADINGS.get(kind, {})
    plain = name.strip().replace(" ", "_")
    if plain in columns:
        return [columns[plain]]
    if plain in headings:
        return [columns[one] for one in headings[plain]]
    if plain == "tag" and "tags" in columns:
        return [columns["tags"]]
    names = [*columns, *headings]
    near = get_close_matches(plain, names, n=1) or get_close_matches(plain, names, n=3, cutoff=0)
    raise FilterError(
        f"{kind} have no column {name!r}; did you mean {' or '.join(near)}? "
        f"`thalweg list {kind} --all-columns` shows all."
    )


def stored_columns(table: Table) -> list[Column]:
    """The columns stored in a table, in its order."""
    return [_column(stored) for stored in table.columns]


def _column(stored: KeyedColumnElement[Any]) -> Column:
    choices = {"state": STATES, "outcome": OUTCOMES, "role": ROLES}.get(stored.name, ())
    return Column(stored.name, TYPES[type(stored.type)], stored.doc or "", stored, choices)


def _tags(table: Table, kind: str) -> Column:
    tags = metadata.tables["tags"]
    mine = (tags.c.kind == kind) & (tags.c.owner_id == table.c.id)
    text = select(func.group_concat(tags.c.tag, ",")).where(mine).scalar_subquery()
    return Column("tags", "tags", "tags given by people, joined by commas", text)


def _attempts(runs: Table) -> Column:
    attempts = metadata.tables["attempts"]
    count = select(func.count()).where(attempts.c.run_id == runs.c.id).scalar_subquery()
    return Column("attempts", "integer", "how often it was started", count)


def _state(table: Table) -> Column:
    runs = metadata.tables["runs"]
    state = select(runs.c.state).where(runs.c.id == table.c.run_id).scalar_subquery()
    return Column("state", "text", "state of the run that made it", state, STATES)


def _name(paths: Table, end: str) -> Column:
    models = metadata.tables["models"]
    name = select(models.c.name).where(models.c.id == paths.c[f"model_{end}"]).scalar_subquery()
    return Column(f"name_{end}", "text", f"name of model_{end}", name)


def _all() -> dict[str, tuple[Column, ...]]:
    runs, models, paths, bounds = (metadata.tables[name] for name in ("runs", "models", "paths", "bounds"))
    certificates = metadata.tables["certificates"]
    return {
        "runs": (*stored_columns(runs), _attempts(runs), _tags(runs, "run")),
        "models": (*stored_columns(models), _state(models), _tags(models, "model")),
        "paths": (*stored_columns(paths), _name(paths, "a"), _name(paths, "b"), _state(paths), _tags(paths, "path")),
        "bounds": (*stored_columns(bounds), _state(bounds), _tags(bounds, "bound")),
        "profiles": tuple(stored_columns(metadata.tables["profile_points"])),
        "metrics": tuple(stored_columns(metadata.tables["metrics"])),
        "certificates": (*stored_columns(certificates), _state(certificates)),
    }


COLUMNS: dict[str, tuple[Column, ...]] = _all()
