"""How commands reach the catalogue: it is opened, made if wanted, and closed when the command ends."""

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

import click

import store
from core.files import from_home
from tui.cli.output import note, width_of
from tui.shared.formatting import clean, wrapped
from tui.shared.location import Location

if TYPE_CHECKING:
    from core.engine.client import Client
    from store import Catalogue


class CommandLocation(Location):
    """Where a command finds its catalogue."""

    def open(self, *, create: bool = False) -> "Catalogue":
        """The catalogue, open until the command ends. Raises StoreError."""
        new = create and self.chosen is not None and not self.path.exists()
        catalogue = store.Catalogue.open(self.path, create=create)
        if new:
            note(f"A new catalogue: {self.path}")
        click.get_current_context().call_on_close(catalogue.close)
        return catalogue

    def if_there(self) -> "Catalogue | None":
        """The catalogue, or None where there is none yet. Raises StoreError."""
        return self.open() if self.path.exists() else None

    def client(self, data_root: str | None = None, *, create: bool = False, trust: bool = False) -> "Client":
        """The engine at this catalogue; with `trust` a changed network file is accepted. Raises StoreError."""
        root = None if data_root is None else str(from_home(data_root).absolute())
        return engine_of(self.open(create=create), root, trust=trust)

    def may_create(self) -> bool:
        """Whether the catalogue is the usual one, exists, or may be created, as asked in the terminal."""
        if self.chosen is None or self.path.exists():
            return True
        missing = "" if self.path.parent.is_dir() else ", nor is its folder"
        return _ask(clean(str(self.path)), f"is not there{missing}. Create a new catalogue there?")


def engine_of(catalogue: "Catalogue", data_root: str | None = None, *, trust: bool = False) -> "Client":
    """The engine at a catalogue that is open; with `trust` a changed network file is accepted."""
    from core.engine.client import Client  # noqa: PLC0415 - half a second with its database; no --help needs it

    return Client(catalogue, data_root, cache(lambda sentence: trust or _confirm(sentence)))


def _confirm(sentence: str) -> bool:
    """Ask in the terminal whether to accept a changed network file."""
    return in_terminal() and _ask(f"{clean(sentence)} Continue with it as it is now?")


def _ask(*parts: str) -> bool:
    """Ask in the terminal, wrapped between words or behind the slashes of a path; long parts get their own line."""
    width = width_of(sys.stderr) - len(" [y/N]: ")
    lines = wrapped(" ".join(parts), width)
    if len(lines) > 1:
        lines = [line for part in parts for line in wrapped(part, width)]
    return click.confirm("\n".join(lines), err=True)


def in_terminal() -> bool:
    """Whether a question can be asked."""
    return os.isatty(0) and os.isatty(2)
