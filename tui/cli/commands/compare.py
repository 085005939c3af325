"""`thalweg compare`."""

from collections.abc import Sequence
from typing import Any

import click

from tui.cli.arguments import MARKED, Id, Kind
from tui.cli.location import CommandLocation
from tui.cli.output import heading, print_json, say, table
from tui.cli.run_command import json_option
from tui.shared.comparison import cell_texts, compare_rows


@click.command(epilog="\b\nExample:\n  thalweg compare paths 1 2 3")
@click.argument("kind", type=Kind(MARKED))
@click.argument("ids", metavar="ID ID...", type=Id(), nargs=-1, required=True)
@json_option
@click.pass_obj
def compare(location: CommandLocation, kind: str, ids: tuple[int, ...], as_json: bool) -> None:
    """Put runs, models, paths or bounds side by side: where they differ, and what came of each."""
    ids = tuple(dict.fromkeys(ids))
    with location.open().read() as session:
        found = compare_rows(session, kind, ids)
    if as_json:
        print_json({"kind": kind, "ids": ids, "differences": found.differing, "results": found.outcome})
        return
    heading("options that differ", first=True)
    _print(found.heads, found.differing) if found.differing else say("nothing differs")
    heading("results")
    _print(found.heads, found.outcome)


def _print(heads: Sequence[str], cells: dict[str, list[Any]]) -> None:
    table(("", *heads), [(name, *cell_texts(name, row)) for name, row in cells.items()])
