"""Stars, tags and notes on several rows at once, and how each is taken back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import UsageError
from store import Catalogue, Notes, Tags, star
from store.listing import rows_of

MOST = 1000  # rows at once: others wait meanwhile


@dataclass(frozen=True)
class Done:
    """What was done, in words, and what takes it back."""

    words: str
    undo: Callable[[], None]


def starred(catalogue: Catalogue, kind: str, ids: Sequence[int]) -> Done:
    """Star the rows; where all have a star, take the stars away. Raises StoreError, UsageError."""
    _refuse_many(ids)
    with catalogue.write() as session:
        had = {row["id"] for row in rows_of(session, kind, ids) if row["starred"]}
        on = not had.issuperset(ids)
        for row_id in ids:
            star(session, kind, row_id, on)

    def undo() -> None:
        with catalogue.write() as session:
            for row_id in ids:
                star(session, kind, row_id, row_id in had)

    return Done(f"{'starred' if on else 'star taken from'} {named(kind, ids)}", undo)


def tagged(catalogue: Catalogue, kind: str, ids: Sequence[int], text: str) -> Done:
    """Give the tags in `text`, words between spaces; a minus in front takes one away. Raises StoreError, UsageError."""
    _refuse_many(ids)
    words = text.split()
    if not words:
        raise UsageError("No tag was given: write words between spaces, -word to take one away.")
    with catalogue.write() as session:
        tags = Tags(session)
        before = {row_id: set(tags.of(kind, row_id)) for row_id in ids}
        for row_id in ids:
            _turn(tags, kind, row_id, _wanted(before[row_id], words))

    def undo() -> None:
        with catalogue.write() as session:
            for row_id, had in before.items():
                _turn(Tags(session), kind, row_id, had)

    return Done(f"tagged {named(kind, ids)} {' '.join(words)}", undo)


def _wanted(had: set[str], words: Sequence[str]) -> set[str]:
    for word in words:
        had = had - {word[1:]} if word.startswith("-") else had | {word}
    return had


def _turn(tags: Tags, kind: str, row_id: int, wanted: set[str]) -> None:
    """Give and take until the row has these tags."""
    has = set(tags.of(kind, row_id))
    for tag in sorted(wanted - has):
        tags.add(kind, row_id, tag)
    for tag in sorted(has - wanted):
        tags.remove(kind, row_id, tag)


def noted(catalogue: Catalogue, kind: str, ids: Sequence[int], text: str) -> Done:
    """Write a note on each row. Raises StoreError, UsageError."""
    _refuse_many(ids)
    with catalogue.write() as session:
        written = [Notes(session).add(kind, row_id, text) for row_id in ids]

    def undo() -> None:
        with catalogue.write() as session:
            for note_id in written:
                Notes(session).remove(note_id)

    return Done(f"wrote a note on {named(kind, ids)}", undo)


def named(kind: str, ids: Sequence[int]) -> str:
    """ "run 3", "runs 3, 4 and 5", "120 runs"."""
    if len(ids) == 1:
        return f"{kind.removesuffix('s')} {ids[0]}"
    if len(ids) > 8:
        return f"{len(ids)} {kind}"
    return f"{kind} {', '.join(map(str, ids[:-1]))} and {ids[-1]}"


def _refuse_many(ids: Sequence[int]) -> None:
    if len(ids) > MOST:
        raise UsageError(f"At most {MOST} rows at once; {len(ids)} are chosen.")
