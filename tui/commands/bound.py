"""`thalweg bound`."""

from collections.abc import Sequence

import click

from core.specs.bounds import BOUNDS
from tui.asking import bound_spec
from tui.kinds import Name
from tui.option_help import OptionsCommand, Records, fields, keys_option
from tui.output import print_json
from tui.results import print_bound
from tui.running import How, detached, finished, made_by, nothing, run_options, status_of, texts_of

EPILOG = """\b
Example:
  thalweg bound 1 --kind rank -o samples=500
"""


def _records(ctx: click.Context) -> Records:
    chosen = ctx.params.get("kind")
    shown = {chosen: BOUNDS[chosen]} if chosen in BOUNDS else BOUNDS
    return {f"Options of --kind {name}": (record, fields(record)) for name, record in shown.items()}


@click.command(cls=OptionsCommand, records=_records, epilog=EPILOG)
@click.argument("model")
@click.option("--kind", required=True, is_eager=True, type=Name(lambda: BOUNDS), help=f"One of {', '.join(BOUNDS)}.")
@click.option("--name", metavar="TEXT", help="What to call it.")
@keys_option
@run_options
def bound(how: How, model: str, kind: str, options: Sequence[str], **flags: str | None) -> int:
    """Compute a quantity of one MODEL (an id, or run:ID for what a run makes)."""
    spec = bound_spec(model, kind, texts_of(options, flags, "bound"))
    client = how.client()
    run_id = client.enqueue(spec, device=how.device)
    if how.detach:
        return detached(how, [run_id])
    runs = finished(how, client, [run_id])
    found = made_by(client, "bounds", runs)
    row = found[0] if found else nothing(run_id, runs[0].state)
    if how.as_json:
        print_json(row)
    elif row["id"] is not None:
        print_bound(row, client.catalogue)
    return status_of(runs)
