"""`thalweg delete`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

import store
from tui.cli.arguments import MARKED, Id, Kind
from tui.cli.chosen_rows import chosen_ids, is_agreed, with_row_choice, yes_option
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.cli.run_command import json_option
from tui.shared.formatting import named

if TYPE_CHECKING:
    from store import Catalogue


EPILOG = """\b
Examples:
  thalweg delete paths 3 4 --yes
  thalweg delete runs --where 'state=cancelled study=nbm21-fig3a'
"""


@click.command(epilog=EPILOG)
@click.argument("kind", type=Kind(MARKED))
@click.argument("ids", metavar="[ID...]", type=Id(), nargs=-1)
@with_row_choice
@yes_option
@json_option
@click.pass_obj
def delete(
    location: CommandLocation, /, kind: str, ids: tuple[int, ...], yes: bool, as_json: bool, **which: Any
) -> None:
    """Delete runs, models, paths or bounds with their tags and notes, after asking.

    What something else stands on is not deleted, nor then is anything: a model that a path joins, a run that made a
    model. Files of tensors stay until `thalweg doctor --prune`.
    """
    catalogue = location.open()
    going = chosen_ids(catalogue, kind, ids, **which)
    gone = going if going and _deleted(catalogue, kind, going, yes=yes) else []
    if not going:
        note(f"Nothing was deleted: no {kind} match.")
    if as_json:
        print_json([{"kind": kind, "id": row_id, "deleted": True} for row_id in gone])
    elif gone:
        click.echo(f"deleted {named(kind, gone)}")


def _deleted(catalogue: "Catalogue", kind: str, ids: Sequence[int], *, yes: bool) -> bool:
    """Delete rows once that is agreed to; whether it was."""
    if not yes:
        _rehearse(catalogue, kind, ids)
    if not is_agreed(f"delete {named(kind, ids)}", "This cannot be undone.", yes=yes):
        return False
    with catalogue.write() as session:
        store.delete(session, kind, ids)
    return True


class _RehearsedError(Exception):
    """Rolls the rehearsal back."""


def _rehearse(catalogue: "Catalogue", kind: str, ids: Sequence[int]) -> None:
    """Raise StoreError where something stands on one of them, before anybody is asked."""
    try:
        with catalogue.write() as session:
            store.delete(session, kind, ids)
            raise _RehearsedError
    except _RehearsedError:
        return
