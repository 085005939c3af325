"""The original batches of CIFAR-10 and CIFAR-100, which are pickles, read without running any code in them.

Two locks: a file must have the md5 of the original, and its pickle may name nothing but the three functions
that build an array.
"""

import io
import pickle
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.dataset import Split
from core.data.files import BATCHES
from core.data.listing import PARTS
from core.errors import UsageError

MD5 = {  # as torchvision.datasets.CIFAR10 lists them
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
MD5_100 = {"train": "16019d7e3df5f24257cddd939b257f8d", "test": "f0ef6b0ae62326f3e7ffdfab6717acfc"}
ARRAY = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def read_batches(folder: Path) -> tuple[Split, Split]:
    """Train and test images (N, 3, 32, 32) uint8 with labels (N,) int64. UsageError if one is damaged."""
    read = [_batch(folder / name) for name in BATCHES]
    train, test = read[:-1], read[-1:]
    return _joined(train), _joined(test)


def read_hundred(folder: Path) -> tuple[Split, Split]:
    """The same of CIFAR-100, with its hundred fine labels."""
    train, test = (_pixels(original(folder / part, MD5_100[part], "CIFAR-100 batch"), b"fine_labels") for part in PARTS)
    return _joined([train]), _joined([test])


def _batch(file: Path) -> tuple[NDArray[np.uint8], list[int]]:
    return _pixels(original(file, MD5[file.name], "CIFAR-10 batch"), b"labels")


def _pixels(content: bytes, labels: bytes) -> tuple[NDArray[np.uint8], list[int]]:
    record = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    return record[b"data"].reshape(-1, 3, 32, 32), record[labels]


def original(file: Path, wanted: str, what: str) -> bytes:
    """The content of a file. Raises UsageError where it is another than that of the original, by its md5."""
    content = file.read_bytes() if file.is_file() else b""
    if md5(content, usedforsecurity=False).hexdigest() != wanted:
        raise UsageError(f"{file} is not the original {what} (its md5 differs): delete it and download it again.")
    return content


def _joined(batches: list[tuple[NDArray[np.uint8], list[int]]]) -> Split:
    images = np.concatenate([images for images, _ in batches])
    return Split(torch.from_numpy(images), torch.tensor([one for _, labels in batches for one in labels]))


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ARRAY:
            raise UsageError(f"A CIFAR batch asks for {module}.{name}, which data may not: nothing was run.")
        return ARRAY[module, name]
