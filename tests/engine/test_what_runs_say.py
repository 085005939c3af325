"""What a run leaves in its log, whatever comes of it, and whether its failure is a finding or a fault."""

import os
import re
from pathlib import Path

import pytest

from core.engine.folders import log_of
from core.errors import FINDINGS
from core.specs.bounds import SparseBound
from core.specs.methods import Sparse, String, Wide
from core.specs.runs import Bound, Connect, Descend, ModelRef, Train
from core.studies.plan import Planned
from store import Run, Runs, list_rows
from store.migrations.versions import __path__ as revisions
from tests.engine.conftest import TINY, Engine, long_training

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")
A, B = ModelRef(run=0), ModelRef(run=0, position=1)

RAISES = """
import warnings
from torch import nn
print("loading")
warnings.warn("mind the gap")
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.f, self.calls = nn.Linear(64, 10), 0
    def forward(self, x):
        self.calls += 1
        if self.calls > 60:
            raise RuntimeError("the network gave up")
        h = self.f(x.flatten(1))
        return h + h.sin()
def make():
    return Net()
"""


def said(engine: Engine, run_id: int) -> list[str]:
    """The lines of a run's log, each without its time, which it has."""
    file = engine.client.log_file(run_id)
    assert file is not None
    lines = file.read_text().splitlines()
    assert all(STAMP.match(line) for line in lines), lines
    return [STAMP.sub("", line, count=1) for line in lines]


def ended(engine: Engine, *specs: Train | Connect | Bound | Descend) -> list[Run]:
    """Runs of a plan, whose references count from 0."""
    return engine.finish(*engine.client.enqueue_plan([Planned(one) for one in specs], study="test"))


def test_a_training_tells_its_data_network_epochs_rates_checkpoints_and_files(engine: Engine) -> None:
    (run,) = ended(engine, Train(**{**TINY, "lr": 0.001}, epochs=1000, count=2, schedule="linear"))
    lines = said(engine, run.id)
    epochs = [line for line in lines if line.startswith("Epoch ")]
    assert lines[0].startswith(f"Run {run.id}, attempt 1, on cpu")
    assert lines[1].startswith("Data digits,limit=100: 100 train and 297 test samples of 1x8x8, 10 classes; read in ")
    assert lines[2] == "Network fcn:8: 610 parameters in 2 layers of 8-10."
    assert 150 <= len(epochs) <= 201, "thinned"
    assert re.fullmatch(r"Epoch 1: train losses \S+ to \S+, rate 0.001; 2 of 2 models continue\.", epochs[0])
    assert re.fullmatch(r"Epoch 1000: train losses \S+ to \S+, rate 1e-06; 2 of 2 models continue\.", epochs[-1])
    assert any(re.fullmatch(r"Checkpoint \d+ written: 15\.\d kB\.", line) for line in lines)
    assert [line for line in lines if line.startswith("model-")] == [
        f"model-{i}.safetensors written: 2.7 kB." for i in range(2)
    ]
    assert lines[-1].startswith("Done after ")
    assert run.outcome is None


def test_a_string_search_tells_every_bead_and_its_failure_is_a_finding_without_a_traceback(engine: Engine) -> None:
    training = Train(**{**TINY, "network": "fcn:16"}, epochs=300, count=2, until_loss=0.1)
    string = String(depth=2, epochs=400, lr=0.01, alpha=1.0)
    _, run = ended(engine, training, Connect(a=A, b=B, method=string, below=0.1001))
    assert (run.state, run.cause_kind, run.outcome) == ("failed", "could not connect", "finding")
    lines, number = said(engine, run.id), r"\d[\d.e-]*"
    beads = [line for line in lines if line.startswith("Bead ")]
    with engine.catalogue.read() as session:
        (path,) = list_rows(session, "paths")
    assert len(beads) == path["beads"] > 1
    told = re.compile(
        rf"Bead \d, in the gap of {number} at t = {number}, depth \d: trained to {number} in \d+ epochs?"
        rf"(, short of its goal)?; its two lines reach {number} and {number}\."
    )
    assert all(told.fullmatch(line) for line in beads)
    assert any(
        re.fullmatch(r"1 bead: \d of 2 lines too high, the worst reaches .*; 127 more may be tried\.", one)
        for one in lines
    )
    assert any(line.startswith("The search ends: ") for line in lines)
    assert any(line.startswith(f"Certificate: {path['certificate']}, level ") for line in lines)
    assert lines[-1].startswith("Ended after ")
    assert str(run.cause) in lines[-1]
    assert not any("Traceback" in line for line in lines)
    (again,) = engine.client.relaunch(engine.client.plan_relaunch([run.id], changes={"beads": "5"}))
    engine.finish(again)
    assert f"Resumes with {len(beads)} beads;" in "\n".join(said(engine, again))


def test_a_fault_ends_with_its_cause_and_then_the_traceback_and_what_was_printed_stays(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "net.py").write_text(RAISES)
    (run,) = ended(engine, Train(**{**TINY, "network": f"file:{tmp_path}/net.py:make"}, epochs=200))
    assert (run.state, run.cause_kind, run.outcome) == ("failed", "exception", "fault")
    lines = said(engine, run.id)
    (cause,) = [i for i, line in enumerate(lines) if line.startswith("Failed after ")]
    assert "RuntimeError: the network gave up" in lines[cause]
    assert lines[cause + 1] == "Traceback (most recent call last):"
    assert lines[-1] == "RuntimeError: the network gave up"
    assert "loading" in lines[:cause]
    assert any("UserWarning: mind the gap" in line for line in lines[:cause])
    assert any("no view by layers: " in line for line in lines[:cause])


def test_a_premise_that_does_not_hold_and_a_loss_that_is_not_reached_are_findings(engine: Engine) -> None:
    training = Train(**TINY, epochs=2, count=2)
    wide = Connect(a=A, b=B, method=Wide())
    short = Train(**TINY, epochs=1, until_loss=1e-6)
    waits = Connect(a=ModelRef(run=2), b=A, method=Wide())
    runs = ended(engine, training, wide, short, waits)
    assert [(run.cause_kind, run.outcome) for run in runs] == [
        (None, None),
        ("premise", "finding"),
        ("loss not reached", "finding"),
        ("input failed", "fault"),
    ]
    for run in runs[1:3]:
        assert not any("Traceback" in line for line in said(engine, run.id))
    with engine.catalogue.read() as session:
        assert [row["id"] for row in list_rows(session, "runs", "outcome=fault")] == [runs[3].id]
        assert Runs(session).findings() == {"premise": 1, "loss not reached": 1}
        assert Runs(session).failed_not_relaunched() == [run.id for run in runs[1:]]


def test_subnetworks_and_bounds_tell_every_layer_with_its_draws(engine: Engine) -> None:
    training = Train(**{**TINY, "network": "fcn:8x2"}, epochs=2, count=2)
    sparse = Connect(a=A, b=B, method=Sparse(draws=2, epochs=1, stop_early=False))
    bound = Bound(model=A, bound=SparseBound(draws=12, epochs=1))
    runs = ended(engine, training, sparse, bound)
    assert [run.state for run in runs] == ["done"] * 3
    lines = said(engine, runs[1].id)
    draws = r"lowest loss \S+; 2 draws: \S+ \S+\."
    assert len([line for line in lines if re.fullmatch(rf"Model [ab], layer [012]: {draws}", line)]) == 6
    assert any(re.match(r"Certificate: exact, .* segments: \d+ invariant, \d+ convex\.", line) for line in lines)
    lines = said(engine, runs[2].id)
    many = r"Layer [012]: lowest loss \S+; 12 draws: \S+ to \S+, half of them up to \S+\."
    assert len([line for line in lines if re.fullmatch(many, line)]) == 3
    assert any(line.startswith("Found: the lowest of 12 subnetworks") for line in lines)


def test_a_descent_tells_its_theorem_and_its_steps(engine: Engine) -> None:
    training = Train(network="fcn:40-40", data="digits,limit=30", epochs=1, dtype="float64")
    _, run = ended(engine, training, Descend(model=A, to=0.01))
    lines = said(engine, run.id)
    assert run.state == "done", lines
    assert "By Theorem 6.1." in lines
    assert [line for line in lines if line.startswith("The features of layer ")]
    assert "The outputs go on a line to a loss of 0.01; layer 3 follows." in lines
    assert any(line.startswith("Model at the end of the path: train loss ") for line in lines)


def test_the_log_of_a_run_has_all_its_attempts(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.engine.supervision.START_SECONDS", 0.2)
    run_id = engine.claimed_and_dropped(Train(**TINY, epochs=1))
    (run,) = engine.finish(run_id)
    assert (run.state, run.outcome) == ("done", None)
    lines = said(engine, run_id)
    assert lines[0] == "Attempt 1 ended: its agent died before the job began."
    assert lines[1].startswith(f"Run {run_id}, attempt 2, ")


def test_the_log_of_a_killed_run_says_so_and_it_is_a_fault(engine: Engine) -> None:
    run_id = engine.enqueue(long_training())
    os.kill(engine.working(run_id), 9)
    (run,) = engine.finish(run_id)
    assert run.outcome == "fault"
    assert said(engine, run_id)[-1].startswith("Attempt 1 ended: killed by signal 9 (SIGKILL")


def test_a_log_that_cannot_be_written_fails_no_run(engine: Engine) -> None:
    run_id = engine.enqueue(Train(**TINY, epochs=1))
    folder = engine.catalogue.files / "runs" / str(run_id) / "1"
    log_of(folder).mkdir(parents=True)
    assert engine.finish(run_id)[0].state == "done"


def test_the_upgrade_takes_the_causes_of_its_day_for_findings() -> None:
    (file,) = Path(revisions[0]).glob("0002_*.py")
    space: dict[str, object] = {}
    exec(file.read_text().partition("def upgrade")[0], space)
    later = {"could not certify", "not as expected"}
    assert set(space["FINDINGS"]) == set(FINDINGS) - later  # type: ignore[call-overload]
