"""Where data sets are on disk, and the sentence for those that are missing. Imports no torch."""

import os
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_cache_path

from core.code_files import read_source
from core.data.classes import (
    classes_in,
    images_in,  # noqa: F401 - found here by others' scripts
)
from core.data.listing import PARTS, list_images
from core.errors import UsageError
from core.files import from_home
from core.specs.data import (
    Cifar10,
    Cifar100,
    DataSpec,
    Emnist,
    FashionMnist,
    Folder,
    Kjv,
    Kmnist,
    Mnist,
    Svhn,
    Text,
    Words,
)
from core.specs.names import name_of
from core.specs.own_data import Csv, DataFile, Tensors

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
IDX = tuple(f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))
BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
TEXTS = ("train.txt", "test.txt")
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
BATCH_FOLDER = "cifar-10-batches-py"


def data_root(explicit: str | None) -> Path:
    """The folder of all data sets: the one given, else THALWEG_DATA, else in the platform's cache."""
    chosen = explicit or os.environ.get("THALWEG_DATA")
    return from_home(chosen) if chosen else user_cache_path("thalweg") / "data"


def locate(spec: DataSpec, root: Path) -> Path | None:
    """The folder that holds the complete data set, None where files are missing.

    Data sets without files are found in `root` itself. Raises UsageError where a `folder:` lacks something.
    """
    match spec:
        case FashionMnist():
            return _first([root / "FashionMNIST" / "raw", DEBIAN], IDX)
        case Cifar10():
            return _first([root / BATCH_FOLDER], BATCHES) or _class_folders(root / "cifar10")
        case Mnist() | Kmnist() | Emnist() | Svhn() | Cifar100():
            return _first([root / folder_of(spec)], files_of(spec))
        case Folder() | Tensors() | Csv() | DataFile():
            return _own(spec)
        case Words():
            return _text(Path(spec.path)) if isinstance(spec, Text) else _first([root / "kjv"], TEXTS)
        case _:
            return root


def folder_of(spec: DataSpec) -> str:
    """Where below the root torchvision's data sets lie."""
    folders = {"mnist": "MNIST/raw", "kmnist": "KMNIST/raw", "emnist": "EMNIST/raw", "svhn": "SVHN"}
    return folders.get(name_of(spec), "cifar-100-python")


def files_of(spec: DataSpec) -> tuple[str, ...]:
    """The files of one of torchvision's data sets."""
    match spec:
        case Emnist():
            return tuple(f"emnist-{spec.split}-{name.replace('t10k', 'test')}" for name in IDX)
        case Svhn():
            return tuple(f"{part}_32x32.mat" for part in PARTS)
        case Cifar100():
            return PARTS
        case _:
            return IDX


def missing(spec: DataSpec, root: Path) -> str:
    """The sentence that says which files to put where."""
    match spec:
        case FashionMnist():
            files = f"{', '.join(IDX)} (or each with .gz) into {root / 'FashionMNIST' / 'raw'}"
        case Mnist() | Kmnist() | Emnist() | Svhn() | Cifar100():
            zipped = " (or each with .gz)" if "raw" in folder_of(spec) else ""
            files = f"{', '.join(files_of(spec))}{zipped} into {root / folder_of(spec)}"
        case Cifar10():
            files = (
                f"{', '.join(BATCHES)} into {root / BATCH_FOLDER}, or a folder of images for each class into "
                f"{root / 'cifar10' / 'train'} and {root / 'cifar10' / 'test'}"
            )
        case Kjv():
            files = f"{' and '.join(TEXTS)}, one verse a line, into {root / 'kjv'}"
        case _:
            return f"{spec} needs no files under {root}."
    return (
        f"The data set {spec} is not complete under {root}: put {files}, or name another folder by "
        "--data-root or THALWEG_DATA."
    )


def part_of(folder: Path, name: str) -> Path | None:
    """The file of that name, or its .gz where there is only that; empty ones don't count."""
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file() and file.stat().st_size:
            return file
    return None


def _first(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    wanted = list(names)
    return next((one for one in folders if all(part_of(one, name) for name in wanted)), None)


def _own(spec: Folder | Tensors | Csv | DataFile) -> Path:
    """Where a data set of the user's own is. Raises UsageError where that is not what it should be."""
    place = Path(spec.path)
    if isinstance(spec, Folder):
        list_images(place)
    elif isinstance(spec, DataFile):
        read_source(spec)
    elif not array_files(place):
        what = "a folder without x_train.npy" if place.is_dir() else "no such file"
        raise UsageError(f"{place}: {what}; write, for example, {spec.example}.")
    return place


def array_files(place: Path) -> list[Path]:
    """A file of arrays, or the .npy files of a folder; [] where there are none."""
    if place.is_file():
        return [place]
    found = [place / f"{name}.npy" for name in ARRAYS]
    return [file for file in found if file.is_file()] if found[0].is_file() else []


def _text(place: Path) -> Path:
    """A folder with both parts, or a file. Raises UsageError for anything else."""
    if lacking := [name for name in TEXTS if place.is_dir() and not (place / name).is_file()]:
        raise UsageError(f"{place} has no {lacking[0]}: a folder of text has {' and '.join(TEXTS)} in it.")
    if not place.exists():
        raise UsageError(f"{place}: no such file or folder; text is one file, or a folder with {' and '.join(TEXTS)}.")
    return place


def _class_folders(folder: Path) -> Path | None:
    return folder if all(classes_in(folder / part) for part in PARTS) else None
