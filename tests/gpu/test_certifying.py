"""The run kind `certify` on a GPU: it computes there, and grants what was granted when the path was made."""

from pathlib import Path as File

import pytest
import torch
from torch import Tensor

from core.engine.folders import Job
from core.engine.worker.certifying import run_certify
from core.engine.worker.journal import Journal
from core.engine.worker.training import describe_model
from core.input_files import InputModel, InputPath
from core.methods.connect import connect
from core.methods.method import Task
from core.problem import Problem
from core.results import CertificateMade, from_line
from core.specs.methods import Dropout
from core.specs.runs import Certify, PathRef
from tests.gpu.both import problem_of, trained

pytestmark = pytest.mark.gpu

FCN, DATA = "fcn:24-16", "digits,limit=320"


def recorded(problem: Problem, theta: Tensor, number: int, folder: File) -> InputModel:
    """A model (P,) as a job left it."""
    made = describe_model(problem, theta, number, folder)
    kept = {name: made[name] for name in ("loss", "data_fingerprint", "dtype", "train_loss")}
    return InputModel(
        id=number, file=str(folder / made["file"]), network=FCN, data=DATA, seed=number, epochs=12, **kept
    )


def test_another_certificate_of_a_path_is_decided_where_its_run_is(tmp_path: File, device: torch.device) -> None:
    problem = problem_of(FCN, DATA, torch.float32, device)
    thetas = trained(FCN, problem).to(device)
    made = connect(Dropout(draws=2), Task(*thetas, problem))
    made.construction.path.save(tmp_path / "path")
    first = made.examination.certificate
    known = InputPath(
        id=1,
        file=str(tmp_path / "path"),
        model_a=0,
        model_b=1,
        certificate=first.kind,
        level=first.level,
        drift=first.drift,
        train_loss_a=first.loss_a,
        train_loss_b=first.loss_b,
    )
    spec = Certify(path=PathRef(path=1))
    models = [recorded(problem, theta, i, tmp_path) for i, theta in enumerate(thetas)]
    where = {"device": str(device), "threads": 1, "data_root": "nowhere"}
    job = Job(run_id=1, attempt_id=1, spec=spec, inputs=models, paths=[known], **where)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0

    run_certify(job, spec, tmp_path, journal := Journal(tmp_path))
    journal.close()

    said = map(from_line, (tmp_path / "events.jsonl").read_bytes().splitlines())
    (again,) = [one for one in said if isinstance(one, CertificateMade)]
    assert (again.kind, again.pieces) == ("exact", len(made.construction.path))
    assert again.level == pytest.approx(first.level, rel=1e-12)
    if device.type == "cuda":
        knots = made.construction.path.knots
        assert torch.cuda.max_memory_allocated(device) - before > knots.nbytes
