"""`thalweg connect`."""

from collections.abc import Sequence

import click

from core.specs.methods import METHODS
from core.specs.runs import OWN, Connect
from tui.asking import FLAGS, connect_spec
from tui.kinds import Name
from tui.option_help import OptionsCommand, Records, fields, keys_option
from tui.output import pairs, print_json, say
from tui.results import path_facts, path_title
from tui.running import How, detached, finished, made_by, nothing, run_options, status_of, texts_of

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
    client = how.client()
    run_id = client.enqueue(spec, device=how.device)
    if how.detach:
        return detached(how, [run_id])
    runs = finished(how, client, [run_id])
    found = made_by(client, "paths", runs)
    row = found[0] if found else nothing(run_id, runs[0].state)
    if how.as_json:
        print_json(row)
    elif row["id"] is not None:
        say(path_title(row))
        pairs(path_facts(row))
    return status_of(runs)
