"""Images in class folders: decoded once, in the order of torchvision's ImageFolder, and kept."""

import os
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core.data.cache import delete_others, read_cached, write_cached
from core.data.dataset import Say, Split, ignore
from core.data.images import read_image
from core.data.listing import Listing, list_images
from core.data.stamps import stamp_of
from core.errors import UsageError

READING = 2  # the way in which images are read: what an earlier one has kept is not found
UNSETTLED = "unsettled"  # stands where there is no stamp
Pixels = NDArray[np.uint8] | NDArray[np.float32]
Tensors = dict[str, Tensor]


def read_folder(
    folder: Path, size: int | None, cache: Path, say: Say = ignore, crop: int | None = None
) -> tuple[Split, Split, int]:
    """Train and test images (N, 3, H, W), 0 to 255, with labels (N,) int64, and the number of classes.

    With `size` they are resized to a square of that side; with `crop` to that shorter side, and then cropped. They are
    uint8, or float32 where one has more than 8 bits. `say` hears what was left out, and what else there is to know.
    Raises UsageError where classes or sizes of images differ, or one can't be read.
    """
    listing = list_images(folder)
    for note in listing.notes:
        say(note)
    family = "folder-" + sha256(os.fsencode(f"{folder.absolute()} {_form(size, crop)}")).hexdigest()[:16]
    stamp = stamp_of([file for file, _ in listing.labelled]) or UNSETTLED
    read = _read_cached(list(cache.glob(f"{family}-*-*.safetensors")), stamp, Contents(listing, size, crop))
    if read is None:
        contents = Contents(listing, size, crop)
        read = _decode_parts(contents)
        file = cache / f"{family}-{contents.key}-{stamp}.safetensors"
        write_cached(file, read, say)
        delete_others(cache, family, file)
    if deep := int(read["deep"]):
        say(f"images of more than 8 bits, read at their depth: {deep} of {len(listing.labelled)}")
    return Split(read["train.x"], read["train.y"]), Split(read["test.x"], read["test.y"]), len(listing.classes)


class Contents:
    """The bytes of every image of a listing, one after the other; `key` is a digest of those that have gone by."""

    def __init__(self, listing: Listing, size: int | None, crop: int | None = None) -> None:
        self.listing, self.size, self.crop = listing, size, crop
        self._digest = sha256(f"{READING} {_form(size, crop)} {len(listing.train)}".encode())

    def __iter__(self) -> Iterator[tuple[Path, bytes]]:
        for file, label in self.listing.labelled:
            content = _bytes_of(file)
            self._digest.update(f"\0{label} {len(content)}\0".encode())
            self._digest.update(content)
            yield file, content

    @property
    def key(self) -> str:
        return self._digest.hexdigest()[:32]


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} can't be read ({error.strerror}): repair or remove it.") from None


def _read_cached(files: list[Path], stamp: str, contents: Contents) -> Tensors | None:
    """What one of the files keeps of the same images, recognised by their stamp or by their contents."""
    for file in files:
        if stamp != UNSETTLED and file.stem.endswith(f"-{stamp}") and (found := read_cached(file)) is not None:
            return found
    if files:
        for _ in contents:
            pass
    for file in files:
        if f"-{contents.key}-" in file.stem and (found := read_cached(file)) is not None:
            with suppress(OSError):
                file.rename(file.with_stem(f"{file.stem.rpartition('-')[0]}-{stamp}"))
            return found
    return None


def _decode_parts(contents: Contents) -> Tensors:
    """Pixels and labels of both parts; how many images are `deep`, of more than 8 bits."""
    listing = contents.listing
    pixels, deep = _decode(contents)
    cut = len(listing.train)
    labels = [torch.tensor([label for _, label in part]) for part in (listing.train, listing.test)]
    return {
        "train.x": pixels[:cut].clone(),
        "test.x": pixels[cut:].clone(),
        "train.y": labels[0],
        "test.y": labels[1],
        "deep": torch.tensor(deep),
    }


def _decode(contents: Contents) -> tuple[Tensor, int]:
    """All images, (N, 3, H, W). Raises UsageError where one differs in size from the first."""
    labelled = contents.listing.labelled
    decoded: Pixels = np.empty(0, np.uint8)
    deep = 0
    for i, (file, content) in enumerate(contents):
        pixels = _pixels(file, contents, content)
        if i == 0:
            decoded = np.empty((len(labelled), *pixels.shape), np.uint8)
        if pixels.shape != decoded.shape[1:]:
            raise UsageError(
                f"{file} has {_size(pixels.shape)} pixels and {labelled[0][0]} {_size(decoded.shape)}: "
                "give size=N to resize all images to N x N."
            )
        if pixels.dtype != np.uint8:
            deep += 1
            decoded = decoded.astype(np.float32, copy=False)
        decoded[i] = pixels
    return torch.from_numpy(decoded), deep


def _form(size: int | None, crop: int | None) -> str:
    return f"{size}" if crop is None else f"{size} {crop}"


def _pixels(file: Path, contents: Contents, content: bytes) -> Pixels:
    """An image, (3, H, W), from its content."""
    image, size = read_image(file, content), contents.size
    if contents.crop is not None:
        image = _cropped(image, file, size, contents.crop)
    elif size is not None and image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    if image.mode == "F":
        grey = np.asarray(image, np.float32)
        return np.broadcast_to(grey, (3, *grey.shape))
    return np.asarray(image, np.uint8).transpose(2, 0, 1)


def _cropped(image: Image.Image, file: Path, size: int | None, crop: int) -> Image.Image:
    """The middle of an image whose shorter side was made `size`, as torchvision's Resize and CenterCrop take it."""
    if size is not None and min(image.size) != size:
        sides = (size if side == min(image.size) else int(size * side / min(image.size)) for side in image.size)
        image = image.resize(tuple(sides), Image.Resampling.BILINEAR)  # type: ignore[arg-type]
    if min(image.size) < crop:
        width, height = image.size
        raise UsageError(f"{file} has {width}x{height} pixels, too few for crop={crop}: give size=N to resize images.")
    left, top = (round((side - crop) / 2.0) for side in image.size)
    return image.crop((left, top, left + crop, top + crop))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[-1]}x{shape[-2]}"
