"""Networks with batch-norm through the jobs themselves: trained, joined in every way, certified, verified, exported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from core.engine.folders import Job
from core.engine.worker import probe
from core.engine.worker.certifying import run_certify
from core.engine.worker.connecting import run_connect
from core.engine.worker.journal import Journal
from core.engine.worker.training import run_train
from core.errors import UsageError
from core.input_files import InputModel, InputPath
from core.opening import open_problem
from core.path import Path as Curve
from core.results import AnyEvent, CertificateMade, ModelMade, PathMade, from_line
from core.specs.batch_norm import BATCH, PathNorms
from core.specs.methods import Linear, String
from core.specs.runs import Certify, Connect, ModelRef, PathRef, RunSpec, Train
from core.verification import shortcomings

DATA = "digits,limit=100"
SOURCE = """
from torch import nn


class Net(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(36, outputs)

    def forward(self, x):
        return self.head(self.body(x))
"""


def done(
    spec: RunSpec, folder: Path, models: Sequence[InputModel] = (), paths: Sequence[InputPath] = ()
) -> list[AnyEvent]:
    """What a job of this spec leaves, in a folder of its own."""
    job = Job(
        run_id=1,
        attempt_id=1,
        spec=spec,
        device="cpu",
        threads=1,
        data_root=None,
        inputs=list(models),
        paths=list(paths),
    )
    folder.mkdir()
    jobs: dict[type[RunSpec], Any] = {Train: run_train, Connect: run_connect, Certify: run_certify}
    journal = Journal(folder)
    try:
        jobs[type(spec)](job, spec, folder, journal)
    finally:
        journal.close()
    return [from_line(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[InputModel]:
    """Two of them, trained by a job."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "net.py").write_text(SOURCE)
    spec = Train(network=f"file:{folder}/net.py:Net", data=DATA, count=2, epochs=4, lr=0.02, batch=20)
    said = [one for one in done(spec, folder / "run") if isinstance(one, ModelMade)]
    names = ("network", "data", "loss", "data_fingerprint", "seed", "dtype", "epochs", "train_loss")
    return [
        InputModel(id=i, file=str(folder / "run" / one.file), **{name: getattr(one, name) for name in names})
        for i, one in enumerate(said, 1)
    ]


def joined(models: list[InputModel], folder: Path, **options: Any) -> tuple[PathMade, InputPath]:
    """The path between them that a job makes, as it tells of it and as other jobs read it."""
    spec = Connect(a=ModelRef(model=1), b=ModelRef(model=2), points=5, **{"method": Linear(), **options})
    (made,) = [one for one in done(spec, folder, models) if isinstance(one, PathMade)]
    kept = ("certificate", "level", "drift", "train_loss_a", "train_loss_b")
    known = {name: made.values[name] for name in kept}
    return made, InputPath(id=1, file=str(folder / made.file), model_a=1, model_b=2, **known)


def test_models_are_stored_with_their_statistics_and_worth_what_torch_says(models: list[InputModel]) -> None:
    problem, architecture = open_problem(models[0].network, DATA)
    for model in models:
        state = load_file(model.file)
        assert int(state["body.1.num_batches_tracked"]) == 20
        architecture.module.load_state_dict(state)
        with torch.no_grad():
            loss = cross_entropy(architecture.module.eval()(problem.data.train.x), problem.data.train.y)
        assert model.train_loss == pytest.approx(float(loss), rel=1e-6)


@pytest.mark.parametrize("bn", ["data", "lerp", "fold"])
def test_a_path_holds_when_it_is_verified_certified_and_exported(
    models: list[InputModel], tmp_path: Path, bn: str
) -> None:
    made, known = joined(models, tmp_path / "connect", bn=bn, bn_samples=60)
    values = made.values
    assert values["bn"] == bn
    stored = [values["stored_train_loss_a"], values["stored_train_loss_b"]]
    assert stored == pytest.approx([model.train_loss for model in models], rel=1e-5)
    ends = [values["train_loss_a"], values["train_loss_b"]]
    assert (ends == pytest.approx(stored, rel=1e-5)) is (bn != "data")
    norms = {"data": PathNorms("data", 60, BATCH), "lerp": PathNorms("lerp"), "fold": PathNorms("fold")}
    assert Curve.load(Path(known.file)).norms == norms[bn]

    asked = {"models": msgspec.to_builtins(models), "root": None, "path": known.file, "path_id": 1, "sha256": None}
    pieces = made.pieces_file and str(tmp_path / "connect" / made.pieces_file)
    facts = probe.verify({**asked, "pieces": pieces, "level": known.level})
    assert shortcomings(facts, {**values, "bounds": []}) == []
    said = done(Certify(path=PathRef(path=1), points=5), tmp_path / "certify", models, [known])
    (again,) = [one for one in said if isinstance(one, CertificateMade)]
    assert again.kind == ("enclosed" if bn == "fold" else "sampled")
    if bn == "data":
        assert "since batch-norm statistics are recomputed at each point" in again.segments[0].reason

    probe.points({**asked, "certificate": again.kind, "count": 3, "to": str(tmp_path / "points")})
    points = load_file(tmp_path / "points")
    problem, architecture = open_problem(models[0].network, DATA)
    losses = []
    for k in range(3):
        module = architecture.module.to(points["head.weight"].dtype)
        module.load_state_dict({name: one[k] for name, one in points.items() if name != "t"})
        with torch.no_grad():
            outputs = module.eval()(problem.data.train.x.to(points["head.weight"].dtype))
            losses.append(float(cross_entropy(outputs, problem.data.train.y)))
    seen = [next(point.train_loss for point in made.points if point.t == t) for t in (0.0, 0.5, 1.0)]
    assert losses == pytest.approx(seen, rel=1e-5)


def test_statistics_are_not_interpolated_along_a_string(models: list[InputModel], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use method=linear, or bn=data with string"):
        joined(models, tmp_path / "connect", bn="lerp", method=String(), below=9.0)
