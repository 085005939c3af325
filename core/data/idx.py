"""The IDX files of MNIST and Fashion-MNIST, read straight into arrays."""

import gzip
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.dataset import Split
from core.data.files import part_of
from core.errors import UsageError


def read_pair(folder: Path, part: str, first: int = 0, classes: int = 10) -> Split:
    """Images (N, 1, 28, 28) uint8 and labels (N,) int64 of `train` or `t10k`; `part` begins the names of its files.

    Labels in the file begin with `first`. Raises UsageError where a file is damaged or the two don't fit each other.
    """
    images = read_idx(_file(folder, f"{part}-images-idx3-ubyte"), 3)
    labels = read_idx(_file(folder, f"{part}-labels-idx1-ubyte"), 1)
    last = first + classes - 1
    if images.shape != (len(labels), 28, 28) or not len(labels) or labels.max() > last or labels.min() < first:
        raise UsageError(
            f"{folder}: the {part} files hold images of shape {images.shape} and {len(labels)} labels, not "
            f"28x28 pixels and a label {first} to {last} each: download them again."
        )
    return Split(torch.from_numpy(images)[:, None], torch.from_numpy(labels).long() - first)


def read_idx(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """The bytes of one IDX file, plain or gzipped, in their shape. Raises UsageError where it is damaged."""
    try:
        content = bytearray(file.read_bytes())
        if file.suffix == ".gz":
            content = bytearray(gzip.decompress(content))
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{file} can't be read ({error}): delete it and download it again.") from None
    start = 4 * (1 + dimensions)
    if len(content) < start or content[:4] != bytes([0, 0, 8, dimensions]):
        raise UsageError(f"{file} is not an IDX file of {dimensions}-dimensional bytes: download it again.")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, 4))
    promised = int(np.prod(shape, dtype=object))
    if len(content) - start != promised:
        raise UsageError(
            f"{file} holds {len(content) - start} bytes and promises {promised}: delete it and download it again."
        )
    return np.frombuffer(content, np.uint8, promised, start).reshape(shape)


def _file(folder: Path, name: str) -> Path:
    file = part_of(folder, name)
    assert file is not None, f"{folder} was said to be complete"
    return file
