"""`thalweg show`."""

import sys
from typing import TYPE_CHECKING, Any, get_args

import click
from click.core import ParameterSource

import store
from core.errors import UsageError
from core.specs.runs import Loss
from tui.cli.arguments import MARKED, Id, Kind, OneOf
from tui.cli.commands.listing import ensure_agent
from tui.cli.location import CommandLocation, engine_of
from tui.cli.network_facts import show_network
from tui.cli.output import heading, pairs, print_json, say, table
from tui.cli.results import measurements_table
from tui.cli.run_command import data_option, json_option
from tui.shared.columns import OTHERS, TIMES, Row, cell, excess, list_columns, moment, options, state_word
from tui.shared.formatting import value
from tui.shared.json_values import decoded
from tui.shared.log_reader import last_lines
from tui.shared.references import settle_references

if TYPE_CHECKING:
    from store import Catalogue

FIRST = ("state", "outcome", "cause_kind", "cause")  # how it ended comes before all other facts
LOG_LINES = 12
MOST = 40  # rows of a nested table


EPILOG = """\b
Example:
  thalweg show run 3
  thalweg show path 1 --json
  thalweg show network file:net.py:make --data digits
"""


@click.command(epilog=EPILOG)
@click.argument("kind", type=Kind((*MARKED, "networks")))
@click.argument("row_id", metavar="ID")
@click.option("--data", metavar="DATA", help="Of a network: the data set that it is for.")
@click.option(
    "--loss",
    metavar="LOSS",
    type=OneOf(get_args(Loss)),
    help="Of a network: the loss, if not the usual one of its data.",
)
@json_option
@data_option
@click.pass_obj
def show(location: CommandLocation, /, kind: str, row_id: str, as_json: bool, **of_network: Any) -> None:
    """Show everything about one run, model, path or bound.

    Of a network (in place of ID, with --data): its parts, and which methods and certificates apply, or why not.
    """
    if kind == "networks":
        show_network(row_id, **of_network, as_json=as_json)
        return
    context = click.get_current_context()
    if any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in of_network):
        raise UsageError("--data, --loss and --data-root go with `show network` alone: leave them out.")
    parameter = next(one for one in context.command.params if one.name == "row_id")
    _show_row(location, kind, Id().convert(row_id, parameter, context), as_json=as_json)


def _show_row(location: CommandLocation, kind: str, row_id: int, *, as_json: bool) -> None:
    catalogue = location.open()
    if kind == "runs":
        ensure_agent(catalogue)
    with catalogue.read() as session:
        row = store.show_row(session, kind, row_id)
    if as_json:
        print_json(decoded(row))
        return
    if kind == "runs":
        with catalogue.read() as session:
            (row,) = settle_references(session, [row])
    heading(f"{kind.removesuffix('s')} {row_id}", first=True)
    nested = {key: part for key, part in row.items() if isinstance(part, list)}
    own = {key: part for key, part in row.items() if key not in nested and key != "id"}
    if kind == "runs":
        own = {key: own[key] for key in FIRST} | own | {"state": state_word(row)}
    pairs([(key, excess(row) if key == "excess" else cell(key, part)) for key, part in own.items() if part is not None])
    pairs([("empty", ", ".join(key for key, part in own.items() if part is None))])
    for key, part in nested.items():
        _nested(key, part)
    if kind == "runs" and row["state"] == "failed":
        _log(catalogue, row_id)


def _log(catalogue: "Catalogue", run_id: int) -> None:
    """The end of a run's log, after all facts: it may be a traceback."""
    if lines := last_lines(engine_of(catalogue).log_file(run_id), LOG_LINES):
        heading("last lines of its log")
        say("\n".join(lines))


def _nested(key: str, part: list[Any]) -> None:
    if not part:
        return
    if not isinstance(part[0], dict):
        heading(f"{key}: {', '.join(value(one) for one in part)}")
        return
    heading(key.removesuffix("_list"))
    most = len(part) if key == "measurements" else MOST
    rows: list[Row] = part[:most]
    if key in OTHERS:
        shown = list_columns(key, sys.stdout.encoding)
        table(
            [one.title for one in shown],
            [[one.cell(row) for one in shown] for row in rows],
            squeeze=[one.title for one in shown if one.squeeze],
        )
    elif key == "measurements":
        measurements_table(rows)
    else:
        _plain(key, rows)
        if environment := rows[-1].get("environment"):
            heading("environment of the newest")
            say(options(environment))
    if len(part) > most:
        say(f"and {len(part) - most} more; --json gives all")


NESTED = {
    "attempt_list": ("number", "state", "host", "device", "started_at", "finished_at", "cause"),
    "segment_list": ("position", "kind", "claim", "verdict", "bound", "length", "reason"),
    "notes": ("id", "created_at", "text"),
}


def _plain(key: str, rows: list[Row]) -> None:
    columns = [name for name in NESTED.get(key, tuple(rows[0])) if name in rows[0]]
    squeeze = [name for name in columns if name in ("cause", "reason", "host")]
    cells = [[moment(row[name]) if name in TIMES else value(row[name]) for name in columns] for row in rows]
    table([name.removesuffix("_at") for name in columns], cells, squeeze=squeeze)
