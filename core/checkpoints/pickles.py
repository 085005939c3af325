"""What a file's pickle names, read without obeying it."""

import io
import pickletools
import zipfile
from pathlib import Path
from typing import IO

from torch._utils import IMPORT_MAPPING, NAME_MAPPING  # of Python 2, as torch's unpickler has them

BEFORE = 3  # pickles in front of what a legacy file holds: a number, a version, the machine
TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "UNICODE")


def names_in(file: Path) -> dict[str, str]:
    """Full names of the classes and functions that one of torch's files names, with the key before each.

    Raises ValueError or EOFError where it can't be read.
    """
    with file.open("rb") as stream:
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as archive:
                (record,) = [name for name in archive.namelist() if name.endswith("data.pkl")]
                return _named(io.BytesIO(archive.read(record)))
        stream.seek(0)
        for _ in range(BEFORE):
            _named(stream)
        return _named(stream)


def _named(stream: IO[bytes]) -> dict[str, str]:
    """Of the pickle that begins here."""
    found: dict[str, str] = {}
    key = ""
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in TEXTS:
            key = str(argument)
        elif opcode.name == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
            found.setdefault(f"{module}.{name}", key)
    return found
