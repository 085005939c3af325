"""Python files of the user's own that a spec names: where they are, what in them is called, and their sha256."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import Meta

from core.errors import UsageError
from core.specs.names import whole_path

Sha256 = Annotated[
    Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None,
    Meta(description="of the file, as it was when the run was requested"),
]


class CodeFile:
    """The part that specs of such files share: their `source` is PATH.py:FACTORY, and `noun` is what it makes."""

    __slots__ = ()
    noun: ClassVar[str]
    source: Any
    sha256: Any

    @property
    def path(self) -> Path:
        return Path(self.source.rpartition(":")[0])

    @property
    def factory(self) -> str:
        return str(self.source.rpartition(":")[2])

    def pinned(self, sha256: str | None) -> Self:
        """What the file makes as long as its content has this sha256."""
        return msgspec.structs.replace(self, sha256=sha256)  # type: ignore[type-var]

    @property
    def short_text(self) -> str:
        """Without the sha256: it is for machines."""
        return str(self.pinned(None))


def whole_source(noun: str, source: str) -> str:
    """The absolute form of PATH.py:FACTORY. Raises UsageError."""
    path, _, factory = source.rpartition(":")
    if not path or not factory.isidentifier():
        raise UsageError(f"file:{source!r} does not say what makes the {noun}: write file:PATH.py:FACTORY.")
    return f"{whole_path('file', path)}:{factory}"
