"""Data sets by name, as tensors: `load` is the one way in."""

from dataclasses import replace
from pathlib import Path

from core.data.batches import read_batches, read_hundred
from core.data.dataset import Dataset, Say, Split
from core.data.download import download as fetch
from core.data.files import BATCH_FOLDER, locate, missing
from core.data.folders import read_folder
from core.data.house_numbers import read_house_numbers
from core.data.idx import read_pair
from core.data.listing import PARTS
from core.data.own import load_own, normalised
from core.data.pixels import require_variation, scaling
from core.data.sampling import limit_samples
from core.data.synthetic import digits, gaussians, permute3, polynomial, teacher
from core.data.tables import load_table
from core.data.text import read_text
from core.errors import UsageError, printable
from core.specs.data import (
    Cifar10,
    Cifar100,
    Cubic,
    DataSpec,
    Digits,
    Emnist,
    Folder,
    Gaussians,
    Images,
    Polynomial,
    Quadratic,
    Svhn,
    Teacher,
    Words,
)
from core.specs.own_data import Arrays, Csv

CLASS_FOLDERS = "class folders, not the original batches"
SMALL = 1_000  # train samples of quadratic and cubic, and test samples


def load(spec: DataSpec, root: Path, download: bool = True) -> Dataset:
    """The data set of `spec` as float32 tensors on the CPU, its files under `root` or fetched there.

    Scaling and whitening are fitted on the whole train set; `limit` then takes some of its samples.
    Raises UsageError where files are missing (saying which go where), damaged, or fewer than `limit`.
    """
    notes: list[str] = []
    if isinstance(spec, Words):
        return Dataset(str(spec), *read_text(spec, _place(spec, root)))
    if isinstance(spec, Arrays | Csv):
        data = load_table(spec, notes.append) if isinstance(spec, Csv) else load_own(spec, root / "cache", notes.append)
        return replace(data, notes=tuple(printable(note) for note in notes))
    data = _pixels(spec, root, download, notes.append) if isinstance(spec, Images) else _regression(spec)
    pixels = data.train.x
    if spec.limit is not None:
        data = replace(data, train=limit_samples(data.train, spec.limit, spec.seed))
    if not isinstance(spec, Images):
        return data
    require_variation(str(spec), pixels)
    if isinstance(spec, Folder) and spec.normalisation.given:
        return replace(normalised(spec, data), notes=tuple(printable(note) for note in notes))
    scale = scaling(spec, pixels, root / "cache", notes.append)
    train, test = data.train, data.test
    assert test is not None, "images come with a test set"
    scaled = replace(data, train=Split(scale(train.x), train.y), test=Split(scale(test.x), test.y))
    return replace(scaled, notes=tuple(printable(note) for note in notes))


def _regression(spec: DataSpec) -> Dataset:
    match spec:
        case Quadratic():
            drawn = polynomial((0, 0, 1), SMALL, spec.seed)
        case Cubic():
            drawn = polynomial((0, 0, 0, 1), SMALL, spec.seed)
        case Polynomial():
            drawn = polynomial(spec.values, spec.samples, spec.seed)
        case Gaussians():
            drawn = gaussians(spec.distance, spec.samples, spec.seed)
        case Teacher():
            drawn = teacher(spec.inputs, spec.units, spec.noise, spec.samples, spec.seed)
        case _:
            return Dataset(str(spec), permute3(), None, None)
    return Dataset(str(spec), *drawn, None)


def _pixels(spec: Images, root: Path, download: bool, say: Say) -> Dataset:
    if isinstance(spec, Digits):
        return Dataset(str(spec), *digits(), 10)
    if isinstance(spec, Folder):
        return Dataset(str(spec), *read_folder(Path(spec.path), spec.size, root / "cache", say, spec.crop))
    folder = locate(spec, root)
    if folder is None and download:
        fetch(spec, root)
        folder = locate(spec, root)
    if folder is None:
        raise UsageError(missing(spec, root))
    if isinstance(spec, Cifar10):
        return _cifar10(spec, folder, root, say)
    return Dataset(str(spec), *_originals(spec, folder), spec.classes)


def _originals(spec: Images, folder: Path) -> tuple[Split, Split]:
    """Train and test part of one of torchvision's data sets, from its original files."""
    match spec:
        case Cifar100():
            return read_hundred(folder)
        case Svhn():
            return read_house_numbers(folder)
        case Emnist():
            names, first = [f"emnist-{spec.split}-{part}" for part in PARTS], 1 if spec.split == "letters" else 0
        case _:
            names, first = ["train", "t10k"], 0
    train, test = (read_pair(folder, name, first, spec.classes or 0) for name in names)
    return train, test


def _place(spec: DataSpec, root: Path) -> Path:
    """Where files are that can't be downloaded. Raises UsageError where they aren't."""
    if (place := locate(spec, root)) is None:
        raise UsageError(missing(spec, root))
    return place


def _cifar10(spec: Cifar10, folder: Path, root: Path, say: Say) -> Dataset:
    if folder.name == BATCH_FOLDER:
        return Dataset(str(spec), *read_batches(folder), 10)
    train, test, classes = read_folder(folder, None, root / "cache", say)
    if (classes, *train.x.shape[1:]) != (10, 3, 32, 32):
        size = "x".join(str(side) for side in train.x.shape[2:])
        raise UsageError(f"{folder} has {classes} classes of {size} images; CIFAR-10 has 10 of 32x32.")
    say(CLASS_FOLDERS)
    return Dataset(str(spec), train, test, classes)
