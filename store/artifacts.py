"""Files of tensors, kept under the sha256 of their content beside the catalogue.

A file comes first (temporary name, fsync, rename, fsync of the folders), then its row: a row never points at
a file that isn't there; what a killed process leaves is found by `thalweg doctor`.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base, now
from store.errors import ArtifactError

SUFFIX = ".safetensors"
UNFINISHED = ".unfinished-"
CHUNK = 1 << 20
ADVICE = "run `thalweg doctor`, or make it again with `thalweg relaunch`"


class ArtifactRow(Base):
    __tablename__ = "artifacts"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[int]
    kind: Mapped[str]
    created_at: Mapped[datetime]


class ArtifactFolder:
    """`root/ab/abcdef….safetensors`, private to its owner."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """The artifact's file, whether or not it exists."""
        return self.root / sha256[:2] / f"{sha256}{SUFFIX}"

    def put(self, source: Path, session: Session, kind: str) -> str:
        """Copy `source` here and note it in the catalogue; its sha256.

        ArtifactError when the source cannot be read or the disk refuses.
        """
        sha256 = self.bring(source)
        self.record(sha256, session, kind)
        return sha256

    def bring(self, source: Path) -> str:
        """The slow half of `put`, without the catalogue's lock: copy `source` here; its sha256."""
        try:
            return self._bring(source)
        except OSError as error:
            raise ArtifactError(f"{source} cannot be kept in {self.root}: {error.strerror}.") from error

    def _bring(self, source: Path) -> str:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=self.root)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as target:
                sha256 = _copy(source, target.fileno())
            target_path = self.path(sha256)
            target_path.parent.mkdir(mode=0o700, exist_ok=True)
            unfinished.rename(target_path)  # over an equal file, which so becomes young: see doctor.prune
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        for folder in (target_path.parent, self.root):
            _sync_folder(folder)
        return sha256

    def record(self, sha256: str, session: Session, kind: str) -> None:
        """The quick half of `put`: the row. ArtifactError when the file isn't there (any more)."""
        try:
            size = self.path(sha256).stat().st_size
        except FileNotFoundError:
            raise ArtifactError(f"The artifact {sha256} has no file at {self.path(sha256)}; put it again.") from None
        if session.scalar(select(ArtifactRow.bytes).where(ArtifactRow.sha256 == sha256)) is None:
            session.execute(insert(ArtifactRow).values(sha256=sha256, bytes=size, kind=kind, created_at=now()))

    def verified(self, sha256: str, expected_bytes: int | None = None) -> Path:
        """The file, after its size (bytes) and its sha256 were checked; ArtifactError says which failed."""
        path = self.path(sha256)
        with _translate_errors(path):
            size = path.stat().st_size
            if expected_bytes is not None and size != expected_bytes:
                raise ArtifactError(
                    f"The file {path} is of {size} bytes where {expected_bytes} were written; {ADVICE}."
                )
            if digest_of(path) != sha256:
                raise ArtifactError(f"The content of {path} is not what was written (its sha256 differs); {ADVICE}.")
        return path

    def require_unchanged(self, sha256: str, session: Session) -> None:
        """Judge a file by its size and time; read it as in `verified` only if it was written after it was recorded.

        For looks ahead at many files: whoever reads one asks `verified`. Raises ArtifactError.
        """
        path = self.path(sha256)
        query = select(ArtifactRow.bytes, ArtifactRow.created_at).where(ArtifactRow.sha256 == sha256)
        recorded = session.execute(query).first()
        if recorded is None:
            self.verified(sha256)
            return
        with _translate_errors(path):
            found = path.stat()
        if found.st_size != recorded.bytes or found.st_mtime > recorded.created_at.timestamp():
            self.verified(sha256, recorded.bytes)


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into ArtifactError."""
    try:
        yield
    except FileNotFoundError:
        raise ArtifactError(f"The file {path} is missing; {ADVICE}.") from None
    except OSError as error:
        raise ArtifactError(f"The file {path} cannot be read ({error.strerror}); {ADVICE}.") from error


def digest_of(path: Path) -> str:
    """The sha256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: Path, target: int) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(target, view) :]
    os.fsync(target)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
