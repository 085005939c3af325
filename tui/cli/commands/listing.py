"""`thalweg list`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

import store
from tui.cli.arguments import LISTED, Kind, WholeNumber
from tui.cli.location import CommandLocation, engine_of
from tui.cli.output import note, print_json, table
from tui.cli.run_command import json_option
from tui.shared.columns import ListColumn, Row, all_of, column_names, list_columns
from tui.shared.json_values import decoded
from tui.shared.named_filters import expand
from tui.shared.references import settle_references

if TYPE_CHECKING:
    from store import Catalogue

EPILOG = """\b
Conditions are separated by spaces and must all hold: a column, one of
= != < <= > >= ~ (contains) !~, a value; commas mean any of; null is empty.
A column is a heading, or any name that --all-columns shows.
@NAME stands for conditions that were given a name on the screen, by :save.
An order is columns joined by commas; a minus in front: largest first.

\b
Example:
  thalweg list runs --where 'state=failed cause~memory' --sort -id
"""


@click.command(name="list", epilog=EPILOG)
@click.argument("kind", type=Kind(LISTED))
@click.option("--where", metavar="CONDITIONS", help="Only these, for example 'barrier<0.1 tag=good'.")
@click.option("--sort", metavar="COLUMNS", help="For example -max_train_loss. Default: by id.")
@click.option("--limit", type=WholeNumber(0), metavar="N", help="At most N.")
@click.option("--columns", metavar="A,B", help="These columns of the catalogue, by name.")
@click.option("--all-columns", is_flag=True, help="Every column of the catalogue.")
@json_option
@click.pass_obj
def list_(
    location: CommandLocation, /, kind: str, where: str | None, sort: str | None, limit: int | None, **flags: Any
) -> None:
    """List runs, models, paths, bounds, profiles, metrics or certificates: all of them, unless told otherwise."""
    columns, as_json = flags["columns"], flags["as_json"]
    where = expand(kind, where or "")
    names = column_names(kind, columns)
    rows = _rows(location, kind, where, sort, limit, as_stored=as_json)
    if as_json:
        print_json([decoded({name: row[name] for name in names}) for row in rows])
    elif rows:
        shown = _columns(kind, names, raw=bool(columns or flags["all_columns"]))
        squeezed = [one.title for one in shown if one.squeeze]
        table([one.title for one in shown], ([one.cell(row) for one in shown] for row in rows), squeeze=squeezed)
    elif where:
        note(f"No {kind} match.")
    else:
        note(f"There are no {kind} yet in {location.path}.")


def ensure_agent(catalogue: "Catalogue") -> None:
    """Make sure that an agent works on queued runs."""
    engine_of(catalogue).ensure_agent()


def _rows(
    location: CommandLocation, /, kind: str, where: str | None, sort: str | None, limit: int | None, *, as_stored: bool
) -> list[Row]:

    store.select_cells(kind, where, sort, [])  # refuses what can't be understood, also where nothing is there yet
    catalogue = location.if_there()
    if catalogue is None:
        return []
    if kind == "runs":
        ensure_agent(catalogue)
    with catalogue.read() as session:
        rows = store.list_rows(session, kind, where, sort, limit)
        return rows if as_stored or kind != "runs" else settle_references(session, rows)


def _columns(kind: str, names: Sequence[str], *, raw: bool) -> tuple[ListColumn, ...]:
    if not raw:
        return list_columns(kind, sys.stdout.encoding)

    return all_of(names, [column.name for column in store.COLUMNS[kind] if column.type == "time"])
