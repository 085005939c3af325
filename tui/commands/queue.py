"""`thalweg cancel`."""

import click

from store.errors import StoreError
from tui.kinds import Id
from tui.output import print_json
from tui.place import Place
from tui.running import json_option
from tui.waiting import FINISHED


@click.command(epilog="\b\nExample:\n  thalweg cancel 12 13")
@click.argument("run_ids", metavar="RUN...", type=Id(), nargs=-1, required=True)
@json_option
@click.pass_obj
def cancel(place: Place, run_ids: tuple[int, ...], as_json: bool) -> None:
    """Cancel queued or running runs; what they were given time to write is kept."""
    from store.runs import Runs

    client = place.client()
    with client.catalogue.read() as session:
        for run_id in run_ids:
            run = Runs(session).get(run_id)
            if run.state in FINISHED:
                raise StoreError(f"Run {run_id} is {run.state} already; nothing was cancelled.")
    states = {run_id: client.cancel(run_id) for run_id in run_ids}
    if as_json:
        print_json([{"kind": "runs", "id": run_id, "state": state} for run_id, state in states.items()])
        return
    for run_id, state in states.items():
        click.echo(f"run {run_id}: {'cancelled' if state == 'cancelled' else 'asked to stop'}")
