"""Images in class folders: decoded once, in the order of torchvision's ImageFolder, and kept."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core.data.cache import forget, kept
from core.data.dataset import Split
from core.data.files import IMAGES, classes_in, images_in
from core.errors import UsageError

Labelled = list[tuple[Path, int]]


def read_folder(folder: Path, size: int | None, cache: Path) -> tuple[Split, Split, int]:
    """Train and test images (N, 3, H, W) uint8 with labels (N,) int64, and the number of classes.

    Raises UsageError where classes or sizes of images differ, or one can't be read.
    """
    names = [[one.name for one in classes_in(folder / part)] for part in ("train", "test")]
    if names[0] != names[1]:
        odd = ", ".join(sorted(set(names[0]) ^ set(names[1])))
        raise UsageError(f"{folder}: train/ and test/ must have the same class folders, but {odd} stands in one only.")
    listed = {part: _listed(folder / part) for part in ("train", "test")}
    family = "folder-" + sha256(f"{folder.absolute()} {size}".encode()).hexdigest()[:16]
    key = _key(folder, listed, size)

    def make() -> dict[str, Tensor]:
        decoded = _decode([file for part in listed.values() for file, _ in part], size)
        train = len(listed["train"])
        labels = {f"{part}.y": torch.tensor([label for _, label in listed[part]]) for part in listed}
        return {"train.x": decoded[:train].clone(), "test.x": decoded[train:].clone(), **labels}

    found = kept(cache, family, key, make)
    forget(cache, family, key)
    return Split(found["train.x"], found["train.y"]), Split(found["test.x"], found["test.y"]), len(names[0])


def _listed(part: Path) -> Labelled:
    listed: Labelled = []
    for label, one in enumerate(classes_in(part)):
        images = images_in(one)
        if not images:
            raise UsageError(f"{one} has no image in it (known are {', '.join(IMAGES)}): fill it or remove it.")
        listed += [(image, label) for image in images]
    return listed


def _key(folder: Path, listed: dict[str, Labelled], size: int | None) -> str:
    """Changes with every file that is added, removed, renamed or written to."""
    digest = sha256(f"{folder.absolute()} {size}".encode())
    for part in listed.values():
        for file, label in part:
            state = file.stat()
            digest.update(f"\n{file} {label} {state.st_size} {state.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _decode(files: Sequence[Path], size: int | None) -> Tensor:
    """All images, (N, 3, H, W) uint8, as RGB. Raises UsageError where one differs in size from the first."""
    first = _pixels(files[0], size)
    decoded = np.empty((len(files), *first.shape), np.uint8)
    for i, file in enumerate(files):
        pixels = _pixels(file, size)
        if pixels.shape != first.shape:
            raise UsageError(
                f"{file} has {_size(pixels)} pixels and {files[0]} {_size(first)}: give size=N to resize all "
                "images to N x N."
            )
        decoded[i] = pixels
    return torch.from_numpy(decoded)


def _pixels(file: Path, size: int | None) -> NDArray[np.uint8]:
    try:
        with Image.open(file) as image:
            colour = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"{file} can't be read as an image ({error}): mend or remove it.") from None
    if size is not None and colour.size != (size, size):
        colour = colour.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(colour).transpose(2, 0, 1)


def _size(pixels: NDArray[np.uint8]) -> str:
    return f"{pixels.shape[2]}x{pixels.shape[1]}"
