"""What can be said of how a checkpoint is read. No torch here."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from core.errors import UsageError
from core.specs.options import Options


class HowToRead(Options, frozen=True, kw_only=True):
    """Which weights of a file are meant, and how their names become the network's."""

    key: Annotated[
        str | None, Meta(description="where in the file the weights are, for example state_dict; by default found")
    ] = None
    ema: Annotated[bool, Meta(description="take the averaged weights (EMA, SWA) that the file has beside the raw")] = (
        False
    )
    strip: Annotated[
        str | None, Meta(description="take the names that begin with this, without it; by default found")
    ] = None
    map: Annotated[
        str | None,
        Meta(description="OLD=NEW, several with spaces between, or a JSON file of such pairs; OLD may be a pattern"),
    ] = None
    fresh_head: Annotated[
        str | None, Meta(description="parameters whose names begin with this stay as a new network of seed 0 has them")
    ] = None
    yes: Annotated[bool, Meta(description="accept names that are proposed because shapes and order match")] = False

    def __post_init__(self) -> None:
        if self.map is not None and is_file(self.map):
            msgspec.structs.force_setattr(self, "map", str(Path(self.map).expanduser().absolute()))
        for pair in () if self.map is None or is_file(self.map) else self.map.split():
            if not all(pair.partition("=")):
                raise UsageError(f"map: {pair!r} is not a pair: write OLD=NEW, or give a file that ends in .json.")


def files_text(files: Iterable[Path | str]) -> str:
    """Files as an option has them: full paths with spaces between, those with blanks in quotes."""
    return shlex.join(str(Path(one).expanduser().absolute()) for one in files)


def read_files(text: str) -> tuple[Path, ...]:
    """The inverse of `files_text`; each file once. Raises UsageError."""
    try:
        files = tuple(dict.fromkeys(Path(one).expanduser().absolute() for one in shlex.split(text)))
    except (ValueError, RuntimeError) as error:  # a quote without end, ~somebody
        raise UsageError(f"import: {text!r} is not a list of files: {str(error).rstrip('.').lower()}.") from None
    if not files:
        raise UsageError("import: no file is given: give one or several, with spaces between.")
    return files


def is_file(map_: str) -> bool:
    """Whether a map's text is the path of a file."""
    return map_.endswith(".json") and "=" not in map_
