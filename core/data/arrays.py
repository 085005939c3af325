"""Named arrays in a file, .safetensors or .npz by its content: refused in a sentence, or read with nothing run."""

from pathlib import Path
from tokenize import TokenError
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import psutil
import torch
from numpy.lib import format as npy
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.data.files import ARRAYS as NAMES
from core.data.files import array_files
from core.errors import UsageError, sentence_of
from core.files import amount

WIDEST = 8  # bytes of a number that torch has
SHARE = 0.25  # of the free memory, that a file may take in it: larger ones stay where they are
KNOWN = {  # how contents begin that are neither
    b"version https://git-lfs": "a Git-LFS pointer instead of the file: fetch it with `git lfs pull`",
    b"\x93NUMPY": "a .npy file of one array: save the four of them together, by np.savez or safetensors",
    b"\x80": "a pickle, which may run code when it is read: save the arrays by np.savez or safetensors",
    b"<": "an HTML or XML page: download the file itself",
}
Arrays = dict[str, Tensor]


def read_arrays(file: Path) -> tuple[Arrays, list[str], bool]:
    """Those of NAMES that a file, or a folder of .npy files, has; what else is in it; and whether they are mapped.

    Of mapped ones nothing is in memory before it is looked at.
    Raises UsageError where it is neither .safetensors nor .npz, is damaged, holds what isn't numbers, or doesn't fit
    into memory though it would have to.
    """
    if file.is_dir():
        return _npys(file)
    try:
        with file.open("rb") as stream:
            head = stream.read(64)
        if head[8:9] == b"{":
            return _safetensors(file)
        if head.startswith(b"PK"):
            return (*_npz(file), False)
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror or error}.") from None
    raise UsageError(f"{file} is neither a .safetensors nor an .npz file; {_what_it_is(head)}.")


def is_large(size: int) -> bool:
    """Whether a file of `size` bytes is better read in pieces."""
    return size > SHARE * psutil.virtual_memory().available


def _what_it_is(head: bytes) -> str:
    if not head:
        return "it is empty: make it again"
    for start, what in KNOWN.items():
        if head.lstrip().startswith(start):
            return f"it is {what}"
    return f"it begins with {head[:12]!r}: save the arrays by np.savez or safetensors"


def _npys(folder: Path) -> tuple[Arrays, list[str], bool]:
    """A folder with a .npy file for each array."""
    files = array_files(folder)
    mapped = is_large(sum(one.stat().st_size for one in files))
    read = {}
    for one in files:
        try:
            array = np.load(one, mmap_mode="c", allow_pickle=False)
            read[one.stem] = torch.from_numpy(array if array.dtype.isnative else np.asarray(array, _native(array)))
        except (OSError, ValueError, TypeError, EOFError) as error:
            raise UsageError(f"{one} can't be read as an array of numbers: {sentence_of(error)}.") from None
    kept = read if mapped else {name: one.clone() for name, one in read.items()}
    return kept, [], mapped


def _native(array: Any) -> Any:
    return array.dtype.newbyteorder("=")


def _safetensors(file: Path) -> tuple[Arrays, list[str], bool]:
    """The library has checked that all tensors lie within the file before one of them is read."""
    mapped = is_large(file.stat().st_size)
    try:
        with safe_open(file, "pt") as opened:
            names = list(opened.keys())
            read = {name: opened.get_tensor(name) for name in NAMES if name in names}
    except (SafetensorError, RuntimeError, ValueError, AttributeError) as error:  # damaged, or of a dtype torch lacks
        raise UsageError(f"{file} is a damaged .safetensors file ({error}): make it again.") from None
    kept = read if mapped else {name: one.clone() for name, one in read.items()}
    return kept, sorted(set(names) - set(NAMES)), mapped


def _npz(file: Path) -> tuple[Arrays, list[str]]:
    try:
        with ZipFile(file) as archive:
            sizes = {one.filename.removesuffix(".npy"): one.file_size for one in archive.infolist()}
            wanted = [name for name in NAMES if name in sizes]
            _require_memory(file, sum(sizes[name] for name in wanted))
            read = {}
            for name in wanted:
                with archive.open(f"{name}.npy") as stream:
                    read[name] = _npy(file, name, stream, sizes[name])
    except (BadZipFile, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"{file} is a damaged .npz file ({str(error).strip() or type(error).__name__}).") from None
    return read, sorted(set(sizes) - set(NAMES))


def _require_memory(file: Path, needed: int) -> None:
    if needed > (free := psutil.virtual_memory().available):
        raise UsageError(
            f"The arrays of {file} take {amount(needed)}, and {amount(free)} are free: save them as .safetensors, "
            "which is read in pieces."
        )


def _header(file: Path, name: str, stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether it is stored by columns, and dtype. Raises UsageError."""
    try:
        version = npy.read_magic(stream)
        read_header: Any = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read_header(stream)
    except (ValueError, TypeError, SyntaxError, TokenError) as error:
        raise UsageError(f"{name} of {file} is damaged ({sentence_of(error)}): save it again.") from None
    return shape, by_columns, dtype


def _npy(file: Path, name: str, stream: IO[bytes], size: int) -> Tensor:
    """An array whose header promises what there is: nothing is allocated before that is known."""
    shape, by_columns, dtype = _header(file, name, stream)
    if dtype.hasobject or dtype.kind not in "biuf" or dtype.itemsize > WIDEST:
        raise UsageError(
            f"{name} of {file} holds {'Python objects' if dtype.hasobject else dtype}, not numbers, and is not read: "
            "save it as an array of float32, uint8 or int64."
        )
    count = int(np.prod(shape, dtype=object))
    there = size - stream.tell()
    if count * dtype.itemsize != there:
        raise UsageError(f"{name} of {file} promises {count * dtype.itemsize} bytes and holds {there}: save it again.")
    flat = np.frombuffer(stream.read(there), dtype)
    if len(flat) != count:
        raise UsageError(f"{name} of {file} ends early: save it again.")
    try:
        array = flat.reshape(shape, order="F" if by_columns else "C")
    except (ValueError, TypeError) as error:  # sizes below 0, or too large beside a size of 0
        raise UsageError(f"{name} of {file} is damaged ({sentence_of(error)}): save it again.") from None
    return torch.from_numpy(np.array(array, dtype.newbyteorder("="), order="C"))
