"""Images of class folders as torchvision's evaluation makes them, bit for bit."""

from pathlib import Path

import pytest
import torch
from disk import pixels, write_image
from torchvision import transforms
from torchvision.datasets import ImageFolder

from core.data.dataset import Dataset
from core.data.load import load
from core.errors import UsageError
from core.specs.data import read_data

SHAPES = ((20, 30), (33, 17), (24, 24), (16, 40))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    for part in ("train", "test"):
        for i, (height, width) in enumerate(SHAPES):
            write_image(tmp_path / "own" / part / f"class{i % 2}" / f"{i}.png", pixels((height, width, 3), i))
    return tmp_path / "own"


def read(own: Path, options: str) -> Dataset:
    return load(read_data(f"folder:{own},{options}"), own.parent / "root")


@pytest.mark.parametrize(("size", "crop"), [(16, 14), (12, 12), (15, 10), (None, 15)])
def test_resized_cropped_and_normalised_as_torchvision_does(own: Path, size: int | None, crop: int) -> None:
    steps = [transforms.Resize(size)] if size else []
    steps += [transforms.CenterCrop(crop), transforms.ToTensor()]
    steps += [transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    wanted = torch.stack([x for x, _ in ImageFolder(str(own / "train"), transforms.Compose(steps))])
    data = read(own, f"{f'size={size},' if size else ''}crop={crop},mean=imagenet")
    assert torch.equal(data.train.x, wanted)
    assert data.train.stored.dtype == torch.uint8
    assert data.test is not None
    assert data.test.shape == (3, crop, crop)


def test_options_make_another_data_set(own: Path) -> None:
    options = ("size=16,crop=14,mean=imagenet", "size=16,crop=12", "size=16,mean=0.5,std=0.5", "size=16")
    assert len({read(own, one).fingerprint for one in options}) == 4
    assert read(own, "size=16,crop=12").fingerprint == read(own, "size=16,crop=12").fingerprint


def test_what_can_t_be_is_refused(own: Path) -> None:
    with pytest.raises(UsageError, match=r"0.png has 30x20 pixels, too few for crop=22: give size=N"):
        read(own, "crop=22")
    for odd in ("size=4,crop=5", "mean=imagenet,scale=standard", "std=1,whiten=true", "mean=x"):
        with pytest.raises(UsageError, match=r"^folder"):
            read_data(f"folder:{own},{odd}")
