"""`thalweg points`."""

from pathlib import Path

import click

from core.errors import UsageError
from tui.cli.arguments import Id, WholeNumber
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.cli.run_command import json_option, trust_option
from tui.shared.files import file_facts, write_target


@click.command(
    epilog="\b\nExamples:\n  thalweg points 3 --count 25 --to path-3.safetensors\n"
    "  thalweg points 3 --knots --to knots-3.safetensors"
)
@click.argument("path_id", metavar="PATH", type=Id())
@click.option("--count", type=WholeNumber(2), metavar="N", help="How many points, ends included.")
@click.option("--knots", is_flag=True, help="The knots instead, with what is proven between them.")
@click.option("--to", "file", required=True, metavar="FILE", type=click.Path(path_type=Path), help="safetensors.")
@json_option
@trust_option
@click.pass_obj
def points(  # noqa: PLR0913 - one for each thing that can be said
    location: CommandLocation, path_id: int, file: Path, *, count: int | None, knots: bool, as_json: bool, trust: bool
) -> None:
    """Write N parameter vectors along a path, equally spaced in t, for other people's code.

    One tensor of shape (N, ...) for each name of the network's state dict, and t of shape (N,). Points of an enclosed
    path are in float64, for which its level is proven.

    With --knots, write the path itself: its knots bit for bit, and the pieces that it is proven on. The page "Check it
    yourself" of the documentation reads that file.
    """
    if (count is None) != knots:
        raise UsageError("Give --count N for points along the path or --knots for its knots, one of the two.")
    client = location.client(trust=trust)
    with write_target(file.absolute()) as draft:
        facts = client.knots(path_id, draft) if count is None else client.points(path_id, count, draft)
    if as_json:
        print_json({**facts, **file_facts(file)})
    reason = f" in {facts['dtype']}: {facts['dtype_reason']}" if "dtype_reason" in facts else ""
    what = f"{facts['knots']} knots" if count is None else f"{count} points"
    note(f"{what} of path {path_id} written to {file}{reason}")
