"""The checker on the page "Check it yourself", as it is printed there, against the one of `core.certify.enclosed`."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from torch import Tensor

from core.certify.enclosed import Wanted
from core.certify.enclosed.goal import Budget, Target
from core.certify.enclosed.search import Search
from core.engine.worker import probe
from core.engine.worker.verifying import PIECES, certificate_columns
from core.examination import examine
from core.opening import open_problem
from core.path import Path as Curve
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.descent import Descent
from core.training import train
from tests.core.plain import classes, points, problem_of
from tests.engine.asking import asked_of
from tests.pages import text

BLOCKS = re.findall(r"^```python\n(.*?)^```$", text("docs/check-it-yourself.md"), re.MULTILINE | re.DOTALL)
CHECKER, DIGITS, MNIST = "".join(BLOCKS[:2]), BLOCKS[2], BLOCKS[3]
NETWORK = "fcn:8x2"

Metadata = dict[str, str]
Tensors = dict[str, NDArray[Any]]
Forge = Callable[[Metadata, Tensors], None]
PAGE: dict[str, Any] = {}
exec(CHECKER, PAGE)  # the page's own code


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `points --knots` writes of a path of two segments between trained networks on digits, proven within 5 %."""
    folder = tmp_path_factory.mktemp("path")
    problem, architecture = open_problem(NETWORK, "digits", None, "cpu", None, SilentReporter())
    starts = torch.stack([architecture.initial(seed, problem.dtype) for seed in range(2)])
    a, b = train(problem, starts, [0, 1], Descent(epochs=15, lr=0.01)).thetas
    (bead,) = train(problem, torch.lerp(a, b, 0.5)[None], [2], Descent(epochs=3, lr=0.01)).thetas
    path = Curve.chain([a, bead, b])
    examined = examine(problem, path, points=9, wanted=Wanted(slack=0.05))
    assert examined.certificate.kind == "enclosed"
    assert certificate_columns(examined, folder)["file"] == PIECES
    known = {"certificate": "enclosed", "level": examined.certificate.level, "pieces": str(folder / PIECES)}
    probe.knots(asked_of(path, problem, NETWORK, folder, **known))
    return folder / "written"


@pytest.fixture(scope="module")
def arrays() -> tuple[Any, Any]:
    """Train and test arrays, as the page makes them."""
    names = {**PAGE}
    exec(DIGITS.partition("print(")[0], names)
    x, y = names["x"], names["y"]
    return (x[:1500], y[:1500]), (x[1500:], y[1500:])


def opened(file: Path) -> tuple[Metadata, Tensors]:
    with safe_open(str(file), "numpy") as one:
        return one.metadata(), {name: one.get_tensor(name).copy() for name in one.keys()}  # noqa: SIM118


def checked(written: Path, arrays: Any, forge: Forge, folder: Path) -> str:
    """What the page says of a file that was tampered with."""
    about, tensors = opened(written)
    forge(about, tensors)
    save_file(tensors, folder / "forged", metadata=about)
    return str(PAGE["check"](folder / "forged", *arrays))


def signed(about: Metadata, tensors: Tensors) -> None:
    """Make the digest of the knots right again."""
    names = sorted(name for name in tensors if name.startswith("knots."))
    about["knots_sha256"] = PAGE["sha256"](b"".join(tensors[name].tobytes() for name in names)).hexdigest()


def level_of(about: Metadata) -> float:
    return float(json.loads(about["level"]))


def test_the_script_of_the_page_confirms_a_true_level(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["check.py", str(written)])
    exec(CHECKER + DIGITS, {})
    level = level_of(opened(written)[0])
    assert capsys.readouterr().out == f"confirmed: the train loss is nowhere above {level:.6g}\n"


def test_the_page_shares_no_code_with_thalweg() -> None:
    imported = re.findall(r"^\s*(?:from|import) (\w+)", CHECKER + DIGITS + MNIST, re.MULTILINE)
    assert set(imported) == {"json", "sys", "hashlib", "numpy", "safetensors", "sklearn"}


def lower(about: Metadata, _: Tensors) -> None:
    about["level"] = json.dumps(0.9 * level_of(about))


def leave_out(_: Metadata, tensors: Tensors) -> None:
    kept = np.arange(len(tensors["pieces.start"])) != 3
    tensors |= {name: one[kept] for name, one in tensors.items() if name.startswith("pieces.")}


def stop_early(_: Metadata, tensors: Tensors) -> None:
    last = (tensors["pieces.segment"] == 1) & (tensors["pieces.end"] == 1)
    assert last.sum() == 1
    tensors["pieces.end"][last] = 0.999


def change_a_bit(_: Metadata, tensors: Tensors) -> None:
    tensors["knots.layers.1.weight"].view(np.uint32)[1, 0, 0] ^= 1


def move_the_bead(about: Metadata, tensors: Tensors) -> None:
    tensors["knots.layers.2.weight"][1] *= -1
    signed(about, tensors)


def put_nan(about: Metadata, tensors: Tensors) -> None:
    tensors["knots.layers.0.bias"][1, 0] = np.nan
    signed(about, tensors)


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (lower, r"refused: the loss on segment [01] is \S+ at t = \S+ or \S+, above \S+"),
        (leave_out, "refused: the pieces of segment [01] do not cover it without gaps"),
        (stop_early, "refused: the pieces of segment 1 do not cover it without gaps"),
        (change_a_bit, "refused: the knots are not those that were written"),
        (move_the_bead, r"refused: the loss on segment [01] is \S+ at t = \S+ or \S+, above \S+"),
        (put_nan, "refused: a knot is not finite"),
    ],
)
def test_a_forged_file_is_refused_by_name(written: Path, arrays: Any, forge: Forge, said: str, tmp_path: Path) -> None:
    assert re.fullmatch(said, checked(written, arrays, forge, tmp_path))


def test_other_data_are_refused(written: Path, arrays: Any) -> None:
    (x, y), test = arrays
    other = y.copy()
    other[7] = (other[7] + 1) % 10
    assert PAGE["check"](written, (x, other), test) == "refused: the data are not those that the path was proven on"


def test_pieces_that_are_too_long_are_halved_and_stored_bounds_not_believed(
    written: Path, arrays: Any, tmp_path: Path
) -> None:
    def forge(_: Metadata, tensors: Tensors) -> None:
        tensors["pieces.ends"][:] = 0
        even = tensors["pieces.start"] * 4 % 1 == 0  # quarters alone
        tensors |= {name: one[even] for name, one in tensors.items() if name.startswith("pieces.")}
        for i in (0, 1):
            here = np.flatnonzero(tensors["pieces.segment"] == i)
            tensors["pieces.end"][here[:-1]] = tensors["pieces.start"][here[1:]]
            tensors["pieces.end"][here[-1]] = 1

    assert checked(written, arrays, forge, tmp_path).startswith("confirmed")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("certificate", "sampled", "not an enclosed path"),
        ("network", "cnn", "not of a dense ReLU network"),
        ("network", "fcn:8x2,activation=tanh", "not of a dense ReLU network"),
        ("curves", '{"0": "prescribed"}', "not an enclosed path of straight lines"),
    ],
)
def test_what_the_page_is_not_for_is_not_rechecked(
    written: Path, arrays: Any, name: str, value: str, said: str, tmp_path: Path
) -> None:
    found = checked(written, arrays, lambda about, _: about.update({name: value}), tmp_path)
    assert found.startswith("not re-checked: ")
    assert said in found


def test_a_network_whose_norms_multiply_to_over_a_thousand_is_not_rechecked(
    written: Path, arrays: Any, tmp_path: Path
) -> None:
    def forge(about: Metadata, tensors: Tensors) -> None:
        for layer in (1, 2):
            tensors[f"knots.layers.{layer}.weight"] *= 100
        signed(about, tensors)

    assert "multiply to" in checked(written, arrays, forge, tmp_path)


@pytest.mark.parametrize("loss", ["cross-entropy", "square", "hinge"])
@pytest.mark.parametrize("widths", ["6", "5x3"])
def test_its_bound_of_a_piece_is_that_of_the_checker_by_norms_and_above_every_loss_on_it(
    loss: str, widths: str
) -> None:
    problem = problem_of(f"fcn:{widths}", classes((4,)), loss)
    ends = points(problem, 2, seed=len(widths))
    for start, end in ((0.0, 1.0), (0.25, 0.5), (0.875, 1.0)):  # where ours computes norms, and doesn't interpolate
        highest, bound, ours = on_piece(problem, ends, (start, end))
        between = torch.linspace(start, end, 101, dtype=torch.float64)
        losses = problem.losses(torch.lerp(ends[:1], ends[1:], between[:, None]))
        assert highest == pytest.approx(float(losses[[0, -1]].max()), rel=1e-12)
        assert bound == pytest.approx(ours, rel=2e-6)
        assert float(losses.max()) <= bound


def test_its_bound_has_the_margin_for_rounding_that_the_checker_s_has() -> None:
    problem = problem_of("fcn:6", classes((4,)))
    ends = points(problem, 1).repeat(2, 1)
    named = problem.layout.split(ends)
    for name in ("layers.0.weight", "layers.0.bias"):
        named[name][:, 1] = named[name][:, 0]
    named["layers.1.weight"][:, :, 0] += 1e9  # of two equal units: what they add cancels, but for rounding
    named["layers.1.weight"][:, :, 1] -= 1e9
    named["layers.0.weight"][1, 5] *= 1 + 1e-14  # so that the first layer moves
    highest, bound, ours = on_piece(problem, ends, (0.0, 1.0))
    assert bound - highest == pytest.approx(ours - highest, rel=0.01)
    assert bound - highest > 1e-6


def on_piece(problem: Problem, ends: Tensor, t: tuple[float, float]) -> tuple[float, float, float]:
    """The larger loss at both ends of a piece and its bound by the page, and the bound by norms of the checker."""
    named = problem.layout.split(ends)
    A, B = (
        [(named[f"layers.{l}.weight"][i].numpy(), named[f"layers.{l}.bias"][i].numpy()) for l in range(len(named) // 2)]
        for i in (0, 1)
    )
    x, y = problem.data.train.x.numpy(), problem.data.train.y.numpy()
    highest, bound = PAGE["on_piece"](A, B, t, x, y, PAGE["ABOVE"][problem.loss.name])
    search = Search(problem, ends, Target(0.05, 1.0), Budget())
    lines = search.looked_at(torch.tensor(t, dtype=torch.float64), None, "norms")
    return highest, bound, float(lines.at.mean(-1).max())
