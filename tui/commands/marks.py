"""`thalweg tag` and `thalweg note`."""

import click

from core.errors import UsageError
from tui.choosing import choosing, chosen
from tui.kinds import MARKED, Id, Kind
from tui.output import note as say
from tui.output import print_json
from tui.place import Place
from tui.running import json_option
from tui.texts import value

TAG = """\b
Examples:
  thalweg tag path 3 good figure-2
  thalweg tag runs --where 'seed<5' first
  thalweg list paths --where tag=good
"""


@click.command(epilog=TAG)
@click.argument("kind", type=Kind(MARKED))
@click.argument("words", metavar="[ID] TAG...", nargs=-1, required=True)
@choosing
@click.option("--remove", is_flag=True, help="Take them away instead.")
@json_option
@click.pass_obj
def tag(place: Place, /, kind: str, words: tuple[str, ...], where: str | None, every: bool, **how: bool) -> None:
    """Give runs, models, paths or bounds tags, or take them away; print those that one has then."""
    from store import Tags
    from tui.marking import named

    ids, tags = _split(words, every or where is not None)
    if not tags:
        raise UsageError("No tag was given: write words behind the id.")
    catalogue = place.open()
    rows = chosen(catalogue, kind, ids, where, every)
    with catalogue.write() as session:
        store = Tags(session)
        for one in tags:
            (store.remove if how["remove"] else store.add)(kind, rows, one)
        left = store.of(kind, rows)
    if how["as_json"]:
        print_json([{"kind": kind, "id": row_id, "tags": left[row_id]} for row_id in rows])
    elif ids:
        click.echo(f"{named(kind, rows)}: {value(left[rows[0]]) if left[rows[0]] else 'no tags'}")
    elif rows:
        click.echo(f"{named(kind, rows)}: {'without' if how['remove'] else 'with'} {value(list(tags))}")
    else:
        say(f"Nothing was tagged: no {kind} match.")


@click.command(epilog="\b\nExample:\n  thalweg note run 7 'too small a learning rate'")
@click.argument("kind", type=Kind(MARKED))
@click.argument("words", metavar="[ID] TEXT", nargs=-1, required=True)
@choosing
@json_option
@click.pass_obj
def note(place: Place, /, kind: str, words: tuple[str, ...], where: str | None, every: bool, as_json: bool) -> None:
    """Write a note on runs, models, paths or bounds; `thalweg show` shows it."""
    from store import Notes
    from tui.marking import named

    ids, texts = _split(words, every or where is not None)
    if len(texts) != 1:
        raise UsageError("A note is one text: put it in quotes, behind the id.")
    catalogue = place.open()
    rows = chosen(catalogue, kind, ids, where, every)
    with catalogue.write() as session:
        written = Notes(session).add(kind, rows, texts[0])
    if as_json:
        print_json([{"kind": kind, "id": row_id, "note": one} for row_id, one in zip(rows, written, strict=True)])
    elif ids:
        click.echo(f"{named(kind, rows)}: note {written[0]}")
    elif rows:
        click.echo(f"{named(kind, rows)}: {len(written):,} notes")
    else:
        say(f"Nothing was noted: no {kind} match.")


def _split(words: tuple[str, ...], many: bool) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The id at the beginning, unless rows are chosen by other means, and the rest."""
    return ((), words) if many else ((Id().convert(words[0], None, None),), words[1:])
