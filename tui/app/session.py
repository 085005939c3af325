"""What the screen remembers between sessions: one small JSON file for each catalogue."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
from platformdirs import user_state_path

from core.errors import UsageError
from tui.shared.files import own_text, write_private

KEPT_FILTERS = 30
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class View(msgspec.Struct):
    """How one kind's table was left. `seen` are the ids that stood in the window; an empty `columns` is our choice."""

    where: str = ""
    sort: str = "-id"
    columns: list[str] = msgspec.field(default_factory=list)
    cursor: Id | None = None
    seen: list[Id] = msgspec.field(default_factory=list)

    def filter_by(self, where: str) -> None:
        """Another filter; of the rows that were seen nobody knows whether it holds for them."""
        if where != self.where:
            self.where, self.seen = where, []


class Session(msgspec.Struct):
    """View, filters, theme, as they were left."""

    kind: Annotated[str, msgspec.Meta(pattern="^(runs|models|paths|bounds)$")] = "runs"
    theme: str = ""
    pane: bool | None = None  # None: where there is room beside the table
    views: dict[str, View] = msgspec.field(default_factory=dict)
    filters: list[str] = msgspec.field(default_factory=list)  # those used lately, the last one last

    def view_of(self, kind: str) -> View:
        return self.views.setdefault(kind, View())

    def remember_filter(self, where: str) -> None:
        if where:
            self.filters = [*(one for one in self.filters if one != where), where][-KEPT_FILTERS:]


def session_file(catalogue: Path) -> Path:
    """The file of this catalogue's session."""
    name = sha256(str(catalogue).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return user_state_path("thalweg", appauthor=False) / f"session-{name}.json"


def load(file: Path) -> tuple[Session, str | None]:
    """The session as it was left, and a sentence if it can't be read: its file is set aside then."""
    try:
        text = own_text(file)
        return (Session() if text is None else msgspec.json.decode(text, type=Session)), None
    except (UsageError, msgspec.DecodeError, RecursionError) as error:
        aside = file.with_suffix(".unreadable")
        why = str(error) if isinstance(error, UsageError) else f"{file} cannot be read: {error}."
        try:
            file.replace(aside)
        except OSError:
            return Session(), f"{why} This session starts with the defaults."
        return Session(), f"{why} It was kept as {aside.name}, and this session starts with the defaults."


def save(session: Session, file: Path) -> None:
    """Write it down, whole or not at all. Raises UsageError."""
    write_private(file, msgspec.json.encode(session))
