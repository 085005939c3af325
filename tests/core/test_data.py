"""Data sets as networks see them: conventions, scaling, whitening, limit, fingerprints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import Tensor

from core.data import pixels
from core.data.dataset import Dataset, Split
from core.data.load import load
from core.data.pixels import channel_moments, require_variation, scaling, zca
from core.data.sampling import limit_samples
from core.errors import UsageError
from core.specs.data import Cifar10, Digits, read_data

NOWHERE = Path("/nonexistent")


def digits(options: str = "", root: Path = NOWHERE) -> Dataset:
    return load(read_data(f"digits{options}"), root)


def labelled(labels: list[int]) -> Split:
    y = torch.tensor(labels)
    return Split(torch.arange(len(y))[:, None].float(), y)


def covariance(x: Tensor) -> Tensor:
    return torch.cov(x.flatten(1).double().T, correction=0)


def test_digits_are_scikit_learn_s_in_order() -> None:
    data, raw = digits(), load_digits()
    assert data.test is not None
    assert (data.name, data.classes, data.outputs, data.notes) == ("digits", 10, 10, ())
    assert (data.train.x.shape, data.test.x.shape) == ((1500, 1, 8, 8), (297, 1, 8, 8))
    assert (data.train.x.dtype, data.train.y.dtype) == (torch.float32, torch.int64)
    both = torch.cat([data.train.x, data.test.x])[:, 0].numpy()
    np.testing.assert_array_equal(both, (raw.images / 16).astype(np.float32))
    np.testing.assert_array_equal(torch.cat([data.train.y, data.test.y]).numpy(), raw.target)


def test_gaussians_are_two_clouds_of_which_one_is_to_be_copied() -> None:
    data = load(read_data("gaussians,distance=3,samples=400"), NOWHERE)
    assert data.test is not None
    for split in (data.train, data.test):
        assert split.x.shape == split.y.shape == (400, 2)
        copied = split.y.abs().amax(1) > 0
        assert copied.tolist() == [True, False] * 200
        assert torch.equal(split.y[copied], split.x[copied])
        for cloud, centre in ((split.x[copied], 3.0), (split.x[~copied], -3.0)):
            assert (cloud.mean(0) - centre).abs().max() < 0.3
            assert (covariance(cloud) - torch.eye(2)).abs().max() < 0.4
    assert not torch.equal(data.train.x, data.test.x)
    other = load(read_data("gaussians,distance=3,samples=400,seed=1"), NOWHERE)
    assert not torch.equal(data.train.x, other.train.x)


def test_a_teacher_is_three_units_and_noise() -> None:
    for n in (2, 5):
        noisy = load(read_data(f"teacher,inputs={n},samples=500"), NOWHERE)
        clean = load(read_data(f"teacher,inputs={n},samples=500,noise=0"), NOWHERE)
        assert (noisy.train.x.shape, noisy.train.y.shape, noisy.classes) == ((500, n), (500, 1), None)
        torch.testing.assert_close(noisy.train.x.norm(dim=1), torch.full((500,), n**0.5))
        assert torch.equal(noisy.train.x, clean.train.x)
        assert (noisy.train.y - clean.train.y).std() == pytest.approx(0.1, rel=0.15)
        x, y = clean.train.x, clean.train.y[:, 0]
        for i in range(20):  # homogeneous of degree 1, and linear but for three folds
            same = (x / n**0.5 - x[i] / n**0.5).norm(dim=1) < 1e-6
            assert torch.allclose(y[same], y[i])
    assert load(read_data("teacher,units=1,noise=0"), NOWHERE).train.y.min() == 0.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gaussians,samples=0", "samples must be"),
        ("teacher,inputs=0", "inputs must be"),
        ("teacher,noise=-1", "noise must be a number at least 0"),
    ],
)
def test_data_that_cannot_be_drawn_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_data(text)


def test_a_polynomial_has_its_coefficients_from_the_constant_upwards_and_its_samples() -> None:
    data = load(read_data("polynomial,coefficients=.1/.25/-2.50,samples=70"), NOWHERE)
    assert data.name == "polynomial,coefficients=0.1/0.25/-2.5,samples=70"
    assert data.test is not None
    for split in (data.train, data.test):
        assert split.x.shape == split.y.shape == (70, 1)
        torch.testing.assert_close(split.y, 0.1 + 0.25 * split.x - 2.5 * split.x**2)
    assert data.train.x.std() == pytest.approx(12**-0.5, rel=0.2)
    assert len(load(read_data("polynomial,coefficients=1,limit=7"), NOWHERE).train) == 7


@pytest.mark.parametrize("coefficients", ["", "a/b", "1//2", "nan", "1,2"])
def test_what_is_no_polynomial_is_refused_in_a_sentence(coefficients: str) -> None:
    with pytest.raises(UsageError, match=r"coefficients must be numbers with /|key=value"):
        read_data(f"polynomial,coefficients={coefficients}")


@pytest.mark.parametrize(("name", "power"), [("quadratic", 2), ("cubic", 3)])
def test_regressions_are_random_powers(name: str, power: int) -> None:
    data, other = load(read_data(name), NOWHERE), load(read_data(f"{name},seed=1"), NOWHERE)
    assert data.test is not None
    assert (data.classes, data.outputs) == (None, 1)
    for split in (data.train, data.test):
        assert split.x.shape == split.y.shape == (1000, 1)
        assert ((split.x >= 0) & (split.x <= 1)).all()
        assert torch.equal(split.y, split.x**power), "models of earlier editions are of the same data, bit for bit"
    assert not torch.equal(data.train.x, data.test.x)
    assert not torch.equal(data.train.x, other.train.x)
    assert data.fingerprint == load(read_data(name), NOWHERE).fingerprint


def test_permute3_maps_each_root_of_unity_to_the_next() -> None:
    data = load(read_data("permute3"), NOWHERE)
    assert (data.test, data.classes, data.outputs) == (None, None, 2)
    x = torch.complex(data.train.x[:, 0], data.train.x[:, 1])
    y = torch.complex(data.train.y[:, 0], data.train.y[:, 1])
    torch.testing.assert_close(x**3, torch.ones(3, dtype=torch.complex64))
    assert torch.equal(y, x[[1, 2, 0]])
    assert (x - x[[1, 2, 0]]).abs().min() > 1


def test_scales() -> None:
    raw, usual = digits(",scale=none"), digits()
    assert torch.equal(raw.train.x, raw.train.x.round())
    assert float(raw.train.x.max()) == 16
    assert torch.equal(usual.train.x, raw.train.x / 16)
    assert torch.equal(digits(",scale=unit").train.x, usual.train.x)
    standard = digits(",scale=standard")
    assert float(standard.train.x.mean()) == pytest.approx(0, abs=1e-5)
    assert float(standard.train.x.std(correction=0)) == pytest.approx(1, abs=1e-5)


def require_moments(x: torch.Tensor) -> None:
    """Mean and deviation of every channel are those of float64; the third channel does not vary."""
    mean, deviation = channel_moments(x)
    by_channel = x.double().transpose(0, 1).flatten(1)
    torch.testing.assert_close(mean.flatten(), by_channel.mean(1).float())
    torch.testing.assert_close(deviation.flatten()[:2], by_channel.std(1, correction=0)[:2].float())
    assert float(deviation[2]) == 1


def test_channel_moments_are_exact() -> None:
    x = torch.randint(0, 256, (20, 3, 5, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    x[:, 2] = 7
    require_moments(x)
    scaled = scaling(Cifar10(), x, NOWHERE)(x)
    assert not scaled[:, 2].any()


def test_channel_moments_of_floats_are_those_of_float64() -> None:
    x = 255 * torch.rand(5000, 3, 2, 3, generator=torch.Generator().manual_seed(0))
    x[:, 1] = 200 + x[:, 1] * 1e-3
    x[:, 2] = 7
    require_moments(x)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_moments_of_bytes_and_of_the_same_floats_are_equal(dtype: torch.dtype) -> None:
    x = torch.randint(0, 256, (20, 3, 5, 4), generator=torch.Generator().manual_seed(0)).to(dtype)
    torch.testing.assert_close(channel_moments(x), channel_moments(x.to(torch.uint8)))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_train_images_that_do_not_vary_are_refused(dtype: torch.dtype) -> None:
    one = torch.arange(3 * 4 * 4, dtype=dtype).reshape(1, 3, 4, 4)
    flat = torch.arange(6, dtype=dtype)[:, None, None, None].expand(6, 3, 4, 4)
    with pytest.raises(UsageError, match="6 train images of own are all equal"):
        require_variation("own", one.expand(6, 3, 4, 4))
    with pytest.raises(UsageError, match="Each of the 6 train images of own is of one colour all over"):
        require_variation("own", flat)
    other = flat.clone()
    other[5, 2, 3, 3] += 1
    for varied in (one, torch.cat([one, one, one + 1]), other, flat[..., :1, :1]):
        require_variation("own", varied)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_scaling_leaves_the_pixels_as_they_were(dtype: torch.dtype) -> None:
    x = torch.randint(0, 17, (9, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(dtype)
    before = x.clone()
    for spec in (Digits(), Digits(scale="none"), Digits(scale="standard", whiten=True)):
        scale = scaling(spec, x, NOWHERE)
        assert torch.equal(scale(x), scale(x))
        assert torch.equal(x, before)


def test_whitened_inputs_have_identity_covariance(tmp_path: Path) -> None:
    x = torch.randint(0, 256, (400, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    white = scaling(Cifar10(whiten=True), x, tmp_path)(x)
    assert (white.shape, white.dtype) == (x.shape, torch.float32)
    torch.testing.assert_close(white.mean(0), torch.zeros(3, 4, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(covariance(white), torch.eye(48, dtype=torch.float64), atol=1e-4, rtol=0)


def test_whitening_is_symmetric_and_drops_what_does_not_vary() -> None:
    flat = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    flat[:, 2], flat[:, 5] = 3.0, flat[:, 0]
    mean, matrix = zca(flat)
    torch.testing.assert_close(matrix, matrix.T)
    projection = covariance((flat - mean) @ matrix)
    torch.testing.assert_close(projection @ projection, projection, atol=1e-4, rtol=0)
    assert float(projection.trace()) == pytest.approx(4, abs=1e-3)
    assert float(mean[2]) == 3
    assert float(matrix[2].abs().max()) < 1e-12


def test_whitening_is_fitted_on_the_train_set_and_applied_to_both(tmp_path: Path) -> None:
    plain, white = digits(), digits(",whiten=true", tmp_path)
    assert plain.test is not None
    assert white.test is not None
    mean, matrix = zca(plain.train.x)
    expected = (plain.test.x.flatten(1) - mean) @ matrix
    torch.testing.assert_close(white.test.x.flatten(1), expected, rtol=1e-4, atol=1e-4)


def test_whitening_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = digits(",whiten=true", tmp_path)
    monkeypatch.setattr(pixels, "zca", lambda train: pytest.fail("fitted again"))
    assert digits(",whiten=true", tmp_path).fingerprint == first.fingerprint
    assert digits(",whiten=true,limit=9", tmp_path).name == "digits,limit=9,whiten=true"


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 40), st.integers(0, 2**62 - 1))
def test_limit_takes_of_each_class_as_many_as_can_be(labels: list[int], limit: int, seed: int) -> None:
    split = labelled(labels)
    if limit > len(labels):
        with pytest.raises(UsageError, match=f"more than the {len(labels)} train samples"):
            limit_samples(split, limit, seed)
        return
    taken = limit_samples(split, limit, seed)
    assert len(taken) == limit
    chosen = taken.x[:, 0].long().tolist()
    assert chosen == sorted(set(chosen))
    assert taken.y.tolist() == [labels[i] for i in chosen]
    there, got = torch.bincount(split.y, minlength=5), torch.bincount(taken.y, minlength=5)
    short = got < there
    assert (got.max() - got[short] <= 1).all()
    again = limit_samples(split, limit, seed)
    assert torch.equal(again.x, taken.x)
    fewer = limit_samples(split, max(1, limit // 2), seed).x[:, 0].long().tolist()
    assert set(fewer) <= set(chosen)


def test_limit_depends_on_the_seed_and_leaves_samples_and_test_set_alone() -> None:
    whole, some, others = digits(), digits(",limit=100"), digits(",limit=100,seed=1")
    assert torch.bincount(some.train.y).tolist() == [10] * 10
    assert not torch.equal(some.train.x, others.train.x)
    rows = {row.numpy().tobytes() for row in whole.train.x}
    assert all(row.numpy().tobytes() in rows for row in some.train.x)
    assert whole.test is not None
    assert some.test is not None
    assert torch.equal(whole.test.x, some.test.x)
    assert len(load(read_data("quadratic,limit=7"), NOWHERE).train) == 7


def test_a_limit_above_what_there_is_is_refused_with_the_number() -> None:
    with pytest.raises(UsageError, match="limit=1501 is more than the 1500"):
        digits(",limit=1501")


def test_fingerprints_tell_data_apart() -> None:
    data = digits(",limit=20")
    assert digits(",limit=20").fingerprint == data.fingerprint
    pixel, label = data.train.x.clone(), data.train.y.clone()
    pixel[3, 0, 2, 2] += 1 / 16
    label[3] += 1
    flipped = Split(data.train.x.flip(0), data.train.y.flip(0))
    for train in (Split(pixel, data.train.y), Split(data.train.x, label), flipped):
        assert replace(data, train=train).fingerprint != data.fingerprint
    assert replace(data, test=None).fingerprint != data.fingerprint


@pytest.mark.parametrize("name", ["digits,limit=20", "quadratic"])
def test_fingerprints_do_not_depend_on_the_dtype(name: str) -> None:
    data = load(read_data(name), NOWHERE)
    double = data.to("cpu", torch.float64)
    assert double.train.x.dtype == torch.float64
    assert double.fingerprint == data.fingerprint
