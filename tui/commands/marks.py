"""`thalweg tag` and `thalweg note`."""

import click

from tui.kinds import MARKED, Id, Kind
from tui.output import print_json
from tui.place import Place
from tui.running import json_option
from tui.texts import value


@click.command(epilog="\b\nExample:\n  thalweg tag path 3 good figure-2\n  thalweg list paths --where tag=good")
@click.argument("kind", type=Kind(MARKED))
@click.argument("row_id", metavar="ID", type=Id())
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take them away instead.")
@json_option
@click.pass_obj
def tag(place: Place, kind: str, row_id: int, tags: tuple[str, ...], remove: bool, as_json: bool) -> None:
    """Give a run, model, path or bound tags, or take them away; print those it has then."""
    from store import Tags

    with place.open().write() as session:
        store = Tags(session)
        for one in tags:
            (store.remove if remove else store.add)(kind, row_id, one)
        left = store.of(kind, row_id)
    if as_json:
        print_json([{"kind": kind, "id": row_id, "tags": left}])
    else:
        click.echo(f"{kind.removesuffix('s')} {row_id}: {value(left) if left else 'no tags'}")


@click.command(epilog="\b\nExample:\n  thalweg note run 7 'too small a learning rate'")
@click.argument("kind", type=Kind(MARKED))
@click.argument("row_id", metavar="ID", type=Id())
@click.argument("text")
@json_option
@click.pass_obj
def note(place: Place, kind: str, row_id: int, text: str, as_json: bool) -> None:
    """Write a note on a run, model, path or bound; `thalweg show` shows it."""
    from store import Notes

    with place.open().write() as session:
        note_id = Notes(session).add(kind, row_id, text)
    if as_json:
        print_json([{"kind": kind, "id": row_id, "note": note_id}])
    else:
        click.echo(f"{kind.removesuffix('s')} {row_id}: note {note_id}")
