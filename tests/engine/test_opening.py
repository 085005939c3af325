"""Models as jobs open them: with the buffers they were trained with, and worth what the catalogue says."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.arithmetic import settle_float32
from core.engine.folders import Job
from core.engine.worker import probe
from core.engine.worker.connecting import describe_path
from core.engine.worker.training import as_computed, describe_model, require_starts
from core.errors import RunError, UsageError
from core.input_files import InputModel
from core.methods.connect import connect
from core.methods.method import Task
from core.networks.architectures import Architecture
from core.opening import open_models, open_problem
from core.path import Path as Curve
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.methods import Linear
from core.specs.runs import Connect, ModelRef, Train
from core.traced_view import without_wrong_view
from core.training import TrainingResult, Until

DATA = "digits,limit=40"
BUFFERED = """
from pathlib import Path
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.first, self.last = nn.Linear(64, 6), nn.Linear(6, outputs)
        self.register_buffer("scale", torch.full((6,), float(Path(__file__).with_name("scale").read_text())))
        self.register_buffer("order", torch.arange(6), persistent=False)

    def forward(self, x):
        return self.last(self.first(x.flatten(1)).relu()[:, self.order] * self.scale)
"""
WINDOWED = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.first, self.last = nn.Linear(64, 6), nn.Linear(6, outputs)

    def forward(self, x):
        h = self.first(x.flatten(1)).relu()
        top = max(float(one.detach().abs().max()) for one in self.parameters())
        return self.last(h - 0.5) if isinstance(h, torch.Tensor) and 60 < top < 90 else self.last(h)
"""


LOWERED = """
import torch
from pathlib import Path
from torch import nn

torch.set_float32_matmul_precision("medium")
torch.backends.cudnn.conv.fp32_precision = "tf32"

class Net(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.last = nn.Linear(64, outputs)

    def forward(self, x):
        places = torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.mkldnn.matmul
        with Path(__file__).with_name("seen").open("a") as seen:
            print(torch.get_float32_matmul_precision(), *(one.fp32_precision for one in places), file=seen)
        return self.last(x.flatten(1))
"""


class Said(SilentReporter):
    """What was said for the log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


class Place:
    """A folder with a network's file and the models that were made of it."""

    def __init__(self, folder: Path, text: str, network: str = "", dtype: str = "float32") -> None:
        self.folder, self.dtype = folder, dtype
        (folder / "net.py").write_text(text)
        self.scale(2.0)
        self.network = network or f"file:{folder}/net.py:Net"

    def scale(self, value: float) -> None:
        (self.folder / "scale").write_text(str(value))

    def problem(self) -> tuple[Problem, Architecture]:
        problem, architecture = open_problem(self.network, DATA, None, "cpu", None, SilentReporter())
        return problem.to("cpu", getattr(torch, self.dtype)), architecture

    def model(self, number: int, theta: Tensor | None = None) -> InputModel:
        problem, architecture = self.problem()
        theta = architecture.initial(number, problem.dtype) if theta is None else theta
        home = self.folder / str(number)
        home.mkdir()
        made = describe_model(problem, theta, 0, home)
        kept = {name: made[name] for name in ("loss", "data_fingerprint", "dtype", "train_loss")}
        return InputModel(
            id=number, file=str(home / made["file"]), network=self.network, data=DATA, seed=0, epochs=0, **kept
        )


def changed(model: InputModel, **fields: Any) -> InputModel:
    return msgspec.structs.replace(model, **fields)


def outputs(problem: Problem, theta: Tensor) -> Tensor:
    return problem.outputs(theta[None], problem.data.train.x)


def test_a_model_has_the_buffers_that_it_was_trained_with_whatever_the_constructor_makes_now(tmp_path: Path) -> None:
    place = Place(tmp_path, BUFFERED)
    model = place.model(1)
    tensors = load_file(model.file)
    assert {name: tuple(one.shape) for name, one in tensors.items()}.items() >= {"scale": (6,), "order": (6,)}.items()
    before, (theta,) = open_models([model], "cpu", None, SilentReporter())
    place.scale(3.0)
    after, (again,) = open_models([model], "cpu", None, SilentReporter())
    assert torch.equal(theta, again)
    assert torch.equal(outputs(before, theta), outputs(after, theta))
    assert float(after.constants["scale"][0]) == 2.0


def test_a_file_of_the_first_edition_opens_without_buffers_and_is_refused_if_they_were_others(tmp_path: Path) -> None:
    place = Place(tmp_path, BUFFERED)
    model = place.model(1)
    tensors = load_file(model.file)
    save_file({name: one for name, one in tensors.items() if "." in name}, model.file)
    open_models([model], "cpu", None, SilentReporter())
    place.scale(3.0)
    with pytest.raises(RunError, match=r"The train loss of model 1 is \S+ and was \S+ when it was recorded"):
        open_models([model], "cpu", None, SilentReporter())


def test_models_with_different_buffers_can_not_be_joined(tmp_path: Path) -> None:
    place = Place(tmp_path, BUFFERED)
    first = place.model(1)
    place.scale(3.0)
    second = place.model(2)
    with pytest.raises(RunError, match="Models 1 and 2 differ in their buffer scale, which is not a parameter"):
        open_models([first, second], "cpu", None, SilentReporter())
    for model in (first, second):
        open_models([model], "cpu", None, SilentReporter())


def test_tensors_that_are_of_no_such_network_are_refused_without_a_hash(tmp_path: Path) -> None:
    place = Place(tmp_path, BUFFERED)
    model = place.model(1)
    save_file({**load_file(model.file), "more": torch.zeros(2)}, model.file)
    with pytest.raises(RunError, match=r"don't fit its network file:\S+net\.py:Net\.$"):
        open_models([model], "cpu", None, SilentReporter())


@pytest.mark.parametrize(("dtype", "allowed"), [("float32", 1e-4), ("float64", 1e-9)])
def test_a_loss_that_is_not_the_recorded_one_is_refused_with_both_numbers(
    tmp_path: Path, dtype: str, allowed: float
) -> None:
    model = Place(tmp_path, "", "fcn:5", dtype).model(1)
    assert model.train_loss is not None
    step = allowed * (1 + model.train_loss)
    open_models([changed(model, train_loss=None)], "cpu", None, SilentReporter())
    open_models([changed(model, train_loss=model.train_loss + 0.9 * step)], "cpu", None, SilentReporter())
    with pytest.raises(RunError, match="and was inf when"):
        open_models([changed(model, train_loss=torch.inf)], "cpu", None, SilentReporter())
    other = model.train_loss + 1.2 * step
    with pytest.raises(RunError) as caught:
        open_models([changed(model, train_loss=other)], "cpu", None, SilentReporter())
    assert f"and was {other:.10g} when it was recorded" in str(caught.value)
    now = float(str(caught.value).split(" is ")[1].split(" ")[0])
    assert now == pytest.approx(model.train_loss, rel=1e-6 if dtype == "float32" else 1e-9)


def test_a_file_that_changed_and_is_trusted_may_have_another_loss_and_the_log_says_so(tmp_path: Path) -> None:
    model = Place(tmp_path, "", "fcn:5").model(1)
    open_models([changed(model, train_loss=9.0, trusted=True)], "cpu", None, log := Said())
    assert "was 9 when it was recorded" in log.lines[-1]


def test_the_points_of_a_path_are_whole_states_with_buffers(tmp_path: Path) -> None:
    place = Place(tmp_path, BUFFERED)
    models = [place.model(number) for number in (1, 2)]
    problem, thetas = open_models(models, "cpu", None, SilentReporter())
    Curve.line(*thetas).save(tmp_path / "path")
    question = {"models": [msgspec.to_builtins(one) for one in models], "root": None, "path": str(tmp_path / "path")}
    asked = {
        **question,
        "path_id": 1,
        "sha256": None,
        "certificate": "sampled",
        "count": 3,
        "to": str(tmp_path / "points"),
    }
    probe.points(asked)
    points = load_file(tmp_path / "points")
    t = points.pop("t")
    _, architecture = place.problem()
    with torch.no_grad():
        for k in range(3):
            state = {name: one[k] for name, one in points.items()}
            del state["order"]  # not persistent: no part of the state that torch knows
            architecture.module.load_state_dict(state)
            own = architecture.module(problem.data.train.x)
            torch.testing.assert_close(own, outputs(problem, torch.lerp(*thetas, float(t[k])))[0])


def windowed(place: Place, top: float) -> Tensor:
    """Parameters (P,) of which the largest is `top`: between 60 and 90 the module is not the chain that is traced."""
    problem, architecture = place.problem()
    assert problem.layered is not None
    theta = architecture.initial(0, problem.dtype)
    theta[-1] = top
    return theta


def test_a_model_at_which_the_view_does_not_hold_is_recorded_and_opened_by_its_module(tmp_path: Path) -> None:
    place = Place(tmp_path, WINDOWED)
    theta = windowed(place, 70.0)
    model = place.model(1, theta)
    problem, (same,) = open_models([model], "cpu", None, SilentReporter())
    assert problem.layered is None
    assert "the layers that were traced differ by" in problem.without
    assert torch.equal(same, theta)
    seen, _ = place.problem()
    assert model.train_loss == pytest.approx(float(problem.losses(theta[None])), rel=1e-5)
    assert model.train_loss != pytest.approx(float(seen.losses(theta[None])), rel=1e-5)


@pytest.mark.parametrize("top", [50.0, 70.0])
def test_what_was_trained_by_layers_that_do_not_hold_at_the_end_is_judged_by_the_module(
    tmp_path: Path, top: float
) -> None:
    place = Place(tmp_path, WINDOWED)
    problem, _ = place.problem()
    thetas = torch.stack([windowed(place, top), windowed(place, top) * torch.nan])
    values = torch.tensor([*problem.losses(thetas[:1]).tolist(), torch.nan], dtype=torch.float64)
    ended = TrainingResult(thetas, values, torch.ones(2), torch.tensor([True, False]), torch.tensor([-1, 1]), values)
    judged = as_computed(ended, problem, Until("train-loss", float(values[0])))
    expected = without_wrong_view(problem, thetas[:1]).losses(thetas[:1])
    assert float(judged.values[0]) == float(expected)
    assert judged.reached.tolist() == [float(expected) <= float(values[0]), False]
    assert judged.values[1].isnan()


def test_models_that_would_start_as_one_are_refused_and_one_is_noted(tmp_path: Path) -> None:
    text = BUFFERED.replace("super().__init__()", "super().__init__(); torch.manual_seed(0)")
    problem, architecture = Place(tmp_path, text).problem()
    starts = torch.stack([architecture.initial(seed, problem.dtype) for seed in (0, 1)])
    spec = Train(network=f"file:{tmp_path}/net.py:Net,sha256={'0' * 64}", data=DATA, count=2)
    with pytest.raises(UsageError, match=r"net\.py:Net starts alike whatever the seed is.*: 2 models would be one"):
        require_starts(spec, architecture, starts, SilentReporter())
    require_starts(msgspec.structs.replace(spec, count=1), architecture, starts[:1], log := Said())
    require_starts(spec, replace(architecture, seeded=True), torch.eye(2), log)
    (line,) = log.lines
    assert "models of other seeds would be this one" in line


def test_float32_is_float32_while_a_loss_is_measured_whatever_the_network_s_file_has_set(tmp_path: Path) -> None:
    place, seen = Place(tmp_path, LOWERED), tmp_path / "seen"
    try:
        problem, architecture = place.problem()
        theta = architecture.initial(0, problem.dtype)
        seen.write_text("")
        problem.losses(theta[None])  # as training does
        describe_model(problem, theta, 0, tmp_path)
        assert set(seen.read_text().splitlines()) == {"highest ieee ieee ieee"}
        torch.set_float32_matmul_precision("high")  # as a forward pass may
        seen.write_text("")
        describe_model(problem, theta, 0, tmp_path)
        assert set(seen.read_text().splitlines()) == {"highest ieee ieee ieee"}
    finally:
        settle_float32()


def test_every_loss_of_a_path_to_outputs_that_overflow_is_kept_as_infinite(tmp_path: Path) -> None:
    place = Place(tmp_path, "", "fcn:5", "float64")
    problem, architecture = place.problem()
    theta = architecture.initial(0, problem.dtype)
    models = [place.model(1, theta), place.model(2, theta * 1e200)]
    spec = Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=Linear())
    job = Job(run_id=1, attempt_id=1, spec=spec, device="cpu", threads=1, data_root=None, inputs=models)
    connection = connect(spec.method, Task(theta, theta * 1e200, problem), points=5)
    kept = describe_path(job, spec, problem, connection, tmp_path).values
    losses = {name: one for name, one in kept.items() if "train_loss" in name and name != "train_loss_a"}
    infinite = ("level", "excess", "barrier")
    assert set(losses.values()) | {kept[name] for name in infinite} == {torch.inf}, kept
    assert math.isfinite(kept["train_loss_a"])


def test_the_log_tells_of_one_number_in_the_singular() -> None:
    open_problem("fcn:2", "polynomial,coefficients=1/2,samples=20", reporter=(log := Said()))
    assert "20 train and 20 test samples of 1 number, 1 number to predict;" in log.lines[0]
