"""`thalweg points`."""

from pathlib import Path

import click

from tui.cli.arguments import Id, WholeNumber
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.cli.run_command import json_option, trust_option
from tui.shared.files import file_facts, write_target


@click.command(epilog="\b\nExample:\n  thalweg points 3 --count 25 --to path-3.safetensors")
@click.argument("path_id", metavar="PATH", type=Id())
@click.option("--count", type=WholeNumber(2), required=True, metavar="N", help="How many, ends included.")
@click.option("--to", "file", required=True, metavar="FILE", type=click.Path(path_type=Path), help="safetensors.")
@json_option
@trust_option
@click.pass_obj
def points(location: CommandLocation, path_id: int, count: int, file: Path, as_json: bool, trust: bool) -> None:
    """Write N parameter vectors along a path, equally spaced in t, for other people's code.

    One tensor of shape (N, ...) for each name of the network's state dict, and t of shape (N,).
    """
    client = location.client(trust=trust)
    with write_target(file.absolute()) as draft:
        facts = client.points(path_id, count, draft)
    if as_json:
        print_json({**facts, **file_facts(file)})
    note(f"{count} points of path {path_id} written to {file}")
