"""`thalweg cancel`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

import store
from store.errors import StoreError
from store.states import FINISHED
from tui.cli.arguments import Id
from tui.cli.chosen_rows import chosen_ids, is_agreed, with_row_choice, yes_option
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.cli.run_command import json_option
from tui.shared.formatting import named

if TYPE_CHECKING:
    from core.engine.client import Client

MOST_NAMED = 8  # runs, one a line

EPILOG = """\b
Examples:
  thalweg cancel 12 13
  thalweg cancel --where study=nbm21-fig3a
"""


@click.command(epilog=EPILOG)
@click.argument("run_ids", metavar="[RUN...]", type=Id(), nargs=-1)
@with_row_choice
@click.option("--force", is_flag=True, help="Give up runs on machines whose agent has been silent for 10 minutes.")
@yes_option
@json_option
@click.pass_obj
def cancel(
    location: CommandLocation, /, run_ids: tuple[int, ...], where: str | None, every: bool, **flags: bool
) -> None:
    """Cancel queued or running runs; what they were given time to write is kept.

    Asks before it cancels runs that are not named but chosen.
    """
    client = location.client()
    ids = chosen_ids(client.catalogue, "runs", run_ids, where, every, state="queued,running,stale")
    if run_ids:
        _require_going(client, ids)
    elif not ids:
        note("Nothing was cancelled: no such run is queued or running.")
    elif not is_agreed(f"cancel {named('runs', ids)}", "What they wrote until then is kept.", yes=flags["yes"]):
        ids = []
    after = _cancelled(client, ids, force=flags["force"]) if ids else {}
    if flags["as_json"]:
        print_json([{"kind": "runs", "id": run_id, "state": state} for run_id, state in after.items()])
        return
    for state, what in (("cancelled", "cancelled"), ("running", "asked to stop"), ("stale", "asked to stop")):
        _say(what, [run_id for run_id, one in after.items() if one == state])


def _require_going(client: "Client", run_ids: Sequence[int]) -> None:

    with client.catalogue.read() as session:
        for run in store.Runs(session).several(run_ids):
            if run.state in FINISHED:
                raise StoreError(f"Run {run.id} is {run.state} already; nothing was cancelled.")


def _cancelled(client: "Client", run_ids: Sequence[int], *, force: bool) -> dict[int, str]:
    """The states that runs are in, now that they were cancelled, asked to stop, or given up."""
    if force:
        from core.engine.silent_machines import give_up  # noqa: PLC0415 - half a second with its database; no --help needs it

        give_up(client.catalogue, run_ids)
        return dict.fromkeys(run_ids, "cancelled")
    before = client.cancel(run_ids)
    return {run_id: "cancelled" if state == "queued" else state for run_id, state in before.items()}


def _say(text: str, ids: Sequence[int]) -> None:
    if len(ids) > MOST_NAMED:
        click.echo(f"{named('runs', ids)}: {text}")
    else:
        click.echo("".join(f"run {run_id}: {text}\n" for run_id in ids), nl=False)
