"""What a file is, by its first bytes: a checkpoint that can be read, or a sentence on what it is instead."""

import os
import stat
import zipfile
from enum import StrEnum
from pathlib import Path

from core.checkpoints.archives import kind_of_archive
from core.errors import UsageError
from core.files import amount

HEAD = 512  # bytes that tell what a file is
LARGEST_HEADER = 100_000_000  # bytes: what safetensors itself allows
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch's number, pickled, before its zip format
BOM = b"\xef\xbb\xbf"
PAGES = (b"<!doctype html", b"<html", b"<head", b"<!--", b"<?xml")  # how web pages begin
RESAVE = "save the state_dict instead: torch.save(model.state_dict(), 'weights.pt')"
AGAIN = "copy or download it again"

#: What begins so, and what to do.
KNOWN: dict[bytes, str] = {
    b"version https://git-lfs": "is a Git LFS pointer, not the file that it stands for: run `git lfs pull` beside it",
    b"\x89HDF": f"is an HDF5 file, as Keras writes it: load it there and {RESAVE}",
    b"GGUF": "is a GGUF file of quantised weights, which are not trained: take the original weights",
    b"\x93NUMPY": f"is one NumPy array: {RESAVE}",
    b"\x1f\x8b": "is compressed by gzip: unpack it first",
    b"BZh": "is compressed by bzip2: unpack it first",
    b"\xfd7zXZ": "is compressed by xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd: unpack it first",
}


class Kind(StrEnum):
    """A file that can be read."""

    TORCH = "torch"
    LEGACY = "torch, legacy"
    SAFETENSORS = "safetensors"
    INDEX = "index of shards"


def kind_of(file: Path) -> Kind:
    """What a file is. Raises UsageError for a file that is not a checkpoint, and says what it is."""
    size, head = _begin(file)
    if not size:
        raise UsageError(f"{file} is empty: {AGAIN}.")
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(file)
    if head.startswith(LEGACY):
        return Kind.LEGACY
    if head[8:9] == b"{" and (length := int.from_bytes(head[:8], "little")) <= LARGEST_HEADER:
        if length > size - 8:
            raise UsageError(f"{file} breaks off within its first {amount(length)}, of {amount(size)}: {AGAIN}.")
        return Kind.SAFETENSORS
    if head.lstrip().startswith(b"{"):
        return Kind.INDEX
    raise UsageError(f"{file} {_other(head)}.")


def _begin(file: Path) -> tuple[int, bytes]:
    """Size in bytes, and the first ones. Raises UsageError; waits for nobody."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror or error}.") from None
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise UsageError(f"{file} is not a regular file: give the path of a checkpoint.")
        return about.st_size, os.read(handle, HEAD)
    finally:
        os.close(handle)


def _kind_of_zip(file: Path) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            wrong = kind_of_archive(archive, file.stat().st_size)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UsageError(f"{file} is a torch file that breaks off or is damaged ({error}): {AGAIN}.") from None
    if wrong:
        raise UsageError(f"{file} {wrong}.")
    return Kind.TORCH


def _other(head: bytes) -> str:
    """What a file that is not a checkpoint is instead, and what to do: the end of a sentence."""
    for begin, what in KNOWN.items():
        if head.startswith(begin):
            return what
    if head[257:262] == b"ustar":
        return "is a tar archive: unpack it first"
    if head.removeprefix(BOM).lstrip().lower().startswith(PAGES):
        return "is a web page, not the file that its link leads to: download the file itself"
    if head[:1] == b"\x80" and head[1:2] in b"\x01\x02\x03\x04\x05":
        return f"is a plain pickle, which only running what it says could read: {RESAVE}"
    if not set(head) - set(b"\t\n\r\f\x1b") - set(range(32, 256)):
        return "is a text, not a checkpoint: give a file that torch.save or safetensors has written"
    return "is no checkpoint that is known: give a file that torch.save or safetensors has written"
