"""`thalweg connect`."""

from collections.abc import Sequence

import click

from core.specs.methods import METHODS
from core.specs.runs import OWN, Connect
from tui.asking import FLAGS, connect_spec
from tui.kinds import Name
from tui.option_help import OptionsCommand, Records, fields, keys_option
from tui.results import print_path
from tui.running import How, answered, run_options, texts_of

EPILOG = """\b
Example:
  thalweg connect 1 2 --method string -o alpha=0.8 --below 0.05
"""


def _records(ctx: click.Context) -> Records:
    chosen = ctx.params.get("method")
    own = tuple(name for name in OWN["connect"] if name not in FLAGS["connect"])
    records: dict[str, tuple[type, tuple[str, ...]]] = {"Options set by -o, of every method": (Connect, own)}
    for name, record in METHODS.items():
        if chosen in (name, None) or chosen not in METHODS:
            records[f"Options of --method {name}"] = (record, fields(record))
    return records


@click.command(cls=OptionsCommand, records=_records, epilog=EPILOG)
@click.argument("a")
@click.argument("b")
@click.option(
    "--method",
    required=True,
    is_eager=True,
    type=Name(lambda: METHODS),
    help=f"One of {', '.join(METHODS)}; before --help: its options alone.",
)
@click.option("--below", metavar="LOSS", help="A path whose level is above this has failed to connect.")
@click.option("--name", metavar="TEXT", help="What to call it.")
@keys_option
@run_options
def connect(how: How, a: str, b: str, method: str, options: Sequence[str], **flags: str | None) -> int:
    """Construct a low-loss path between models A and B, and print what it is worth.

    A and B are ids of models, or run:ID for what a run makes (run:ID:1 for its second model).
    """
    spec = connect_spec(a, b, method, texts_of(options, flags, "connect"))
    return answered(how, spec, "paths", lambda row, _: print_path(row))
