"""Points and knots of paths as files for other people's code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.engine.worker import probe
from core.engine.worker.exporting import about_knots, knots_of
from core.opening import open_problem
from core.path import Claim
from core.path import Path as Curve
from core.problem import Problem
from core.progress import SilentReporter
from tests.engine.asking import asked_of

NETWORK = "fcn:5"


@pytest.fixture
def problem() -> Problem:
    return open_problem(NETWORK, "digits,limit=20", None, "cpu", None, SilentReporter())[0]


def bent(problem: Problem) -> Curve:
    """A path of two segments with a zero that has a sign."""
    generator = torch.Generator().manual_seed(3)
    knots = torch.randn(3, problem.layout.total, generator=generator)
    knots[1, 7] = -0.0
    return Curve.chain(list(knots))


def metadata(file: str) -> dict[str, str]:
    with safe_open(file, "pt") as opened:
        return dict(opened.metadata())


def test_points_of_an_enclosed_path_are_in_float64_and_the_file_says_why(problem: Problem, tmp_path: Path) -> None:
    path = bent(problem)
    asked = asked_of(path, problem, NETWORK, tmp_path, certificate="enclosed")
    answer = probe.points({**asked, "count": 12})
    found, about = load_file(asked["to"]), metadata(asked["to"])
    expected = problem.layout.split(path.cast(torch.float64).points(found.pop("t")))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], one) and one.dtype == torch.float64 for name, one in expected.items())
    assert about["dtype"] == answer["dtype"] == "float64"
    assert about["dtype_reason"] == answer["dtype_reason"]
    assert "rounded to float32 they are not covered" in about["dtype_reason"]


@pytest.mark.parametrize("kind", ["exact", "identity", "sampled"])
def test_points_of_other_paths_are_in_the_models_dtype(problem: Problem, tmp_path: Path, kind: str) -> None:
    path = bent(problem)
    asked = asked_of(path, problem, NETWORK, tmp_path, certificate=kind)
    answer = probe.points({**asked, "count": 4})
    found = load_file(asked["to"])
    expected = problem.layout.split(path.points(found.pop("t")))
    assert all(torch.equal(found[name], one) and one.dtype == torch.float32 for name, one in expected.items())
    assert metadata(asked["to"]) == {"network": NETWORK, "data": "digits,limit=20", "path": "1", "dtype": "float32"}
    assert "dtype_reason" not in answer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_knots_are_written_bit_for_bit_in_the_path_s_own_dtype(
    problem: Problem, tmp_path: Path, dtype: torch.dtype
) -> None:
    path = bent(problem).cast(dtype)
    answer = probe.knots(asked := asked_of(path, problem, NETWORK, tmp_path))
    found, about = load_file(asked["to"]), metadata(asked["to"])
    assert {name for name in found if not name.startswith("knots.")} == set()  # it has no pieces
    joined = [problem.layout.join({name: found[f"knots.{name}"][i] for name in problem.layout.names}) for i in range(3)]
    bits = torch.int32 if dtype == torch.float32 else torch.int64
    assert torch.equal(torch.stack(joined).view(bits), path.knots.view(bits))
    assert about["dtype"] == answer["dtype"] == str(dtype).removeprefix("torch.")
    assert answer["knots"] == 3


def test_a_file_of_knots_has_the_pieces_and_all_that_a_checker_has_to_know(problem: Problem, tmp_path: Path) -> None:
    pieces = {"segment": torch.tensor([0, 1]), "start": torch.zeros(2), "end": torch.ones(2), "ends": torch.rand(2, 2)}
    save_file(pieces, tmp_path / "pieces")
    known = {"certificate": "enclosed", "level": 0.1 + 0.2, "pieces": str(tmp_path / "pieces")}
    probe.knots(asked := asked_of(bent(problem), problem, NETWORK, tmp_path, **known))
    found, about = load_file(asked["to"]), metadata(asked["to"])
    assert all(torch.equal(found[f"pieces.{name}"], one) for name, one in pieces.items())
    assert json.loads(about["level"]) == 0.1 + 0.2
    assert json.loads(about["claims"]) == ["sampled", "sampled"]
    named = {"network": NETWORK, "data": "digits,limit=20", "loss": "cross-entropy", "certificate": "enclosed"}
    assert about.items() >= {**named, "path": "1", "data_fingerprint": problem.data.fingerprint}.items()


@dataclass(frozen=True)
class Hump:
    """A curve of a family of its own."""

    heights: Tensor
    family: ClassVar[str] = "hump"

    @property
    def parameters(self) -> int:
        return len(self.heights)

    def points(self, t: Tensor) -> Tensor:
        return (t * (1 - t))[:, None] * self.heights

    def tensors(self) -> dict[str, Tensor]:
        return {"heights": self.heights}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        return cls(tensors["heights"])


def test_a_curve_s_tensors_are_in_the_file_under_its_segment(problem: Problem, tmp_path: Path) -> None:
    line, heights = bent(problem), torch.rand(problem.layout.total)
    path = Curve(line.knots, (Claim.SAMPLED, Claim.IDENTITY), {1: Hump(heights)})
    tensors = knots_of(path, problem, None)
    assert torch.equal(tensors["curve.1.heights"], heights)
    model = probe.msgspec.convert(asked_of(line, problem, NETWORK, tmp_path)["models"][0], probe.InputModel)
    about = about_knots(path, tensors, model)
    assert (json.loads(about["claims"]), json.loads(about["curves"])) == (["sampled", "identity"], {"1": "hump"})
