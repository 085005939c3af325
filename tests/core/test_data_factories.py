"""Data that a Python file makes: read twice, kept by content, and refused where it is not the same again."""

from pathlib import Path

import pytest
import torch

from core.data.dataset import Dataset
from core.data.load import load
from core.errors import UsageError
from core.specs.data import read_data
from core.specs.own_data import DataFile

HEAD = "import random\nimport numpy as np\nimport torch\nfrom torch.utils.data import Dataset, TensorDataset\n"
PAIR = "x, y = torch.arange(12.).view(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])\n"
AUGMENTED = """
class Shaken(Dataset):
    def __len__(self):
        return 6
    def __getitem__(self, i):
        return x[i] + {noise}, int(y[i])
"""


def file_of(folder: Path, text: str) -> Path:
    (folder / "data.py").write_text(HEAD + PAIR + text)
    return folder / "data.py"


def read(file: Path, options: str = "") -> Dataset:
    return load(read_data(f"file:{file}:make{options}"), file.parent)


@pytest.mark.parametrize(
    "returned",
    [
        "(x, y), (x[:3], y[:3])",
        "(x.numpy(), y.numpy()), (x[:3].numpy(), y[:3].numpy())",
        "TensorDataset(x, y), TensorDataset(x[:3], y[:3])",
        "(x, y), torch.utils.data.Subset(TensorDataset(x, y), range(3))",
        "[(x, y), TensorDataset(x[:3], y[:3])]",
    ],
)
def test_a_factory_returns_train_and_test(tmp_path: Path, returned: str) -> None:
    data = read(file_of(tmp_path, f"def make():\n    return {returned}\n"))
    assert data.train.x.tolist() == torch.arange(12.0).view(6, 2).tolist()
    assert data.test is not None
    assert (data.classes, data.train.y.tolist(), data.test.y.tolist()) == (3, [0, 1, 2] * 2, [0, 1, 2])


@pytest.mark.parametrize("returned", ["x, y", "TensorDataset(x, y)", "(x, y), None"])
def test_a_factory_may_return_train_alone(tmp_path: Path, returned: str) -> None:
    data = read(file_of(tmp_path, f"def make():\n    return {returned}\n"))
    assert (len(data.train), data.test) == (6, None)


@pytest.mark.parametrize("noise", ["torch.rand(2)", "float(np.random.rand())", "random.random()"])
def test_random_augmentation_is_refused(tmp_path: Path, noise: str) -> None:
    file = file_of(tmp_path, AUGMENTED.format(noise=noise) + "def make():\n    return Shaken()\n")
    before = torch.get_rng_state()
    with pytest.raises(UsageError, match=r"returns another x_train the second time: .* leave random augmentation out"):
        read(file)
    assert torch.equal(torch.get_rng_state(), before)
    assert not list(tmp_path.glob("cache/*"))


def test_what_is_drawn_with_a_seed_of_its_own_is_data(tmp_path: Path) -> None:
    file = file_of(
        tmp_path,
        "def make():\n    g = torch.Generator().manual_seed(3)\n    return x + torch.rand(6, 2, generator=g), y\n",
    )
    assert len(read(file).train) == 6


def test_a_factory_runs_once_for_a_content_and_again_for_another(tmp_path: Path) -> None:
    text = "with open('runs', 'a') as f:\n    f.write('.')\ndef make():\n    return x, y\n"
    file = file_of(tmp_path, text)
    first = read(file)
    assert read(file).fingerprint == first.fingerprint
    assert (tmp_path / "runs").read_text() == ".."  # two readings, once
    file_of(tmp_path, f"{text}# a note\n")
    assert read(file).fingerprint == first.fingerprint  # the same numbers
    assert (tmp_path / "runs").read_text() == "...."
    file_of(tmp_path, text.replace("x, y\n", "x + 1, y\n"))
    assert read(file).fingerprint != first.fingerprint


def test_a_pinned_file_that_has_changed_is_not_run(tmp_path: Path) -> None:
    file = file_of(tmp_path, "open('ran', 'w').close()\ndef make():\n    return x, y\n")
    spec = read_data(f"file:{file}:make")
    assert isinstance(spec, DataFile)
    with pytest.raises(UsageError, match=r"The data file .* has changed: .* Put the old content back"):
        load(spec.pinned("0" * 64), tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("make = 3\n", "has no function make"),
        ("def make():\n    return 3\n", "object of type int as its train part"),
        ("def make():\n    return None\n", "NoneType as its train part"),
        ("def make():\n    return (x, y), (x, y), (x, y)\n", "a tuple of 3 as its train part"),
        ("def make():\n    raise ValueError('no disk')\n", "make of .* fails with ValueError: no disk"),
        ("import nosuch\n", "ModuleNotFoundError: No module named 'nosuch'"),
        ("def make():\n    return TensorDataset(x)\n", "Sample 0 of the train part of .* is a tuple of 1"),
        ("def make():\n    return [(x, 'red')], None\n", "a list of 1 as its train part"),
        ("def make():\n    return x, y + 1\n", "What make of .* returns: labels .* go from 1 to 3: subtract 1"),
        ("def make():\n    return x[:5], y\n", "5 and 6 long"),
        ("def make():\n    return x.to_sparse(), y\n", "x of its train part is sparse"),
        ("def make():\n    return x.to('meta'), y\n", "or without values"),
        ("def make():\n    raise SystemExit(3)\n", "make of .* fails with SystemExit: 3"),
        ("def make():\n    return x / 0, y\n", "x_train is not finite in sample 0"),
        ("def make():\n    return np.array(['a', 'b']), y\n", "is no array of numbers"),
        (
            "class Pictures(Dataset):\n    def __len__(self):\n        return 2\n"
            "    def __getitem__(self, i):\n        return object(), 1\ndef make():\n    return Pictures()\n",
            "x of its train sample 0 is an object of type object, .* by a transform such as torchvision's ToTensor",
        ),
    ],
)
def test_what_is_wrong_with_a_factory_is_said_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(file_of(tmp_path, text))


def test_bytes_that_a_factory_makes_are_scaled_like_those_of_files(tmp_path: Path) -> None:
    data = read(file_of(tmp_path, "def make():\n    return x.to(torch.uint8), y\n"), ",mean=1,std=2")
    assert data.train.stored.dtype == torch.uint8
    assert torch.equal(data.train.x, (torch.arange(12.0).view(6, 2) / 255 - 1) / 2)


def test_a_data_file_is_written_without_its_sha256(tmp_path: Path) -> None:
    spec = read_data(f"file:{tmp_path}/data.py:make,limit=3")
    assert isinstance(spec, DataFile)
    assert spec.pinned("a" * 64).short_text == str(spec)
    for odd in ("file:data.py", "file::make", "file:data.py:1"):
        with pytest.raises(UsageError, match="does not say what makes the data"):
            read_data(odd)
