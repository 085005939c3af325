"""Data sets on disk: found, read safely, refused in one sentence."""

import os
import pickle
import socket
from hashlib import md5, sha256
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from disk import COLOURS, idx, pixels, python2_pickle, write_batches, write_folders, write_idx, write_image
from PIL import Image
from scipy.io import savemat
from torch import Tensor
from torchvision.datasets import CIFAR10, MNIST, SVHN, ImageFolder

from core.data import batches, download, files, folders, house_numbers
from core.data.dataset import Dataset
from core.data.files import BATCHES, IDX, data_root, locate, missing
from core.data.load import load
from core.errors import UsageError
from core.specs.data import DataSpec, Folder, read_data

REAL = os.environ.get("THALWEG_DATA")


def read(text: str, root: Path) -> Dataset:
    return load(read_data(text), root, download=False)


def refused(text: str, root: Path) -> str:
    with pytest.raises(UsageError) as refusal:
        read(text, root)
    return str(refusal.value)


def test_the_root_is_the_one_given_or_the_environment_s_or_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THALWEG_DATA", "/somewhere")
    assert data_root("/else") == Path("/else")
    assert data_root(None) == Path("/somewhere")
    monkeypatch.setenv("THALWEG_DATA", "")
    assert data_root(None).parts[-2:] == ("thalweg", "data")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_a_missing_data_set_is_refused_with_what_to_put_where(tmp_path: Path, name: str) -> None:
    sentence = refused(name, tmp_path)
    assert sentence == missing(read_data(name), tmp_path)
    assert str(tmp_path) in sentence
    assert all(file in sentence for file in (BATCHES if name == "cifar10" else IDX))
    assert locate(read_data(name), tmp_path) is None


@pytest.mark.parametrize("name", ["digits", "quadratic", "cubic", "permute3"])
def test_embedded_data_need_no_files(tmp_path: Path, name: str) -> None:
    assert locate(read_data(name), tmp_path) == tmp_path


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_idx_files_are_read_as_they_are(tmp_path: Path, name: str, folder: str, zipped: bool) -> None:
    arrays = write_idx(tmp_path / folder / "raw", zipped=zipped)
    assert locate(read_data(name), tmp_path) == tmp_path / folder / "raw"
    data = read(name, tmp_path)
    assert data.test is not None
    for split, part in ((data.train, "train"), (data.test, "t10k")):
        images = torch.from_numpy(arrays[f"{part}-images-idx3-ubyte"])[:, None].float()
        assert torch.equal(split.x, images / 127.5 - 1)
        assert torch.equal(split.y, torch.from_numpy(arrays[f"{part}-labels-idx1-ubyte"]).long())
    assert (data.classes, data.train.x.shape, data.train.x.dtype) == (10, (30, 1, 28, 28), torch.float32)


def test_one_missing_file_makes_it_incomplete(tmp_path: Path) -> None:
    write_idx(tmp_path / "MNIST" / "raw")
    (tmp_path / "MNIST" / "raw" / IDX[3]).write_bytes(b"")
    assert locate(read_data("mnist"), tmp_path) is None


def test_debian_s_fashion_mnist_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DEBIAN", tmp_path / "debian")
    write_idx(tmp_path / "debian", zipped=True)
    assert len(read("fashion-mnist", tmp_path).train) == 30
    write_idx(tmp_path / "FashionMNIST" / "raw", train=20)
    assert len(read("fashion-mnist", tmp_path).train) == 20


GOOD = idx(pixels((30, 28, 28)))


@pytest.mark.parametrize(
    "content",
    [
        GOOD[:-1],
        GOOD + b"x",
        GOOD[:9],
        b"\x1f\x8bno",
        idx(pixels((30,))),
        idx(pixels((29, 28, 28))),
        idx(pixels((30, 2, 2))),
    ],
)
def test_damaged_idx_files_are_refused(tmp_path: Path, content: bytes) -> None:
    write_idx(tmp_path / "MNIST" / "raw")
    (tmp_path / "MNIST" / "raw" / IDX[0]).write_bytes(content)
    assert "download" in refused("mnist", tmp_path)


@pytest.mark.parametrize("content", [b"no gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\0half"])
def test_damaged_gz_files_are_refused(tmp_path: Path, content: bytes) -> None:
    write_idx(tmp_path / "MNIST" / "raw", zipped=True)
    (tmp_path / "MNIST" / "raw" / f"{IDX[0]}.gz").write_bytes(content)
    assert "download it again" in refused("mnist", tmp_path)


def install_batches(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    sums, arrays = write_batches(root / files.BATCH_FOLDER)
    monkeypatch.setattr(batches, "MD5", sums)
    return {name: torch.from_numpy(array).reshape(-1, 3, 32, 32) for name, array in arrays.items()}


def test_cifar_batches_are_read_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = install_batches(tmp_path, monkeypatch)
    data = read("cifar10,scale=none", tmp_path)
    assert data.test is not None
    assert torch.equal(data.train.x, torch.cat([arrays[name] for name in BATCHES[:5]]).float())
    assert torch.equal(data.test.x, arrays["test_batch"].float())
    assert data.train.y.tolist() == [i + j for i in range(5) for j in range(4)]
    assert data.notes == ()
    standard = read("cifar10", tmp_path).train.x
    torch.testing.assert_close(standard.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(standard.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


def test_the_md5s_of_cifar_are_torchvision_s() -> None:
    assert list(batches.MD5.items()) == [tuple(one) for one in CIFAR10.train_list + CIFAR10.test_list]


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/thalweg-was-run",)


def test_nothing_in_a_batch_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_batches(tmp_path, monkeypatch)
    file, content = tmp_path / files.BATCH_FOLDER / "data_batch_2", pickle.dumps(Bomb(), protocol=2)
    file.write_bytes(content)
    assert "md5 differs" in refused("cifar10", tmp_path)
    monkeypatch.setitem(batches.MD5, "data_batch_2", md5(content, usedforsecurity=False).hexdigest())
    assert "nothing was run" in refused("cifar10", tmp_path)
    assert not Path("/tmp/thalweg-was-run").exists()


def test_cifar_class_folders_are_read_and_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folders(tmp_path / "cifar10")
    data = read("cifar10,scale=none", tmp_path)
    assert (data.notes, data.classes) == (("class folders, not the original batches",), 10)
    assert (data.train.x.shape, data.train.y.tolist()) == ((20, 3, 32, 32), [i // 2 for i in range(20)])
    install_batches(tmp_path, monkeypatch)
    assert read("cifar10", tmp_path).notes == ()


def test_cifar_class_folders_of_other_images_are_refused(tmp_path: Path) -> None:
    write_folders(tmp_path / "cifar10", COLOURS[:9])
    assert "10 of 32x32" in refused("cifar10", tmp_path)


def test_folders_are_read_in_torchvision_s_order(tmp_path: Path) -> None:
    write_folders(tmp_path, ("b", "a"), each=11, side=6)
    write_image(tmp_path / "train" / "a" / "deep" / "0.png", pixels((6, 6, 3), 7))
    (tmp_path / "train" / "a" / "notes.txt").write_text("no image")
    (tmp_path / "train" / ".hidden").mkdir()
    data = read(f"folder:{tmp_path},scale=none", tmp_path / "root")
    (tmp_path / "train" / ".hidden").rmdir()
    theirs = ImageFolder(str(tmp_path / "train"))
    assert data.train.y.tolist() == theirs.targets
    for x, (image, _) in zip(data.train.x, theirs, strict=True):
        assert torch.equal(x.byte().permute(1, 2, 0).flatten(), torch.tensor(list(image.tobytes()), dtype=torch.uint8))
    assert data.classes == 2


def test_folders_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folders(tmp_path / "own", ("a", "b"), side=6)
    name, root = f"folder:{tmp_path}/own", tmp_path / "root"
    first = read(name, root)
    with monkeypatch.context() as patched:
        patched.setattr(folders, "_pixels", lambda *_: pytest.fail("decoded again"))
        assert read(name, root).fingerprint == first.fingerprint
    write_image(tmp_path / "own" / "train" / "a" / "0.png", pixels((6, 6, 3), 77))
    changed = read(name, root)
    assert changed.fingerprint != first.fingerprint
    (tmp_path / "own" / "train" / "b" / "1.png").unlink()
    assert len(read(name, root).train) == 3
    (kept,) = (root / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert len(read(name, root).train) == 3


def test_a_root_that_can_not_be_written_is_no_obstacle(tmp_path: Path) -> None:
    write_folders(tmp_path / "own", ("a", "b"), side=6)
    (tmp_path / "file").write_text("")
    assert len(read(f"folder:{tmp_path}/own", tmp_path / "file").train) == 4


def test_folders_with_something_missing_are_refused(tmp_path: Path) -> None:
    name = f"folder:{tmp_path}"
    assert "train: no such folder" in refused(name, tmp_path)
    write_folders(tmp_path, ("a", "b"))
    assert isinstance(spec := read_data(name), Folder)
    assert locate(spec, Path("/nowhere")) == tmp_path
    (tmp_path / "test" / "a").rename(tmp_path / "test" / "c")
    assert "but there is a only in train/ and c only in test/." in refused(name, tmp_path)
    (tmp_path / "test" / "c").rename(tmp_path / "test" / "a")
    (tmp_path / "test" / "a" / "0.png").unlink()
    assert "has no images in it" in refused(name, tmp_path)


def test_images_of_two_sizes_need_a_size(tmp_path: Path) -> None:
    write_folders(tmp_path, ("a", "b"), side=6)
    write_image(tmp_path / "train" / "b" / "0.png", pixels((4, 5, 3)))
    sentence = refused(f"folder:{tmp_path}", tmp_path / "root")
    assert "5x4" in sentence
    assert "6x6" in sentence
    assert "size=N" in sentence
    data = read(f"folder:{tmp_path},size=8", tmp_path / "root")
    assert data.train.x.shape == (4, 3, 8, 8)


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    write_folders(tmp_path, ("a", "b"), side=6)
    (tmp_path / "train" / "b" / "1.png").write_bytes(b"\x89PNG no")
    assert "b/1.png can't be read as an image" in refused(f"folder:{tmp_path}", tmp_path / "root")


def test_images_of_8_and_of_16_bits_are_on_one_scale(tmp_path: Path) -> None:
    write_folders(tmp_path / "own", ("a", "b"), side=6)
    grey = pixels((6, 6), 7)
    write_image(tmp_path / "own" / "train" / "a" / "0.png", np.stack([grey] * 3, 2))
    shallow = read(f"folder:{tmp_path}/own,scale=none", tmp_path / "root")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "own" / "train" / "a" / "0.png")
    mixed = read(f"folder:{tmp_path}/own,scale=none", tmp_path / "root")
    assert torch.equal(mixed.train.x, shallow.train.x)
    assert mixed.fingerprint == shallow.fingerprint
    assert mixed.notes == ("images of more than 8 bits, read at their depth: 1 of 6",)
    assert read(f"folder:{tmp_path}/own,scale=none", tmp_path / "root").notes == mixed.notes
    resized = read(f"folder:{tmp_path}/own,scale=none,size=3", tmp_path / "root").train.x
    assert not torch.equal(resized[0], resized[0].round())  # nothing is rounded to 8 bits
    standard = read(f"folder:{tmp_path}/own", tmp_path / "root").train.x
    torch.testing.assert_close(standard.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(standard.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shade", [[0, 0, 0, 0], [0, 40, 80, 120]])
def test_train_images_without_anything_to_see_are_refused(tmp_path: Path, shade: list[int]) -> None:
    write_folders(tmp_path / "own", ("a", "b"), side=6)
    for one, file in zip(shade, sorted((tmp_path / "own" / "train").rglob("*.png")), strict=True):
        write_image(file, np.full((6, 6, 3), one, np.uint8))
    assert "look at the files" in refused(f"folder:{tmp_path}/own", tmp_path / "root")


def test_the_fingerprint_of_a_folder_is_that_of_its_samples_whatever_was_kept(tmp_path: Path) -> None:
    write_folders(tmp_path / "own", ("a", "b"), side=6)
    data = read(f"folder:{tmp_path}/own", tmp_path / "root")
    assert data.test is not None
    digest = sha256(f"folder:{tmp_path}/own".encode())
    for tensor in (data.train.x, data.train.y, data.test.x, data.test.y):
        digest.update(str(tuple(tensor.shape)).encode() + tensor.numpy().tobytes())
    assert data.fingerprint == digest.hexdigest()
    assert read(f"folder:{tmp_path}/own", tmp_path / "root").fingerprint == data.fingerprint
    assert read(f"folder:{tmp_path}/own", tmp_path / "another").fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("name", "folder"), [("kmnist", "KMNIST"), ("emnist:digits", "EMNIST"), ("emnist:letters", "EMNIST")]
)
def test_the_relatives_of_mnist_are_read_like_it(tmp_path: Path, name: str, folder: str) -> None:
    raw = tmp_path / folder / "raw"
    arrays, first = write_idx(raw), 1 if name == "emnist:letters" else 0
    for file in IDX:
        if "labels" in file:
            (raw / file).write_bytes(idx(arrays[file] + first))
        if folder == "EMNIST":
            (raw / file).rename(raw / f"emnist-{name.partition(':')[2]}-{file.replace('t10k', 'test')}")
    data = read(f"{name},scale=none", tmp_path)
    assert (data.classes, data.train.x.shape) == (26 if first else 10, (30, 1, 28, 28))
    np.testing.assert_array_equal(data.train.x[:, 0], arrays[IDX[0]])
    np.testing.assert_array_equal(data.train.y, arrays[IDX[1]])
    (raw / files.files_of(read_data(name))[1]).write_bytes(idx(arrays[IDX[1]] * 0 + 27))
    assert f"a label {first} to" in refused(name, tmp_path)


def test_house_numbers_are_torchvision_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "SVHN").mkdir()
    content = {}
    for i, part in enumerate(("train", "test")):
        x, y = (
            pixels((32, 32, 3, 12), i),
            np.arange(1, 13, dtype=np.uint8)[:, None] % 10 + (np.arange(12)[:, None] == 9) * 10,
        )
        savemat(file := tmp_path / "SVHN" / f"{part}_32x32.mat", {"X": x, "y": y})
        content[part] = md5(file.read_bytes()).hexdigest()
    assert "not the original SVHN file" in refused("svhn", tmp_path)
    monkeypatch.setattr(house_numbers, "MD5", content)
    monkeypatch.setattr(SVHN, "split_list", {part: ["", f"{part}_32x32.mat", one] for part, one in content.items()})
    data, theirs = read("svhn,scale=none", tmp_path), SVHN(str(tmp_path / "SVHN"), "train")
    np.testing.assert_array_equal(data.train.x, theirs.data)
    np.testing.assert_array_equal(data.train.y, theirs.labels)


def test_a_hundred_classes_are_read_like_ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cifar-100-python").mkdir()
    content = {part: python2_pickle(pixels((4, 3072), i), [99, 0, 7, 50]) for i, part in enumerate(("train", "test"))}
    for part, one in content.items():
        content[part] = one.replace(b"U\x06labels", b"U\x0bfine_labels")
        (tmp_path / "cifar-100-python" / part).write_bytes(content[part])
    assert "not the original CIFAR-100 batch" in refused("cifar100", tmp_path)
    monkeypatch.setattr(batches, "MD5_100", {part: md5(one).hexdigest() for part, one in content.items()})
    data = read("cifar100,scale=none", tmp_path)
    assert (data.classes, data.train.y.tolist()) == (100, [99, 0, 7, 50])
    np.testing.assert_array_equal(data.train.x.flatten(1), pixels((4, 3072), 0))


def without_network(spec: DataSpec, into: Path) -> None:
    write_idx(into / "MNIST" / "raw", zipped=True)
    raise URLError("no network here")


def test_without_a_network_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_fetch", without_network)
    root = tmp_path / "new"
    with pytest.raises(UsageError, match="no network here") as refusal:
        load(read_data("mnist"), root)
    assert missing(read_data("mnist"), root) in str(refusal.value)
    assert list(root.iterdir()) == []
    assert socket.getdefaulttimeout() is None


def test_what_was_downloaded_is_put_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_fetch", lambda spec, into: write_idx(into / "MNIST" / "raw"))
    assert len(load(read_data("mnist"), tmp_path).train) == 30
    assert sorted(one.name for one in tmp_path.iterdir()) == ["MNIST"]
    monkeypatch.setattr(download, "_fetch", lambda *_: pytest.fail("fetched again"))
    assert len(load(read_data("mnist"), tmp_path).train) == 30


@pytest.mark.skipif(not REAL or not Path(REAL, "MNIST/raw").is_dir(), reason="THALWEG_DATA names no folder with MNIST")
def test_the_real_mnist_is_torchvision_s() -> None:
    assert REAL is not None
    data = read("mnist", Path(REAL))
    assert data.test is not None
    for split, train in ((data.train, True), (data.test, False)):
        theirs = MNIST(REAL, train=train)
        assert torch.equal(split.y, theirs.targets)
        assert torch.equal(split.x[:, 0], theirs.data / 127.5 - 1)
