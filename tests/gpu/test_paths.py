"""All methods on a GPU, and certificates in float64: what is found there is what the CPU finds of the same path."""

from pathlib import Path as File

import pytest
import torch

from core.certify import Certificate, certify
from core.examination import examine
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.methods.wide.descent import descend
from core.path import Path
from core.problem import Problem
from core.specs.methods import Dropout, Linear, MethodOptions, Oracle, Sparse, String, Wide
from tests.gpu.both import assert_near, assert_values_near, problem_of, starts, trained

pytestmark = pytest.mark.gpu

FCN, CNN = "fcn:24-16", "cnn,channels=4-8,hidden=16"
DATA = "digits,limit=320"
SLOPED = "activation=leaky_relu,slope=0.1"
WIDE = {
    "3.2": (f"fcn:24-16,{SLOPED}", "digits,limit=16"),
    "5.1": (f"fcn:64-16,{SLOPED}", "digits,limit=24"),
    "6.1": ("fcn:64-64", "digits,limit=24"),
}


def task(text: str, dtype: torch.dtype, device: torch.device, data: str = DATA, below: float | None = None) -> Task:
    """Two trained models on the device."""
    a, b = trained(text, problem_of(text, data, dtype)).to(device)
    return Task(a, b, problem_of(text, data, dtype, device), below)


def on_cpu(problem: Problem) -> Problem:
    return problem.to("cpu", problem.dtype)


def assert_found_again(made: Connection, task: Task) -> None:
    """The CPU, given the same path, sees and grants the same."""
    path = made.construction.path.moved("cpu")
    again = examine(on_cpu(task.problem), path)
    seen = made.examination
    assert [one.granted for one in seen.certificate.verdicts] == [one.granted for one in again.certificate.verdicts]
    assert_certificates_near(seen.certificate, again.certificate)
    if len(seen.profile.t) == len(again.profile.t):  # rounding may decide whether a place is looked at
        dtype, samples = task.problem.dtype, len(task.problem.data.train)
        assert_values_near(seen.profile.train, again.profile.train, dtype, samples)


def assert_certificates_near(found: Certificate, wanted: Certificate) -> None:
    """All losses in a certificate are float64, whatever the models' dtype; residuals are rounding themselves."""
    assert (found.kind, found.carries, found.refused) == (wanted.kind, wanted.carries, wanted.refused)
    level = torch.float32 if found.kind == "sampled" else torch.float64  # a maximum that was looked for in float32
    assert_near(torch.tensor(found.level).double(), torch.tensor(wanted.level).double(), level)
    for one, other in ((found.loss_a, wanted.loss_a), (found.loss_b, wanted.loss_b)):
        assert_near(torch.tensor(one, dtype=torch.float64), torch.tensor(other, dtype=torch.float64))
    assert found.residual == pytest.approx(wanted.residual, abs=1e-9)
    assert (found.drift is None) == (wanted.drift is None)
    if wanted.drift is not None:
        assert found.drift == pytest.approx(wanted.drift, rel=0.5, abs=1e-9)


def test_paths_through_an_oracle_are_exact_there_and_on_the_cpu(device: torch.device) -> None:
    given = task("fcn:24", torch.float32, device)
    made = connect(Oracle(draws=1, epochs=2, units="8", alpha=0.0), given)
    assert made.construction.path.knots.device == device
    assert made.examination.certificate.kind == "exact"
    assert_found_again(made, given)


@pytest.mark.parametrize("text", [FCN, CNN])
@pytest.mark.parametrize("options", [Sparse(draws=2, epochs=5), Dropout(draws=2)], ids=["sparse", "dropout"])
def test_paths_through_subnetworks_are_exact_there_and_on_the_cpu(
    options: MethodOptions, text: str, device: torch.device
) -> None:
    given = task(text, torch.float32, device)
    made = connect(options, given)
    assert made.construction.path.knots.device == device
    assert made.examination.certificate.kind == "exact"
    assert_found_again(made, given)


def test_a_path_made_on_the_cpu_is_certified_alike_on_both(device: torch.device) -> None:
    here = task(FCN, torch.float64, torch.device("cpu"))
    path = connect(Sparse(draws=2, epochs=5), here).construction.path
    there = here.problem.to(device, torch.float64)
    wanted, found = certify(here.problem, path, {}), certify(there, path.moved(device), {})
    assert wanted.certified
    assert_certificates_near(found, wanted)
    assert [one.reason for one in found.verdicts] == [one.reason for one in wanted.verdicts]


def test_what_the_checker_refuses_it_refuses_there_with_the_same_words(device: torch.device) -> None:
    here = task(FCN, torch.float64, torch.device("cpu"))
    path = connect(Sparse(draws=2, epochs=5), here).construction.path
    generator = torch.Generator().manual_seed(0)
    wrong = path.knots.clone()
    wrong[3] += 1e-3 * torch.randn(wrong.shape[1], generator=generator, dtype=torch.float64)
    forged = Path(wrong, path.claims)
    there = here.problem.to(device, torch.float64)
    sampled = dict.fromkeys(range(len(path)), 9.0)
    wanted, found = certify(here.problem, forged, sampled), certify(there, forged.moved(device), sampled)
    assert wanted.refused
    assert found.refused == wanted.refused
    assert [one.reason for one in found.verdicts] == [one.reason for one in wanted.verdicts]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_string_connects_there(dtype: torch.dtype, device: torch.device) -> None:
    given = task(FCN, dtype, device, below=0.5)
    made = connect(String(epochs=60, lr=0.01, batch=64, order="breadth"), given)
    assert made.failure is None
    assert made.construction.beads > 0
    assert_found_again(made, given)


@pytest.mark.parametrize("text", [FCN, CNN])
def test_the_straight_line_is_seen_as_on_the_cpu(text: str, device: torch.device) -> None:
    given = task(text, torch.float64, device)
    assert_found_again(connect(Linear(), given), given)


@pytest.mark.parametrize("theorem", WIDE)
def test_wide_networks_are_joined_there(theorem: str, device: torch.device) -> None:
    text, data = WIDE[theorem]
    problem = problem_of(text, data, torch.float64, device)
    a, b = starts(text, problem, 2).to(device)
    given = Task(a, b, problem)
    made = connect(Wide(theorem=theorem), given)  # type: ignore[arg-type]  # one of the known
    assert made.failure is None
    assert made.examination.certificate.certified
    assert_found_again(made, given)


@pytest.mark.parametrize("theorem", ["3.2", "6.1"])
def test_a_model_descends_there(theorem: str, device: torch.device) -> None:
    text, data = WIDE[theorem]
    problem = problem_of(text, data, torch.float64, device)
    (a,) = starts(text, problem, 1).to(device)
    made = descend(Task(a, a, problem), 0.01, theorem)
    assert made.gaps is None
    examination = examine(problem, made.path)
    assert examination.certificate.certified
    again = examine(on_cpu(problem), made.path.moved("cpu"))
    assert_certificates_near(examination.certificate, again.certificate)
    assert again.certificate.loss_b <= 0.01


def test_a_path_is_saved_and_read_back_bit_for_bit(device: torch.device, tmp_path: File) -> None:
    text, data = WIDE["3.2"]
    problem = problem_of(text, data, torch.float64, device)
    a, b = starts(text, problem, 2).to(device)
    path = connect(Wide(theorem="3.2"), Task(a, b, problem)).construction.path
    path.save(tmp_path / "path.safetensors")
    read = Path.load(tmp_path / "path.safetensors")
    assert torch.equal(read.knots, path.knots.cpu())
    t = torch.linspace(0, 1, 9, dtype=torch.float64)
    assert_near(path.points(t), read.points(t))
