"""Arrays of the user's own: read from two kinds of files, scaled when they are read, refused in one sentence."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from core.data import arrays, own
from core.data.dataset import Dataset
from core.data.files import locate
from core.data.load import load
from core.data.reading import Reading
from core.errors import UsageError
from core.losses import CrossEntropy
from core.networks.architectures import build
from core.problem import Problem
from core.specs.data import read_data
from core.specs.descent import Descent
from core.specs.networks import read_network
from core.training import train

Named = dict[str, Tensor]


def images(dtype: torch.dtype = torch.uint8) -> Named:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (40, 3, 4, 4), generator=generator).to(dtype)
    y = torch.arange(40) % 4
    return {"x_train": x[:28], "y_train": y[:28], "x_test": x[28:], "y_test": y[28:]}


def stored(folder: Path, named: Named, kind: str = "safetensors") -> Path:
    file = folder / f"mine.{kind}"
    if kind == "npy":
        file.mkdir()
        for name, one in named.items():
            np.save(file / f"{name}.npy", one.numpy())
        return file
    if kind == "npz":
        np.savez(file, **{name: one.numpy() for name, one in named.items()})
    else:
        save_file({name: one.contiguous() for name, one in named.items()}, file)
    return file


def read(file: Path, options: str = "") -> Dataset:
    return load(read_data(f"tensors:{file}{options}"), file.parent)


@pytest.mark.parametrize("kind", ["safetensors", "npz", "npy"])
def test_bytes_stay_bytes_and_are_scaled_when_they_are_read(tmp_path: Path, kind: str) -> None:
    named = images()
    data = read(stored(tmp_path, named, kind))
    assert (data.classes, data.outputs, data.train.shape, data.train.stored.dtype) == (4, 4, (3, 4, 4), torch.uint8)
    assert torch.equal(data.train.x, named["x_train"].float() / 255)
    some = torch.tensor([[3, 0], [5, 5]])
    assert torch.equal(data.train.read(some), data.train.x[some])
    assert torch.equal(data.train.read(slice(2, 9)), data.train.x[2:9])
    exact = data.to("cpu", torch.float64)
    assert exact.train.stored.dtype == torch.uint8
    assert torch.equal(exact.train.x, named["x_train"].double() / 255)
    seen = data.to("cpu", torch.float32).to("cpu", torch.float64)  # float64 checks what float32 has seen
    assert torch.equal(seen.train.x, data.train.x.double())


def test_mean_and_std_are_torchvision_s_normalize(tmp_path: Path) -> None:
    from torchvision.transforms.v2.functional import normalize  # noqa: PLC0415 - seconds, for one test

    named = images()
    file = stored(tmp_path, named)
    wanted = normalize(named["x_train"].float() / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert torch.equal(read(file, ",mean=imagenet").train.x, wanted)
    assert torch.equal(read(file, ",mean=.485/.456/.406,std=.229/.224/.225").train.x, wanted)
    assert torch.equal(read(file, ",scale=1").train.x, named["x_train"].float())
    with pytest.raises(UsageError, match="2 numbers, and samples of 3x4x4 have 3 channels"):
        read(file, ",mean=1/2")
    for odd in ("mean=red", "mean=nan", "std=0", "mean=imagenet,std=1", "scale=0"):
        with pytest.raises(UsageError, match=r"^tensors: (mean|std|scale)"):
            read_data(f"tensors:{file},{odd}")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_training_on_bytes_is_training_on_their_numbers(tmp_path: Path, dtype: torch.dtype) -> None:
    file = stored(tmp_path, images())
    data, again = (read(file, ",mean=imagenet").to("cpu", dtype) for _ in range(2))
    plain = Dataset("plain", *(replace(one, stored=one.x, reading=None) for one in (again.train, again.test) if one), 4)
    found = []
    for one in (data, plain):
        made = build(read_network("fcn:6"), (3, 4, 4), 4)
        problem = Problem(made.module, one, CrossEntropy(), made.layered, precision=dtype)
        assert problem.dtype == dtype
        starts = torch.stack([made.initial(seed, dtype) for seed in (0, 1)])
        found.append(train(problem, starts, [0, 1], Descent(epochs=2, batch=5)))
        test = problem.values(found[-1].thetas, "test")
        assert test.error is not None
        assert "x" not in one.train.__dict__  # nobody has asked for all of them as numbers
    assert torch.equal(found[0].thetas, found[1].thetas)
    assert torch.equal(found[0].values, found[1].values)


def test_samples_in_float64_keep_their_digits_in_a_run_in_float64(tmp_path: Path) -> None:
    x = torch.rand(6, 2, dtype=torch.float64)
    data = read(stored(tmp_path, {"x_train": x, "y_train": x[:, 0]}))
    assert (data.classes, data.test, data.train.y.shape) == (None, None, (6, 1))
    assert torch.equal(data.to("cpu", torch.float64).train.x, x)
    assert torch.equal(data.to("cpu", torch.float32).train.x, x.float())
    assert data.train.dtype == torch.float32


@pytest.mark.parametrize("kind", ["safetensors", "npy"])
def test_a_large_file_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    file = stored(tmp_path, images(torch.float32), kind)
    small = read(file)
    monkeypatch.setattr(arrays, "SHARE", 0.0)
    large = read(file).to("cpu", torch.float64)
    assert large.train.reading is not None
    assert large.train.reading.mapped
    assert large.train.stored.dtype == torch.float32  # as it is in the file
    assert torch.equal(large.train.read(slice(3, 9)), small.train.x[3:9].double())
    assert large.fingerprint == small.fingerprint


def test_a_fingerprint_is_of_content_and_options_alone(tmp_path: Path) -> None:
    named = images()
    prints = {kind: read(stored(tmp_path, named, kind)).fingerprint for kind in ("safetensors", "npz", "npy")}
    assert prints["safetensors"] == prints["npz"] == prints["npy"]
    (tmp_path / "other").mkdir()
    file = stored(tmp_path / "other", named)
    assert read(file).fingerprint == prints["npz"]
    options = {",scale=1", ",mean=0.5", ",limit=8", ",limit=8,seed=1"}
    assert len({read(file, one).fingerprint for one in options} | {prints["npz"]}) == 5
    named["x_test"] = named["x_test"].clone()
    named["x_test"][-1, -1, -1, -1] += 1
    assert read(stored(tmp_path / "other", named)).fingerprint != prints["npz"]


def test_numbers_are_looked_at_once_and_again_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    checked = own.checked
    monkeypatch.setattr(own, "checked", lambda *given: seen.append(given) or checked(*given))
    monkeypatch.setattr(own, "stamp_of", lambda files: str(files[0].stat().st_mtime_ns))
    file = stored(tmp_path, images())
    first = read(file)
    assert (read(file).fingerprint, read(file).classes, len(seen)) == (first.fingerprint, 4, 1)
    named = images()
    named["y_train"] = torch.arange(28) % 7
    stored(tmp_path, named)
    assert (read(file).classes, len(seen)) == (7, 2)


def changed(name: str, make: Callable[[Tensor], Tensor]) -> Callable[[Named], object]:
    return lambda named: named.update({name: make(named[name])})


def set_at(*place: int, to: float) -> Callable[[Tensor], Tensor]:
    return lambda one: one.float().index_put(tuple(map(torch.tensor, place)), torch.tensor(to))


REFUSED = {
    "no names": (lambda named: named.update(x=named.pop("x_train")), r"lacks x_train"),
    "half a test": (lambda named: named.pop("y_test"), r"lacks y_test"),
    "lengths": (changed("y_train", lambda y: y[1:]), r"one row for each sample, and are 28 and 27 long"),
    "empty": (lambda named: named.update(x_train=named["x_train"][:0], y_train=named["y_train"][:0]), r"is empty"),
    "words": (changed("x_train", Tensor.long), r"x_train is of int64, and samples must be floats or uint8"),
    "labels from 1": (changed("y_train", lambda y: y + 1), r"go from 1 to 4: subtract 1"),
    "a gap": (changed("y_train", lambda y: y + (y > 1)), r"4 different ones from 0 to 4, and no 2"),
    "negative": (changed("y_train", lambda y: y - 1), r"go from -1 to 2"),
    "one class": (changed("y_train", torch.zeros_like), r"one class"),
    "unknown class": (changed("y_test", lambda y: y + 1), r"y_test has the label 4, and the classes .* 0 to 3"),
    "one-hot": (changed("y_train", lambda y: torch.eye(4).long()[y]), r"integers of shape \(N,\)"),
    "kinds": (changed("y_test", Tensor.float), r"y_train and y_test must be alike"),
    "shapes": (changed("x_test", lambda x: x[:, :1]), r"3x4x4 uint8 and 1x4x4 uint8"),
    "dtypes": (changed("x_test", Tensor.float), r"3x4x4 uint8 and 3x4x4 float32"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_wrong_with_arrays_is_said_in_one_sentence(tmp_path: Path, why: str) -> None:
    named = images()
    change, sentence = REFUSED[why]
    change(named)
    with pytest.raises(UsageError, match=sentence) as refusal:
        read(stored(tmp_path, named))
    assert "mine.safetensors" in str(refusal.value)
    assert not list(tmp_path.glob("cache/*"))


@pytest.mark.parametrize("name", ["x_train", "x_test"])
@pytest.mark.parametrize("odd", [torch.nan, torch.inf])
def test_a_number_that_is_not_finite_is_found(tmp_path: Path, name: str, odd: float) -> None:
    named = images(torch.float32)
    named[name][5, 1, 2, 3] = odd
    with pytest.raises(UsageError, match=f"{name} is not finite in sample 5 "):
        read(stored(tmp_path, named))


@given(bits=st.binary(max_size=80), start=st.sampled_from([b"", b"PK\x03\x04", b"\x40" + bytes(7) + b"{"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path: Path, bits: bytes, start: bytes) -> None:
    (tmp_path / "odd").write_bytes(start + bits)
    with pytest.raises(UsageError, match=r"odd"):
        arrays.read_arrays(tmp_path / "odd")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "Git-LFS pointer"),
        (b"<!DOCTYPE html><html>", "HTML or XML page"),
        (b"\x80\x02]q\x00.", "pickle, which may run code"),
        (b"\x93NUMPY\x01\x00", "a .npy file of one array"),
    ],
)
def test_other_files_are_told_apart(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "mine.npz").write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path / "mine.npz")


def npy(header: str, content: bytes) -> bytes:
    text = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + content


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3)}", bytes(8)),
            "promises 12000000000000",
        ),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n."), "Python objects"),
        (npy("{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", bytes(12)), "holds <U3, not numbers"),
        (npy("nonsense", bytes(8)), "is damaged"),
        (npy("{'descr': " + "(" * 50, bytes(8)), "is damaged"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -1)}", bytes(8)), "is damaged"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}", bytes(4)), "is damaged"),
        (npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': (0, {1 << 60}, {1 << 60})}}", b""), "is damaged"),
        (npy(f"{{'descr': '{np.dtype(np.longdouble).str}', 'fortran_order': False, 'shape': ()}}", bytes(16)), "holds"),
    ],
)
def test_an_array_that_promises_too_much_is_refused_before_it_is_made(
    tmp_path: Path, array: bytes, sentence: str
) -> None:
    with ZipFile(tmp_path / "mine.npz", "w") as archive:
        archive.writestr("x_train.npy", array)
        archive.writestr("y_train.npy", array)
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3)}", bytes(8)),
    ],
)
def test_a_damaged_array_in_a_folder_is_named(tmp_path: Path, content: bytes) -> None:
    folder = stored(tmp_path, images(), "npy")
    (folder / "y_test.npy").write_bytes(content)
    with pytest.raises(UsageError, match=r"y_test.npy can't be read as an array of numbers"):
        read(folder)
    (folder / "x_train.npy").unlink()
    with pytest.raises(UsageError, match=r"a folder without x_train\.npy"):
        locate(read_data(f"tensors:{folder}"), tmp_path)


def test_columns_first_and_other_byte_orders_are_read(tmp_path: Path) -> None:
    x = np.arange(12.0).reshape(4, 3)
    np.savez(tmp_path / "mine.npz", x_train=np.asfortranarray(x).astype(">f8"), y_train=np.array([0, 1, 0, 1], ">i2"))
    data = read(tmp_path / "mine.npz")
    assert data.train.x.tolist() == x.tolist()
    assert data.train.y.tolist() == [0, 1, 0, 1]


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "mine.npz"):
        with pytest.raises(UsageError, match="There is no file"):
            read(file)


def test_arrays_of_other_names_are_told_of(tmp_path: Path) -> None:
    assert read(stored(tmp_path, images() | {"note": torch.ones(2)})).notes == (
        "arrays of other names, left out: note",
    )


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_a_reading_of_parts_is_the_part_of_the_reading(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    x = torch.randint(0, 256, (5, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    x = x.to(data.draw(st.sampled_from([torch.uint8, torch.float32, torch.float64])))
    mean = torch.tensor(data.draw(st.floats(-2, 2)), dtype=torch.float64).expand(shape[0], *[1] * (len(shape) - 1))
    reading = Reading(data.draw(st.floats(0.5, 300)), mean, mean.square() + 1)
    rows = data.draw(st.slices(5))
    some = list(range(5))[rows]
    before = x.clone()
    assert torch.equal(reading.of(x[some]), reading.of(x)[some])
    assert torch.equal(x, before)


def test_a_stream_of_zeros_is_no_bomb(tmp_path: Path) -> None:
    buffer = BytesIO()
    np.savez_compressed(buffer, x_train=np.zeros((10, 2), np.float32), y_train=np.arange(10) % 2)
    content = bytearray(buffer.getvalue())
    (tmp_path / "mine.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match="damaged"):
        read(tmp_path / "mine.npz")
