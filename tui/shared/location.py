"""Where the catalogue is, and how commands come to it."""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shlex import quote
from shutil import which
from typing import TYPE_CHECKING

import click
from platformdirs import user_data_path

from core.files import from_home

if TYPE_CHECKING:
    from core.engine.client import Client
    from store import Catalogue

DEFAULT = user_data_path("thalweg", appauthor=False) / "catalogue.db"


@dataclass(frozen=True)
class Place:
    """The catalogue that this command is about; None is the one in the user's own data folder."""

    given: Path | None = None
    typed: bool = False  # on the command line, not in the environment

    @property
    def path(self) -> Path:
        return (self.given or DEFAULT).absolute()

    @property
    def command(self) -> str:
        """What to type before a command to come here again."""
        own = Path(sys.argv[0])  # .venv/bin/thalweg, say, where that folder is on nobody's PATH
        program = str(own) if own.name == "thalweg" and not which("thalweg") else "thalweg"
        return f"{program} --catalogue {quote(str(self.given))}" if self.typed else program

    def open(self, *, create: bool = False) -> "Catalogue":
        """The catalogue, open until the command ends. Raises StoreError."""
        from store import Catalogue

        new = create and self.given is not None and not self.path.exists()
        catalogue = Catalogue.open(self.path, create=create)
        if new:
            from tui.cli.output import note

            note(f"A new catalogue: {self.path}")
        click.get_current_context().call_on_close(catalogue.close)
        return catalogue

    def if_there(self) -> "Catalogue | None":
        """The catalogue, or None where there is none yet. Raises StoreError."""
        return self.open() if self.path.exists() else None

    def client(self, data_root: str | None = None, *, create: bool = False, trust: bool = False) -> "Client":
        """The engine at this catalogue; with `trust` a network's changed file is gone on with. Raises StoreError."""
        from core.engine.client import Client

        root = None if data_root is None else str(from_home(data_root).absolute())
        return Client(self.open(create=create), root, cache(lambda sentence: trust or _confirmed(sentence)))

    def agreed(self) -> bool:
        """Whether there is a catalogue at a place that was given, or somebody in the terminal wants a new one there."""
        from tui.shared.formatting import clean

        if self.given is None or self.path.exists():
            return True
        missing = "" if self.path.parent.is_dir() else ", nor is its folder"
        return _asked(clean(str(self.path)), f"is not there{missing}. Make a new catalogue of this name?")

    @property
    def told(self) -> str:
        """What a screen says of where it is: nothing of the catalogue in the user's own data folder."""
        if self.given is None or self.path == DEFAULT:
            return ""
        home = Path.home()
        return f"~/{self.path.relative_to(home)}" if self.path.is_relative_to(home) else str(self.path)


def _confirmed(sentence: str) -> bool:
    """Ask in a terminal whether to go on with a network's changed file."""
    from tui.shared.formatting import clean

    return in_terminal() and _asked(f"{clean(sentence)} Go on with it as it is now?")


def _asked(*parts: str) -> bool:
    """Ask in the terminal, on lines that end between words, or behind the slashes of a path; long parts stand apart."""
    from tui.cli.output import width_of
    from tui.shared.formatting import wrapped

    width = width_of(sys.stderr) - len(" [y/N]: ")
    lines = wrapped(" ".join(parts), width)
    if len(lines) > 1:
        lines = [line for part in parts for line in wrapped(part, width)]
    return click.confirm("\n".join(lines), err=True)


def in_terminal() -> bool:
    """Whether somebody can be asked."""
    return os.isatty(0) and os.isatty(2)
