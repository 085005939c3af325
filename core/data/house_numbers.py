"""SVHN's original .mat files, of images and labels only."""

import io
from pathlib import Path

import torch

from core.data.batches import original
from core.data.dataset import Split
from core.data.listing import PARTS

MD5 = {"train": "e26dedcc434d2e4c54c9b2d4a06d8373", "test": "eb5a983be6a315427106f1b164d9cef3"}  # torchvision's


def read_house_numbers(folder: Path) -> tuple[Split, Split]:
    """Train and test images (N, 3, 32, 32) uint8 with labels (N,) int64, the digit 0 as 0. UsageError if damaged."""
    train, test = (_read(folder / f"{part}_32x32.mat", MD5[part]) for part in PARTS)
    return train, test


def _read(file: Path, md5: str) -> Split:
    from scipy.io import loadmat  # noqa: PLC0415 - a third of a second, spared to jobs on other data

    found = loadmat(io.BytesIO(original(file, md5, "SVHN file")), variable_names=("X", "y"))
    x = torch.from_numpy(found["X"]).permute(3, 2, 0, 1).contiguous()  # (32, 32, 3, N) there
    return Split(x, torch.from_numpy(found["y"].flatten()).long() % 10)  # 10 stands for 0
