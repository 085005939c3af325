"""Marks that people leave on runs, models, paths and bounds: tags, notes and stars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, delete, insert, literal, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import NEVER_REUSED, Base, among, changed, fetch, now, table
from store.errors import NotFoundError, StoreError

MARKED = ("run", "model", "path", "bound")


class TagRow(Base):
    __tablename__ = "tags"
    __table_args__ = (Index(None, "kind", "tag"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(primary_key=True)


class NoteRow(Base):
    __tablename__ = "notes"
    __table_args__ = (Index(None, "kind", "owner_id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    owner_id: Mapped[int]
    text: Mapped[str]
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class Note:
    """What a person wrote on a run, model, path or bound."""

    id: int
    kind: str
    owner_id: int
    text: str
    created_at: datetime


def singular(kind: str) -> str:
    """ "run" for "run" and "runs"; StoreError when it is nothing that can be marked."""
    one = kind.removesuffix("s")
    if one not in MARKED:
        raise StoreError(f"{kind!r} is not a kind that can be marked or deleted; choose one of {', '.join(MARKED)}.")
    return one


def require(session: Session, kind: str, ids: Sequence[int]) -> str:
    """The kind's singular, after making sure that there are such rows; NotFoundError names the first that isn't."""
    one = singular(kind)
    rows = table(f"{one}s")
    missing = set(ids).difference(session.scalars(select(rows.c.id).where(among(rows.c.id, ids))))
    if missing:
        raise NotFoundError(one, min(missing))
    return one


def star(session: Session, kind: str, ids: Sequence[int], on: bool) -> None:
    """Give rows a star or take it away; NotFoundError."""
    rows = table(f"{require(session, kind, ids)}s")
    session.execute(update(rows).where(among(rows.c.id, ids)).values(starred=on))


def starred_ids(session: Session, kind: str, ids: Sequence[int]) -> set[int]:
    """Those of these rows that have a star."""
    rows = table(f"{singular(kind)}s")
    return set(session.scalars(select(rows.c.id).where(among(rows.c.id, ids), rows.c.starred)))


class Tags:
    """Short words on rows, for filters: `tag=good`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, kind: str, ids: Sequence[int], tag: str) -> None:
        """Tag rows; a tag that one has stays. StoreError where it isn't one word without commas and quotes."""
        if not tag or any(letter.isspace() or letter in ',"' for letter in tag):
            raise StoreError(f"{tag!r} cannot be a tag: use one word without commas or quotes.")
        one = require(self._session, kind, ids)
        owners = table(f"{one}s").c.id
        tagged = select(literal(one), owners, literal(tag)).where(among(owners, ids))
        new = insert_or(TagRow).from_select(["kind", "owner_id", "tag"], tagged)
        self._session.execute(new.on_conflict_do_nothing())

    def remove(self, kind: str, ids: Sequence[int], tag: str) -> None:
        """Take a tag away; StoreError where none of the rows has it."""
        one = require(self._session, kind, ids)
        mine = (TagRow.kind == one) & among(TagRow.owner_id, ids) & (TagRow.tag == tag)
        if changed(self._session.execute(delete(TagRow).where(mine))) == 0:
            raise StoreError(self._lacking(one, ids, tag))

    def _lacking(self, one: str, ids: Sequence[int], tag: str) -> str:
        if len(ids) != 1:
            return f"None of these {len(ids)} {one}s has a tag {tag!r}."
        known = self.of(one, ids)[ids[0]]
        return f"The {one} {ids[0]} has no tag {tag!r}; it has {', '.join(known) or 'none'}."

    def of(self, kind: str, ids: Sequence[int]) -> dict[int, list[str]]:
        """Each row's tags, sorted."""
        mine = (TagRow.kind == singular(kind)) & among(TagRow.owner_id, ids)
        found: dict[int, list[str]] = {row_id: [] for row_id in ids}
        for row_id, tag in self._session.execute(select(TagRow.owner_id, TagRow.tag).where(mine).order_by(TagRow.tag)):
            found[row_id].append(tag)
        return found


class Notes:
    """Longer texts on rows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, kind: str, ids: Sequence[int], text: str) -> list[int]:
        """Write a note on each row; the notes' ids, in order. StoreError where it is empty."""
        if not text.strip():
            raise StoreError("A note cannot be empty; write what there is to remember.")
        shared = {"kind": require(self._session, kind, ids), "text": text, "created_at": now()}
        if not ids:
            return []
        written = insert(NoteRow).returning(NoteRow.owner_id, NoteRow.id)  # in no order, by some hundreds at a time
        found = dict(self._session.execute(written, [{**shared, "owner_id": row_id} for row_id in ids]).all())
        return [found[row_id] for row_id in ids]

    def remove(self, note_ids: Sequence[int]) -> None:
        """Take notes away; NotFoundError where one isn't there."""
        known = among(NoteRow.id, note_ids)
        missing = set(note_ids).difference(self._session.scalars(select(NoteRow.id).where(known)))
        if missing:
            raise NotFoundError("note", min(missing))
        self._session.execute(delete(NoteRow).where(known))

    def of(self, kind: str, owner_id: int) -> list[Note]:
        """The row's notes, oldest first."""
        mine = (NoteRow.kind == singular(kind)) & (NoteRow.owner_id == owner_id)
        return fetch(self._session, Note, "notes", mine)
