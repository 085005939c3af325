"""`thalweg delete`."""

from typing import TYPE_CHECKING

import click

from core.errors import UsageError
from tui.kinds import MARKED, Id, Kind
from tui.output import note, print_json
from tui.place import Place, in_terminal
from tui.running import json_option

if TYPE_CHECKING:
    from store import Catalogue


@click.command(epilog="\b\nExample:\n  thalweg delete paths 3 4 --yes")
@click.argument("kind", type=Kind(MARKED))
@click.argument("ids", metavar="ID...", type=Id(), nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
@click.pass_obj
def delete(place: Place, kind: str, ids: tuple[int, ...], yes: bool, as_json: bool) -> int:
    """Delete runs, models, paths or bounds with their tags and notes, after asking.

    What something else stands on is not deleted: a model that a path joins, a run that made a model. Files of
    tensors stay until `thalweg doctor --prune`.
    """
    from store import delete as delete_rows

    ids = tuple(dict.fromkeys(ids))
    names = f"{kind if len(ids) > 1 else kind.removesuffix('s')} {', '.join(map(str, ids))}"
    catalogue = place.open()
    if not yes:
        _rehearse(catalogue, kind, ids)
        if not in_terminal():
            raise UsageError(f"Nothing was deleted: nobody can be asked here; give --yes to delete {names}.")
        if not click.confirm(f"Delete {names}? This cannot be undone", err=True):
            note("Nothing was deleted.")
            if as_json:
                print_json([])
            return 0
    with catalogue.write() as session:
        delete_rows(session, kind, ids)
    if as_json:
        print_json([{"kind": kind, "id": row_id, "deleted": True} for row_id in ids])
    else:
        click.echo(f"deleted {names}")
    return 0


class _RehearsedError(Exception):
    """Rolls the rehearsal back."""


def _rehearse(catalogue: "Catalogue", kind: str, ids: tuple[int, ...]) -> None:
    """Raise StoreError where something stands on one of them, before anybody is asked."""
    from store import delete as delete_rows

    try:
        with catalogue.write() as session:
            delete_rows(session, kind, ids)
            raise _RehearsedError
    except _RehearsedError:
        return
