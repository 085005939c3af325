"""The run kind `import`: checkpoints through probe and worker, what the catalogue keeps, and models out again."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from torch import Tensor, nn

from core.checkpoints.network_state import NetworkState
from core.checkpoints.opening import open_checkpoint
from core.engine import client as client_module
from core.engine.probe import Answer
from core.engine.probe import _answer_or_error as answer_or_error
from core.engine.worker import importing
from core.engine.worker.probe import answer_to
from core.errors import KeysError, UsageError
from core.opening import open_problem
from core.specs.checkpoints import HowToRead
from core.specs.methods import Linear
from core.specs.runs import Connect, Import, ModelRef, Train
from store import ModelRecord, Models, Runs
from tests.engine.conftest import Engine, stepped

NETWORK = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return (x + self.second(self.first(x).relu())).relu()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.block = Block(4)
        self.head = nn.Linear(4 * 16, 10)
        self.register_buffer("centre", torch.zeros(1))

    def forward(self, x):
        x = nn.functional.max_pool2d(self.block(self.stem(x.view(-1, 1, 8, 8) - self.centre)), 2)
        return self.head(x.flatten(1))


def make():
    return Net()
"""


class Case:
    """A folder with a network's file and checkpoints of it, trained by a plain loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "net.py").write_text(NETWORK)
        made = ModuleType("net")
        exec(NETWORK, made.__dict__)
        self.make = made.make
        digits = load_digits()
        x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
        self.train, self.test = (x[:1500], y[:1500]), (x[1500:], y[1500:])
        self.nets = {name: self.trained(seed) for seed, name in enumerate("ab")}

    def trained(self, seed: int) -> nn.Module:
        torch.manual_seed(seed)
        net: nn.Module = self.make()
        net.centre.fill_(0.5)  # type: ignore[operator,union-attr]
        optimizer = torch.optim.Adam(net.parameters(), 0.01)
        for _ in range(3):
            for rows in torch.randperm(1500).split(100):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(self.train[0][rows]), self.train[1][rows]).backward()
                optimizer.step()
        return net

    @torch.no_grad()
    def wrong(self, net: nn.Module, part: str) -> int:
        """Samples that torch's own evaluation has wrong."""
        x, y = getattr(self, part)
        return int((net(x).argmax(1) != y).sum())

    def saved(self, content: Any, name: str) -> Path:
        torch.save(content, self.folder / name)
        return self.folder / name

    def spec(self, *files: Path, **options: Any) -> Import:
        names = " ".join(f"'{file}'" for file in files)
        return Import(files=names, network=f"file:{self.folder}/net.py:make", data="digits", **options)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def engine(case: Case) -> Iterator[Engine]:
    """What a probe is asked is answered here, through the JSON that it would be asked in."""

    def ask(question: Answer) -> Answer:
        return answer_or_error(json.loads(json.dumps(answer_to(json.loads(json.dumps(question))))))

    (case.folder / "catalogue").mkdir()
    (case.folder / "without").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(client_module, "ask", ask)
        with stepped(case.folder / "catalogue") as made:
            yield made


def models_of(engine: Engine, run_id: int) -> list[ModelRecord]:
    with engine.catalogue.read() as session:
        return Models(session).made_by(run_id)


def counts(engine: Engine) -> Any:
    with engine.catalogue.read() as session:
        return Runs(session).counts()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_what_trainers_save_becomes_models_as_torch_evaluates_them_and_comes_out_as_it_was(
    engine: Engine, case: Case
) -> None:
    net, other = case.nets["a"], case.nets["b"]
    state = net.state_dict()
    files = [
        case.saved({"state_dict": nn.DataParallel(net).state_dict(), "epoch": 3}, "with blank.pth"),
        case.saved(torch.compile(net).state_dict(), "compiled.bin"),
        case.saved({"state_dict": {f"model.{name}": one for name, one in state.items()}, "epoch": 2}, "l.ckpt"),
        case.saved({"model": other.state_dict(), "model_ema": state}, "ema.pt"),
    ]
    (run,) = engine.finish(engine.enqueue(case.spec(*files, ema=False, expect_accuracy=None)))
    assert run.state == "done", run.cause
    models = models_of(engine, run.id)
    assert [one.name for one in models] == ["with blank", "compiled", "l", "ema"]
    assert [one.epochs for one in models] == [3, None, 2, None]
    for model, its in zip(models, (net, net, net, other), strict=True):
        assert (model.role, model.seed, model.dtype) == ("imported", None, "float32")
        for part, samples in (("train", 1500), ("test", 297)):
            assert getattr(model, f"{part}_error") == case.wrong(its, part) / samples
    sources = [json.loads(one.source or "") for one in models]
    assert [one.get("prefix", "") for one in sources] == ["module.", "_orig_mod.", "model.", ""]
    assert sources[3]["averaged"] == "model_ema"
    assert sources[0]["sha256"] == sha256(files[0].read_bytes()).hexdigest()
    for model, its in zip(models, (net, net, net, other), strict=True):
        to = case.folder / "out.pt"
        engine.client.export_model(model.id, to)
        written = torch.load(to, weights_only=True)
        assert same(written, its.state_dict())
        case.make().load_state_dict(written, strict=True)
    (joined,) = engine.finish(
        engine.enqueue(Connect(a=ModelRef(model=1), b=ModelRef(model=4), method=Linear(), points=5))
    )
    assert joined.state == "done", joined.cause
    engine.client.export_point(1, 0.25, case.folder / "merged.safetensors")
    merged = load_file(case.folder / "merged.safetensors")
    for name, one in merged.items():
        between = torch.lerp(state[name].double(), other.state_dict()[name].double(), 0.25)
        torch.testing.assert_close(one.double(), between, rtol=0, atol=1e-6)


def test_an_accuracy_that_is_not_the_expected_one_fails_the_run_and_leaves_no_model(engine: Engine, case: Case) -> None:
    accuracy = 1 - case.wrong(case.nets["a"], "test") / 297
    good, other = case.saved(case.nets["a"].state_dict(), "a.pt"), case.saved(case.make().state_dict(), "fresh.pt")
    ids = [
        engine.enqueue(case.spec(good, expect_accuracy=round(accuracy, 3))),
        engine.enqueue(case.spec(good, other, expect_accuracy=round(accuracy, 3))),
        engine.enqueue(case.spec(other)),
    ]
    held, failed, hinted = engine.finish(*ids)
    assert (held.state, failed.state, hinted.state) == ("done", "failed", "done")
    assert failed.cause_kind == "not as expected"
    assert f"{accuracy:g}"[:4] in (failed.cause or "")
    assert models_of(engine, failed.id) == []
    assert "near guessing among 10 classes" in json.loads(models_of(engine, hinted.id)[0].source or "")["hint"]
    assert "hint" not in json.loads(models_of(engine, held.id)[0].source or "")


def test_what_the_probe_finds_wrong_is_refused_with_nothing_written(engine: Engine, case: Case) -> None:
    state = case.nets["a"].state_dict()
    good = case.saved(state, "good.pt")
    page = case.folder / "page.pt"
    page.write_text("<!DOCTYPE html><html>")
    torn = case.saved({**state, "head.bias": torch.full((10,), float("nan"))}, "torn.pt")
    before = counts(engine)
    for spec, words in (
        (case.spec(good, page), "is a web page"),
        (case.spec(torn), "head.bias of .* holds NaN"),
        (case.spec(case.folder / "absent.pt"), "There is no file"),
        (case.spec(case.folder), "is a folder without"),
        (case.spec(good, key="model"), "no weights under the key 'model'"),
        (case.spec(case.folder / "without", recursive=True), "holds no checkpoint"),
        (Import(files=str(good), network="fcn:8", data="digits"), "missing"),
        (Import(files=str(good), network="fcn:8", data="teacher", expect_accuracy=0.5), "no classes"),
    ):
        with pytest.raises(UsageError, match=words):
            engine.enqueue(spec)
    assert counts(engine) == before
    page.unlink()


def test_proposed_names_reach_whoever_asks_and_a_relaunch_keeps_what_was_accepted(engine: Engine, case: Case) -> None:
    state = case.nets["a"].state_dict()
    other = {name.replace("block.", "body.").replace("head.", "classifier."): one for name, one in state.items()}
    file = case.saved(other, "renamed.pt")
    with pytest.raises(KeysError) as refused:
        engine.enqueue(case.spec(file))
    assert refused.value.proposed["classifier.bias"] == "head.bias"
    assert ("classifier.bias", "10", "-") in refused.value.rows
    (run,) = engine.finish(engine.enqueue(case.spec(file, yes=True, name="mine")))
    assert run.state == "done", run.cause
    (model,) = models_of(engine, run.id)
    assert model.name == "mine"
    engine.client.export_model(model.id, case.folder / "again.pt")
    assert same(torch.load(case.folder / "again.pt", weights_only=True), other)


def test_a_folder_stands_for_the_checkpoints_in_it(engine: Engine, case: Case) -> None:
    folder = case.folder / "epochs"
    for name in ("1/model.pt", "2/model.pt", "2/optimizer.pt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        torch.save(case.nets["a" if "1" in name else "b"].state_dict(), folder / name)
    (run,) = engine.finish(engine.enqueue(case.spec(folder, recursive=True)))
    assert run.state == "done", run.cause
    assert [one.name for one in models_of(engine, run.id)] == ["1/model", "2/model"]


def test_models_of_other_data_or_classes_are_not_joined(engine: Engine, case: Case) -> None:
    other = Import(files=str(case.saved(nn.Linear(2, 2).state_dict(), "x.pt")), network="fcn:8", data="digits")
    with pytest.raises(UsageError):
        engine.enqueue(other)
    trained = engine.enqueue(Train(network=f"file:{case.folder}/net.py:make", data="digits,limit=100", epochs=1))
    engine.finish(trained)
    (model,) = models_of(engine, trained)
    with pytest.raises(UsageError, match=r"differ in their data \(digits and digits,limit=100\)"):
        engine.enqueue(Connect(a=ModelRef(model=1), b=ModelRef(model=model.id), method=Linear()))


def test_a_file_that_is_written_while_it_is_read_becomes_no_model(engine: Engine, case: Case) -> None:
    file = case.saved(nn.Linear(64, 10).state_dict(), "growing.pt")
    (case.folder / "writes.py").write_text(
        "import os\nfrom torch import nn\n\nclass Net(nn.Linear):\n    def __init__(self):\n"
        "        super().__init__(64, 10)\n    def forward(self, x):\n"
        f"        os.utime({str(file)!r})\n        return super().forward(x.flatten(1))\n"
    )
    spec = Import(files=f"'{file}'", network=f"file:{case.folder}/writes.py:Net", data="digits")
    (run,) = engine.finish(engine.enqueue(spec))
    assert (run.state, run.cause_kind) == ("failed", "bad input")
    assert "growing.pt has changed while it was read" in str(run.cause)
    assert not models_of(engine, run.id)


def test_a_loss_in_half_precision_is_compared_beside_batch_norm_s_counters(
    case: Case,
) -> None:
    file = case.folder / "normed.py"
    file.write_text(
        "from torch import nn\n\ndef make():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.BatchNorm1d(10))\n"
    )
    problem, architecture = open_problem(f"file:{file}:make", "digits,limit=50")
    halved = {
        name: one.half() if one.is_floating_point() else one for name, one in architecture.module.state_dict().items()
    }
    opened = open_checkpoint(case.saved(halved, "half.pt"), HowToRead(), NetworkState.of(architecture.module))
    assert opened.dtypes.keys() == {"float16", "int64"}
    theta = problem.layout.join({name: opened.tensors[name].float() for name in problem.layout.names})
    said = importing.differs(opened, problem, theta, 1e3)
    assert said is not None
    assert "In float16, the file's dtype, its train loss is" in said
