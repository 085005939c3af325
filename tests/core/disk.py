"""Small data sets on disk, in the forms that people have them."""

import gzip
import struct
from hashlib import md5
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.files import BATCHES, IDX

COLOURS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def pixels(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, train: int = 30, test: int = 10, zipped: bool = False) -> dict[str, NDArray[np.uint8]]:
    """The four files of MNIST; returns the arrays in them."""
    folder.mkdir(parents=True)
    arrays = {}
    for i, name in enumerate(IDX):
        count = train if name.startswith("train") else test
        array = pixels((count, 28, 28), i) if "images" in name else pixels((count,), i) % 10
        content = gzip.compress(idx(array)) if zipped else idx(array)
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(content)
        arrays[name] = array
    return arrays


def write_image(file: Path, array: NDArray[np.uint8]) -> None:
    """A PNG of an array (H, W, 3)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(file)


def write_folders(folder: Path, classes: tuple[str, ...] = COLOURS, each: int = 2, side: int = 32) -> None:
    """Class folders of random images, `each` a class in train and one in test."""
    for number, name in enumerate(classes):
        for i in range(each):
            write_image(folder / "train" / name / f"{i}.png", pixels((side, side, 3), 100 * number + i))
        write_image(folder / "test" / name / "0.png", pixels((side, side, 3), 100 * number + 99))


def python2_pickle(data: NDArray[np.uint8], labels: list[int]) -> bytes:
    """{"data": data, "labels": labels} as Python 2 pickled it for CIFAR-10."""
    size = struct.pack("<I", data.size)
    shape = b"(" + b"".join(b"J" + struct.pack("<i", side) for side in data.shape) + b"t"
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    array = empty + b"(K\x01" + shape + kind + b"\x89T" + size + data.tobytes() + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + numbers + b"u."


def write_batches(folder: Path, each: int = 4) -> tuple[dict[str, str], dict[str, NDArray[np.uint8]]]:
    """The six batches of CIFAR-10; returns their md5s and pixels (each, 3072)."""
    folder.mkdir(parents=True)
    sums, arrays = {}, {}
    for i, name in enumerate(BATCHES):
        arrays[name] = pixels((each, 3072), i)
        content = python2_pickle(arrays[name], [(i + j) % 10 for j in range(each)])
        (folder / name).write_bytes(content)
        sums[name] = md5(content, usedforsecurity=False).hexdigest()
    return sums, arrays
