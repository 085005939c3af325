"""The location of the catalogue."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from shutil import which

from platformdirs import user_data_path

from core.files import from_home

DEFAULT = user_data_path("thalweg", appauthor=False) / "catalogue.db"


@dataclass(frozen=True)
class Location:
    """The catalogue that a command or a screen is about; None is the one in the user's own data folder."""

    chosen: Path | None = None

    @property
    def path(self) -> Path:
        return (self.chosen or DEFAULT).absolute()

    @property
    def command(self) -> str:
        """What to type before a command to come here again."""
        return command_at(self.chosen or self.path)

    @property
    def label(self) -> str:
        """The location on a screen; empty for the catalogue in the user's own data folder."""
        if self.chosen is None or self.path == DEFAULT:
            return ""
        home = Path.home()
        return f"~/{self.path.relative_to(home)}" if self.path.is_relative_to(home) else str(self.path)


def command_at(catalogue: Path) -> str:
    """What to type before a command so that it comes to this catalogue."""
    own = Path(sys.argv[0])  # .venv/bin/thalweg, say, where that folder is on nobody's PATH
    program = quote(str(own)) if own.name == "thalweg" and not which("thalweg") else "thalweg"
    usual = from_home(os.environ.get("THALWEG_CATALOGUE") or str(DEFAULT))
    return program if usual.absolute() == catalogue.absolute() else f"{program} --catalogue {quote(str(catalogue))}"
