"""Paths: exact ends, no gaps, lengths, and files that read back bit for bit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import pi
from pathlib import Path as File
from typing import ClassVar, Self

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.errors import UsageError
from core.path import FORMAT, Claim, Curve, Path

DTYPES = [torch.float32, torch.float64]
chains = st.tuples(st.sampled_from(DTYPES), st.integers(1, 7), st.integers(1, 6), st.integers(0, 2**31))


@dataclass(frozen=True)
class Arc:
    """A circle about `centre` in the plane of the first two coordinates, from `angles` (first, last)."""

    family: ClassVar[str] = "arc"
    centre: Tensor
    angles: Tensor

    @property
    def parameters(self) -> int:
        return len(self.centre)

    def points(self, t: Tensor) -> Tensor:
        angle = torch.lerp(self.angles[0].to(t), self.angles[1].to(t), t)
        out = self.centre.repeat(len(t), 1)
        out[:, 0] += angle.cos()
        out[:, 1] += angle.sin()
        return out

    def tensors(self) -> dict[str, Tensor]:
        return {"centre": self.centre, "angles": self.angles}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        return cls(tensors["centre"], tensors["angles"])


FAMILIES: dict[str, type[Curve]] = {"arc": Arc}


def half_circle(dtype: torch.dtype) -> Path:
    """From (1, 0, 0) over (0, 1, 0) to (-1, 0, 0), and on in a straight line."""
    arc = Arc(torch.zeros(3, dtype=dtype), torch.tensor([0.0, pi], dtype=dtype))
    start, end = torch.tensor([[1, 0, 0], [-1, 0, 0]], dtype=dtype)
    bent = Path.line(start, start).then(end, Claim.IDENTITY, arc)
    return bent.then(torch.ones(3, dtype=dtype), Claim.CONVEX)


def chain(drawn: tuple[torch.dtype, int, int, int]) -> Path:
    dtype, segments, size, seed = drawn
    generator = torch.Generator().manual_seed(seed)
    knots = torch.randn(segments + 1, size, generator=generator, dtype=torch.float64).to(dtype)
    return Path.chain(list(knots), Claim.CONVEX)


def bits(x: Tensor) -> bytes:
    return x.contiguous().numpy().tobytes()


def paths() -> st.SearchStrategy[Path]:
    return chains.map(chain) | st.sampled_from(DTYPES).map(half_circle)


@given(paths())
def test_ends_are_exact(path: Path) -> None:
    first, last = path.points(torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert bits(first) == bits(path.start)
    assert bits(last) == bits(path.end)


@given(paths())
def test_segments_meet_bit_for_bit(path: Path) -> None:
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for i, segment in enumerate(path):
        first, last = segment.at(ends)
        assert bits(first) == bits(path.knots[i])
        assert bits(last) == bits(path.knots[i + 1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_signs_of_zeros_are_kept_at_ends(dtype: torch.dtype) -> None:
    a, b = torch.tensor([-0.0, 1.0, 0.0], dtype=dtype), torch.tensor([1.0, -0.0, -0.0], dtype=dtype)
    first, last = Path.line(a, b).points(torch.tensor([0.0, 1.0]))
    assert bits(first) == bits(a)
    assert bits(last) == bits(b)


def test_knots_are_found_bit_for_bit() -> None:
    for count in range(1, 120):
        path = Path.chain(list(torch.rand(count + 1, 3)))
        assert torch.equal(path.points(torch.arange(count + 1, dtype=torch.float64) / count), path.knots)


@given(chains.map(chain), st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_points_lie_on_the_chain(path: Path, ts: list[float]) -> None:
    for t, point in zip(ts, path.points(torch.tensor(ts, dtype=torch.float64)), strict=True):
        i = min(int(t * len(path)), len(path) - 1)
        local = t * len(path) - i
        expected = (1 - local) * path.knots[i].double() + local * path.knots[i + 1].double()
        torch.testing.assert_close(point.double(), expected, rtol=1e-5, atol=1e-5)


def test_points_of_a_curve_lie_on_it() -> None:
    path = half_circle(torch.float64)
    arc = path.segment(1)
    assert (arc.kind, path.segment(0).kind) == ("analytic", "straight")
    middle = arc.at(torch.tensor([0.5, 0.25], dtype=torch.float64))
    torch.testing.assert_close(middle, torch.tensor([[0, 1, 0], [0.5**0.5, 0.5**0.5, 0]], dtype=torch.float64))
    assert arc.length() == pytest.approx(pi, rel=1e-4)


@pytest.mark.parametrize("segments", [1, 3, 49])
def test_locate_finds_the_segment(segments: int) -> None:
    path = Path.chain(list(torch.eye(segments + 1)))
    t = torch.cat([torch.linspace(0, 1, 101, dtype=torch.float64), torch.tensor([1.0])])
    number, local = path.locate(t)
    assert (number[-1], local[-1]) == (segments - 1, 1.0)
    assert (number[0], local[0]) == (0, 0.0)
    assert ((local >= 0) & (local <= 1)).all()
    torch.testing.assert_close((number + local) / segments, t)


@given(chains)
def test_a_straight_line_has_normalized_length_one(drawn: tuple[torch.dtype, int, int, int]) -> None:
    knots = chain(drawn).knots
    assert Path.line(knots[0], knots[1]).normalized_length() == pytest.approx(1)
    assert chain(drawn).normalized_length() >= 1 - 1e-6


def test_lengths_add_up() -> None:
    corner = Path.chain([torch.tensor([0.0, 0.0]), torch.tensor([3.0, 0.0]), torch.tensor([3.0, 4.0])])
    assert corner.length() == pytest.approx(7)
    assert corner.normalized_length() == pytest.approx(7 / 5)
    assert torch.tensor(Path.line(corner.start, corner.start).normalized_length()).isnan()


@given(paths())
def test_files_read_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, path: Path) -> None:
    file = tmp_path_factory.mktemp("paths") / "path.safetensors"
    path.save(file)
    again = Path.load(file, FAMILIES)
    t = torch.linspace(0, 1, 23, dtype=torch.float64)
    assert again.claims == path.claims
    assert (again.knots.dtype, bits(again.knots)) == (path.knots.dtype, bits(path.knots))
    assert bits(again.points(t)) == bits(path.points(t))


def test_equal_paths_have_equal_files(tmp_path: File) -> None:
    path = half_circle(torch.float64)
    for i in range(8):
        path.save(tmp_path / str(i))
    assert len({(tmp_path / str(i)).read_bytes() for i in range(8)}) == 1


def saved(folder: File) -> File:
    file = folder / "path.safetensors"
    half_circle(torch.float64).save(file)
    return file


def refused(file: File) -> str:
    with pytest.raises(UsageError) as refusal:
        Path.load(file, FAMILIES)
    return str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 400, b"\x08\0\0\0\0\0\0\0{}      "])
def test_garbage_is_refused(tmp_path: File, content: bytes) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    assert str(file) in refused(file)


def test_truncated_and_absent_files_are_refused(tmp_path: File) -> None:
    file = saved(tmp_path)
    content = file.read_bytes()
    for size in (7, 60, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:size])
        assert str(file) in refused(file)
    file.unlink()
    assert str(file) in refused(file)


def test_foreign_tensors_are_refused(tmp_path: File) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"weight": torch.zeros(3)}, file)
    assert "holds no path" in refused(file)


def test_an_unknown_family_is_refused_by_name(tmp_path: File) -> None:
    with pytest.raises(UsageError, match="'arc'"):
        Path.load(saved(tmp_path))


HEADER = {"claims": ["sampled", "identity", "convex"], "curves": {"1": "arc"}}


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "claims": ["sampled", "hoped", "convex"]},
        {**HEADER, "claims": ["sampled"]},
        {"claims": HEADER["claims"]},
        {"curves": {}},
        {**HEADER, "curves": {"one": "arc"}},
        {**HEADER, "curves": {"2": "arc"}},
        [],
        3,
    ],
)
def test_headers_that_do_not_fit_are_refused(tmp_path: File, header: object) -> None:
    file = saved(tmp_path)
    save_file(load_file(file), file, metadata={FORMAT: json.dumps(header)})
    assert refused(file)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["sampled", "convex", "arc", "1", "x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["0", "1", "claims", "-1"]), inner),
)


@given(st.fixed_dictionaries({"claims": json_values, "curves": json_values}))
def test_whatever_a_header_says_is_a_path_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, header: object
) -> None:
    file = saved(tmp_path_factory.mktemp("paths"))
    save_file(load_file(file), file, metadata={FORMAT: json.dumps(header)})
    try:
        assert len(Path.load(file, FAMILIES)) == 3
    except UsageError as error:
        said = str(error)
        assert said.startswith(f"{file} can't be read as a path: ") or "unknown family" in said
        assert said.count("\n") == 0
        assert said.endswith(".")


def test_a_curve_of_another_number_of_parameters_is_refused(tmp_path: File) -> None:
    file = saved(tmp_path)
    save_file({**load_file(file), "curve.1.centre": torch.zeros(10**6)}, file, metadata={FORMAT: json.dumps(HEADER)})
    assert "the curve 1 has 1000000 parameters and a knot 3" in refused(file)


def test_a_path_without_knots_is_refused(tmp_path: File) -> None:
    file = saved(tmp_path)
    tensors = load_file(file)
    del tensors["knots.0"]
    save_file(tensors, file, metadata={FORMAT: json.dumps(HEADER)})
    assert refused(file)
