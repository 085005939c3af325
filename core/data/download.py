"""Fetching data sets by torchvision: whole and checked, or not at all."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from core.data.files import BATCH_FOLDER, missing
from core.data.listing import PARTS
from core.errors import UsageError
from core.specs.data import Cifar10, Cifar100, DataSpec, Emnist, FashionMnist, Kmnist, Mnist, Svhn

FOLDERS = ("MNIST/raw", "FashionMNIST/raw", "KMNIST/raw", "EMNIST/raw", "SVHN", BATCH_FOLDER, "cifar-100-python")
PATIENCE = 30.0  # seconds without an answer


def download(spec: DataSpec, root: Path) -> None:
    """Fetch the files of `spec` into `root`; each gets its name there when all are complete.

    Raises UsageError with what to put where if they can't be had.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _workshop(root) as workshop:
            _fetch(spec, workshop)
            for folder in FOLDERS:
                _move(workshop / folder, root / folder)
    except (OSError, RuntimeError, HTTPException) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise UsageError(f"{missing(spec, root)} (It could not be downloaded: {reason})") from None


def _fetch(spec: DataSpec, into: Path) -> None:
    from torchvision import datasets  # noqa: PLC0415 - seconds, spared to jobs whose data are there

    match spec:
        case Mnist():
            datasets.MNIST(into, download=True)
        case FashionMnist():
            datasets.FashionMNIST(into, download=True)
        case Kmnist():
            datasets.KMNIST(into, download=True)
        case Emnist():
            datasets.EMNIST(into, split=spec.split, download=True)
        case Svhn():
            for part in PARTS:
                datasets.SVHN(into / "SVHN", split=part, download=True)
        case Cifar10() | Cifar100():  # their classes would unpickle
            archive = datasets.CIFAR10 if isinstance(spec, Cifar10) else datasets.CIFAR100
            datasets.utils.download_and_extract_archive(
                archive.url, str(into), filename=archive.filename, md5=archive.tgz_md5
            )


def _move(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            if file.suffix != ".gz":
                file.replace(target / file.name)


@contextmanager
def _workshop(root: Path) -> Iterator[Path]:
    """A folder beside the data sets that goes away; meanwhile no connection waits for ever."""
    folder, patience = Path(tempfile.mkdtemp(prefix=".download-", dir=root)), socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield folder
    finally:
        socket.setdefaulttimeout(patience)
        shutil.rmtree(folder, ignore_errors=True)
