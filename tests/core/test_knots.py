"""Knots are written by what changes from one to the next, and read back bit for bit."""

import tracemalloc
from pathlib import Path as File

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from core.errors import UsageError
from core.knots import packed, unpacked
from core.path import Path
from tests.core.test_sparse import case_of

SPECIAL = [0.0, -0.0, np.nan, np.inf, 1e-45, 1.0]


@given(
    st.sampled_from([np.float32, np.float64]),
    st.integers(1, 70),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    st.integers(0, 2**32 - 1),
)
def test_any_knots_come_back_bit_for_bit(dtype: type, size: int, count: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    knots = np.empty((count, size), dtype)
    knots[0] = rng.standard_normal(size)
    for i in range(1, count):
        drawn = rng.choice([*SPECIAL, *rng.standard_normal(3)], size).astype(dtype)
        knots[i] = np.where(rng.random(size) < share, drawn, knots[i - 1])
    assert unpacked(packed(knots), count).tobytes() == knots.tobytes()


def test_a_constructed_path_is_a_fraction_as_large() -> None:
    path = case_of("fcn:24x5", (4,), 1).path
    assert sum(one.nbytes for one in packed(path.knots.numpy()).values()) < path.knots.numpy().nbytes / 3


def test_knots_that_change_everywhere_are_no_longer_than_whole_ones() -> None:
    knots = np.random.default_rng(1).standard_normal((4, 100))
    assert sum(one.nbytes for one in packed(knots).values()) == knots.nbytes


def test_files_of_the_first_format_are_still_read(tmp_path: File) -> None:
    knots = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    header = '{"claims": ["convex", "sampled"], "curves": {}}'
    save_file({"knots": knots}, tmp_path / "old", metadata={"format": "thalweg-path-1", "path": header})
    old = Path.load(tmp_path / "old")
    assert torch.equal(old.knots, knots)
    assert [str(claim) for claim in old.claims] == ["convex", "sampled"]


@pytest.mark.parametrize("lost", ["knots.0", "changed.1", "nonzero.1", "values.1"])
def test_a_file_that_lacks_a_part_is_refused(tmp_path: File, lost: str) -> None:
    knots = torch.randn(40).repeat(2, 1)
    knots[1, :2] = 1.0
    tensors = {name: torch.from_numpy(one) for name, one in packed(knots.numpy()).items() if name != lost}
    header = {"thalweg-path-2": '{"claims": ["convex"], "curves": {}}'}
    save_file(tensors, tmp_path / "x", metadata=header)
    with pytest.raises(UsageError, match="can't be read as a path"):
        Path.load(tmp_path / "x")


def test_masks_of_another_length_are_refused() -> None:
    knots = np.random.default_rng(1).standard_normal(40).astype(np.float32)[None].repeat(2, 0)
    knots[1, :2] = 1.0
    parts = packed(knots)
    with pytest.raises(ValueError, match="are no 40 bits"):
        unpacked({**parts, "changed.1": parts["changed.1"][:2]}, 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"knots.0": np.zeros((1, 9), np.float32)},
        {"knots.1": np.ones(1, np.float32)},
        {"knots.1": np.ones(9, np.float64)},
        {"values.2": np.ones(1, np.float32)},
        {"values.2": np.ones(9, np.float64)},
    ],
)
def test_parts_of_another_shape_or_dtype_are_refused(changed: dict[str, np.ndarray]) -> None:
    bits = np.packbits(np.ones(9, bool))
    arrays = {"knots.0": np.zeros(9, np.float32), "knots.1": np.ones(9, np.float32)}
    arrays |= {"changed.2": bits, "nonzero.2": bits, "values.2": np.full(9, 2, np.float32)}
    assert unpacked(arrays, 3)[2, 8] == 2
    with pytest.raises(ValueError, match=r"dimensions|are no"):
        unpacked({**arrays, **changed}, 3)


def test_a_file_that_asks_for_more_memory_than_there_is_gets_a_sentence_and_no_memory(tmp_path: File) -> None:
    still = np.zeros(125_000, np.uint8)  # no bit of a knot's million numbers changes: 64 times less than they take
    arrays = {"knots.0": np.zeros(10**6), **{f"changed.{i}": still for i in range(1, 10**5)}}
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"its 100,000 knots of 1,000,000 numbers take 800\.0 GB of memory, and .* free"
    ):
        unpacked(arrays, 10**5)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_a_file_of_more_knots_than_it_holds_takes_no_memory_for_them() -> None:
    with pytest.raises(KeyError, match=r"knots\.1"):
        unpacked({"knots.0": np.zeros(10**6, np.float32)}, 10**7)


@pytest.mark.parametrize(
    "header",
    [
        {"thalweg-path-2": "[" * 200_000},
        {"thalweg-path-2": '{"claims": [' + '"convex",' * 500_000 + '"convex"], "curves": {}}'},
        {"format": "thalweg-path-1", "path": '{"claims": ["sampled", "sampled"], "curves": {}}'},
    ],
)
def test_headers_that_are_too_deep_or_long_and_knots_that_are_no_points_are_refused(
    tmp_path: File, header: dict[str, str]
) -> None:
    save_file({"knots": torch.zeros(3)}, tmp_path / "path", metadata=header)
    with pytest.raises(UsageError, match="can't be read as a path"):
        Path.load(tmp_path / "path")


def test_numbers_that_are_not_floating_are_refused() -> None:
    with pytest.raises(ValueError, match="its numbers are int64, not floating"):
        unpacked({"knots.0": np.zeros(3, np.int64), "knots.1": np.zeros(3, np.int64)}, 2)
