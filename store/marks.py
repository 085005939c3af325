"""Marks that people leave on runs, models, paths and bounds: tags, notes and stars."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, delete, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import NEVER_REUSED, Base, changed, fetch, insert_row, now, table
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
        raise StoreError(f"{kind!r} is no kind that can be marked or deleted; choose one of {', '.join(MARKED)}.")
    return one


def require(session: Session, kind: str, owner_id: int) -> str:
    """The kind's singular, after making sure that there is such a row; NotFoundError."""
    one = singular(kind)
    rows = table(f"{one}s")
    if session.scalar(select(rows.c.id).where(rows.c.id == owner_id)) is None:
        raise NotFoundError(one, owner_id)
    return one


def star(session: Session, kind: str, owner_id: int, on: bool) -> None:
    """Set or take away the star; NotFoundError."""
    rows = table(f"{require(session, kind, owner_id)}s")
    session.execute(update(rows).where(rows.c.id == owner_id).values(starred=on))


class Tags:
    """Short words on a row, for filters: `tag=good`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, kind: str, owner_id: int, tag: str) -> None:
        """Tag a row; a tag it has stays. StoreError where it isn't one word without commas and quotes."""
        if not tag or any(letter.isspace() or letter in ',"' for letter in tag):
            raise StoreError(f"{tag!r} cannot be a tag: use one word without commas or quotes.")
        one = require(self._session, kind, owner_id)
        self._session.execute(insert_or(TagRow).values(kind=one, owner_id=owner_id, tag=tag).on_conflict_do_nothing())

    def remove(self, kind: str, owner_id: int, tag: str) -> None:
        """Take a tag away; StoreError where the row hasn't got it."""
        one = require(self._session, kind, owner_id)
        if tag not in (known := self.of(one, owner_id)):
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise StoreError(f"The {one} {owner_id} has no tag {tag!r}; {has}.")
        mine = (TagRow.kind == one) & (TagRow.owner_id == owner_id) & (TagRow.tag == tag)
        self._session.execute(delete(TagRow).where(mine))

    def of(self, kind: str, owner_id: int) -> list[str]:
        """The row's tags, sorted."""
        mine = (TagRow.kind == singular(kind)) & (TagRow.owner_id == owner_id)
        return list(self._session.scalars(select(TagRow.tag).where(mine).order_by(TagRow.tag)))


class Notes:
    """Longer texts on a row."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, kind: str, owner_id: int, text: str) -> int:
        """Write a note on a row; the note's id. StoreError where it is empty."""
        if not text.strip():
            raise StoreError("A note cannot be empty; write what there is to remember.")
        values = {"kind": require(self._session, kind, owner_id), "owner_id": owner_id, "text": text}
        return insert_row(self._session, "notes", {**values, "created_at": now()})

    def remove(self, note_id: int) -> None:
        """Take a note away; NotFoundError."""
        removed = self._session.execute(delete(NoteRow).where(NoteRow.id == note_id))
        if changed(removed) == 0:
            raise NotFoundError("note", note_id)

    def of(self, kind: str, owner_id: int) -> list[Note]:
        """The row's notes, oldest first."""
        mine = (NoteRow.kind == singular(kind)) & (NoteRow.owner_id == owner_id)
        return fetch(self._session, Note, "notes", mine)
