"""`thalweg bound`."""

from collections.abc import Sequence

import click

from core.specs.bounds import BOUNDS
from tui.asking import bound_spec
from tui.kinds import Name
from tui.option_help import OptionsCommand, Records, fields, keys_option
from tui.results import print_bound
from tui.running import How, answered, run_options, texts_of

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
    return answered(how, spec, "bounds", lambda row, client: print_bound(row, client.catalogue))
