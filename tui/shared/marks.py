"""Stars, tags and notes on several rows at once, each with its undo."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import store
from core.errors import UsageError
from tui.shared.formatting import named
from tui.shared.reversible import Reversible

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from store import Catalogue


def star_rows(catalogue: "Catalogue", kind: str, ids: Sequence[int]) -> Reversible:
    """Star the rows; where all have a star, take the stars away. Raises StoreError."""
    with catalogue.write() as session:
        had = store.starred_ids(session, kind, ids)
        on = not had.issuperset(ids)
        changed = [row_id for row_id in ids if (row_id in had) != on]
        store.star(session, kind, changed, on)

    def undo() -> None:
        with catalogue.write() as session:
            store.star(session, kind, changed, not on)

    return Reversible(f"{'starred' if on else 'unstarred'} {named(kind, ids)}", undo)


def tag_rows(catalogue: "Catalogue", kind: str, ids: Sequence[int], text: str) -> Reversible:
    """Give the tags in `text`, words between spaces; a minus in front takes one away. Raises StoreError, UsageError."""
    words = text.split()
    if not words:
        raise UsageError("No tag was given: write words separated by spaces, -word to remove one.")
    with catalogue.write() as session:
        tags = store.Tags(session)
        before = tags.of(kind, ids)
        for word in words:
            if word.startswith("-"):
                _untag(session, kind, ids, word.removeprefix("-"))
            else:
                tags.add(kind, ids, word)
        after = tags.of(kind, ids)

    def undo() -> None:
        with catalogue.write() as session:
            for word in {word.removeprefix("-") for word in words}:
                _untag(session, kind, [one for one in ids if word in after[one] and word not in before[one]], word)
                lost = [one for one in ids if word in before[one] and word not in after[one]]
                store.Tags(session).add(kind, lost, word)

    return Reversible(f"tagged {named(kind, ids)} {' '.join(words)}", undo)


def _untag(session: "Session", kind: str, ids: Sequence[int], word: str) -> None:
    """Take a tag away where it is."""
    tags = store.Tags(session)
    if having := [row_id for row_id, has in tags.of(kind, ids).items() if word in has]:
        tags.remove(kind, having, word)


def note_rows(catalogue: "Catalogue", kind: str, ids: Sequence[int], text: str) -> Reversible:
    """Write a note on each row. Raises StoreError."""
    with catalogue.write() as session:
        written = store.Notes(session).add(kind, ids, text)

    def undo() -> None:
        with catalogue.write() as session:
            store.Notes(session).remove(written)

    return Reversible(f"wrote a note on {named(kind, ids)}", undo)
