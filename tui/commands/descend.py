"""`thalweg descend`."""

from collections.abc import Sequence

import click

from core.specs.runs import Descend, ModelRef, changed
from tui.option_help import OptionsCommand, Records, keys_option
from tui.results import print_path
from tui.running import How, answered, run_options, texts_of

SET_BY_KEYS = ("theorem", "delta", "points", "seed")
EPILOG = """\b
Example:
  thalweg descend 1 --to 0.001
"""


def _records(_: click.Context) -> Records:
    return {"Options set by -o": (Descend, SET_BY_KEYS)}


@click.command(cls=OptionsCommand, records=_records, epilog=EPILOG)
@click.argument("model")
@click.option("--to", metavar="EPS", required=True, help="The train loss to reach, above the lowest there can be.")
@click.option("--name", metavar="TEXT", help="What to call the path and the model it leads to.")
@keys_option
@run_options
def descend(how: How, model: str, to: str, options: Sequence[str], **flags: str | None) -> int:
    """Construct a path from MODEL down to a new model, along which the train loss never rises.

    MODEL is an id, or run:ID for what a run makes. It has to be in float64, and wide for its number of samples.
    """
    texts = texts_of(options, {**flags, "to": to}, "descend")
    spec = changed(Descend(model=ModelRef.read(model), to=1.0), texts)
    return answered(how, spec, "paths", lambda row, _: print_path(row))
