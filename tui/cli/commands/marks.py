"""`thalweg tag` and `thalweg note`."""

from collections.abc import Sequence
from typing import Any

import click

import store
from core.errors import UsageError
from tui.cli.arguments import MARKED, Id, Kind
from tui.cli.chosen_rows import chosen_ids, with_row_choice
from tui.cli.location import CommandLocation
from tui.cli.output import note as say
from tui.cli.output import print_json
from tui.cli.run_command import json_option
from tui.shared.formatting import named, value

TAG = """\b
Examples:
  thalweg tag path 3 good figure-2
  thalweg tag runs --where 'seed<5' first
  thalweg list paths --where tag=good
"""


@click.command(epilog=TAG)
@click.argument("kind", type=Kind(MARKED))
@click.argument("words", metavar="[ID] TAG...", nargs=-1, required=True)
@with_row_choice
@click.option("--remove", is_flag=True, help="Remove them instead.")
@json_option
@click.pass_obj
def tag(
    location: CommandLocation, /, kind: str, words: tuple[str, ...], remove: bool, as_json: bool, **which: Any
) -> None:
    """Give runs, models, paths or bounds tags, or take them away; print those that one has then."""
    ids, tags = _split_words(words, **which)
    if not tags:
        raise UsageError("No tag was given: write words after the id.")
    catalogue = location.open()
    rows = chosen_ids(catalogue, kind, ids, **which)
    with catalogue.write() as session:
        marks = store.Tags(session)
        for one in tags if rows else ():
            (marks.remove if remove else marks.add)(kind, rows, one)
        left = marks.of(kind, rows)
    if as_json:
        print_json([{"kind": kind, "id": row_id, "tags": has} for row_id, has in left.items()])
    elif ids:
        _say(kind, rows, value(left[ids[0]]) if left[ids[0]] else "no tags")
    else:
        _say(kind, rows, f"{'without' if remove else 'with'} {value(list(tags))}")


@click.command(epilog="\b\nExample:\n  thalweg note run 7 'too small a learning rate'")
@click.argument("kind", type=Kind(MARKED))
@click.argument("words", metavar="[ID] TEXT", nargs=-1, required=True)
@with_row_choice
@json_option
@click.pass_obj
def note(location: CommandLocation, /, kind: str, words: tuple[str, ...], as_json: bool, **which: Any) -> None:
    """Write a note on runs, models, paths or bounds; `thalweg show` shows it."""
    ids, texts = _split_words(words, **which)
    if len(texts) != 1:
        raise UsageError("A note is one text: put it in quotes, after the id.")
    catalogue = location.open()
    rows = chosen_ids(catalogue, kind, ids, **which)
    with catalogue.write() as session:
        written = store.Notes(session).add(kind, rows, texts[0])
    if as_json:
        notes = zip(rows, written, strict=True)
        print_json([{"kind": kind, "id": row_id, "note": note_id} for row_id, note_id in notes])
    else:
        _say(kind, rows, f"note {written[0]}" if ids else f"{len(written):,} notes")


def _split_words(words: tuple[str, ...], *, where: str | None, every: bool) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The id at the beginning, unless rows are chosen by other means, and the rest."""
    chosen_otherwise = every or where is not None
    if chosen_otherwise:
        return (), words
    if not words[0].isdecimal():
        raise UsageError(f"ID must be an id, a whole number, not {words[0]!r}; --where and --all choose many rows.")
    return (Id().convert(words[0], None, None),), words[1:]


def _say(kind: str, rows: Sequence[int], text: str) -> None:
    if rows:
        click.echo(f"{named(kind, rows)}: {text}")
    else:
        say(f"Nothing was marked: no {kind} match.")
