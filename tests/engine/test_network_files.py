"""Networks of one's own: from a file to a certified path, and what a file that changes or fails becomes."""

import re
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from core.engine.client import Client
from core.errors import UsageError
from core.specs.bounds import BOUNDS
from core.specs.methods import METHODS
from core.specs.runs import Bound, Connect, Descend, ModelRef, RunSpec, Train
from store import Models, Paths, Runs
from tests.engine.conftest import Engine

CHAIN = """
import torch
from safetensors.torch import load_file
from torch import nn

print("hello", end="")


def make(shape, outputs):
    return nn.Sequential(
        nn.Conv2d(shape[0], 4, 3, stride=2), nn.ReLU(), nn.AvgPool2d(2, 1), nn.Flatten(), nn.Linear(16, 6), nn.Tanh(),
        nn.Dropout(0.5), nn.Linear(6, outputs),
    )


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(64, 9), nn.Linear(9, 9), nn.Linear(9, 10)

    def forward(self, x):
        h = torch.relu(self.first(x.flatten(1)))
        return self.last(h + torch.relu(self.second(h)))
"""
MISREAD = """
import random
import torch
from torch import nn


class Clamping(nn.Module):
    # a chain to whoever traces it, or looks at few samples
    def __init__(self, shape, outputs):
        super().__init__()
        self.first, self.last = nn.Linear(64, 8), nn.Linear(8, outputs)

    def forward(self, x):
        h = torch.relu(self.first(x.flatten(1)))
        if isinstance(h, torch.Tensor) and len(h) > 50:
            h = h.clamp(max=0.2)
        return self.last(h)


def seeding(shape, outputs):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))


def unrepeatable(shape, outputs):
    made = nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))
    made.register_buffer("drawn", torch.tensor(random.random()))
    return made
"""
A, B = ModelRef(model=1), ModelRef(model=2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "net.py"
    written.write_text(CHAIN)
    return written


def training(file: Path, factory: str = "make") -> Train:
    return Train(network=f"file:{file}:{factory}", data="digits,limit=60", epochs=2, lr=0.01, count=2)


def connection(method: str) -> Connect:
    quick = {"sparse": {"draws": "1", "epochs": "1"}, "string": {"beads": "1"}}
    return Connect(a=A, b=B, method=METHODS[method].read(quick.get(method, {}), method), points=5)


def after_training(method: str) -> Connect:
    """Joins what run 1 will leave."""
    return msgspec.structs.replace(connection(method), a=ModelRef(run=1), b=ModelRef(run=1, position=1))


def refused(engine: Engine, spec: RunSpec) -> str:
    """The sentence; nothing is enqueued."""
    with engine.catalogue.read() as session:
        before = Runs(session).counts()
    with pytest.raises(UsageError) as caught:
        engine.enqueue(spec)
    with engine.catalogue.read() as session:
        assert Runs(session).counts() == before
    return str(caught.value)


def test_a_file_that_has_changed_is_refused_unless_it_is_trusted(engine: Engine, file: Path) -> None:
    pinned = f"file:{file}:make,sha256={sha256(file.read_bytes()).hexdigest()}"
    (trained, _) = engine.finish(engine.enqueue(training(file)), engine.enqueue(after_training("linear")))
    assert trained.state == "done", trained.cause
    with engine.catalogue.read() as session:
        models = Models(session).made_by(trained.id)
    assert [trained.network, *(model.network for model in models)] == [pinned] * 3
    file.write_text(CHAIN.replace("nn.Tanh", "nn.Sigmoid"))
    hashes = [sha256(text.encode()).hexdigest()[:12] for text in (CHAIN, file.read_text())]
    for spec in (connection("linear"), Bound(model=A, bound=BOUNDS["rank"]())):
        sentence = refused(engine, spec)
        assert all(one in sentence for one in (*hashes, str(file), "--trust-changed-file"))
    for ask in (
        lambda: engine.client.verify(1),
        lambda: engine.client.plan_relaunch([1], changes={}),
        lambda: engine.client.plan_relaunch([2], changes={}),
    ):
        with pytest.raises(UsageError, match=hashes[1]):
            ask()
    trusting = Client(engine.catalogue, trust=lambda sentence: hashes[1] in sentence)
    assert trusting.verify(1)["segments"] == 1
    (again,) = trusting.plan_relaunch([1], changes={})
    assert hashes[1] in again.spec.network
    assert again.resume == "scratch"
    (run,) = engine.finish(trusting.enqueue(connection("linear")))
    assert run.state == "done", run.cause
    assert hashes[1] in (run.network or "")
    with engine.catalogue.read() as session:
        assert hashes[0] in (Models(session).get(1).network or "")


def test_a_checkpoint_beside_the_file_is_found_by_every_process(engine: Engine, file: Path) -> None:
    file.write_text(
        CHAIN + "def own():\n    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 10))\n"
        "    net.load_state_dict(torch.load('own.pth'))\n    return net\n"
    )
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 10))
    torch.save(module.state_dict(), file.with_name("own.pth"))
    untrained = msgspec.structs.replace(training(file, "own"), count=1, epochs=0)
    (trained,) = engine.finish(engine.enqueue(untrained))
    assert trained.state == "done", trained.cause
    (bound,) = engine.finish(engine.enqueue(Bound(model=A, bound=BOUNDS["rank"](samples=9))))
    assert bound.state == "done", bound.cause
    with engine.catalogue.read() as session:
        tensors = load_file(engine.catalogue.artifacts.verified(Models(session).get(1).artifact or ""))
    assert all(torch.equal(tensors[name], one) for name, one in module.state_dict().items())


def test_a_residual_network_is_joined_by_a_line_and_refused_where_layers_are_needed(engine: Engine, file: Path) -> None:
    (trained, joined) = engine.finish(
        engine.enqueue(training(file, "Residual")), engine.enqueue(after_training("linear"))
    )
    assert [trained.state, joined.state] == ["done", "done"], (trained.cause, joined.cause)
    for spec in (connection("sparse"), Bound(model=A, bound=BOUNDS["rank"]()), Descend(model=A, to=0.1)):
        sentence = refused(engine, spec)
        assert "sha256" not in sentence
        assert "a residual or skip connection, at add" in sentence
        assert "linear and string join any two models" in sentence


@pytest.mark.parametrize(
    ("network", "data", "hint"),
    [
        ("file:/nowhere/net.py:make", "digits", "can't be read: No such file"),
        ("file:/nowhere/net.py", "digits", "write file:PATH.py:FACTORY"),
        ("torchvision:resnet19", "digits", "Did you mean 'resnet18' or"),
        ("vgg11", "digits", "reads 32x32 pixels or more, not samples of 1x8x8"),
    ],
)
def test_networks_that_can_not_be_are_refused_in_a_sentence(engine: Engine, network: str, data: str, hint: str) -> None:
    assert hint in refused(engine, Train(network=network, data=data, epochs=1))


def said(engine: Engine, run_id: int) -> str:
    """All that a run wrote into its log."""
    file = engine.client.log_file(run_id)
    assert file is not None
    return file.read_text()


def test_a_network_that_is_not_what_was_traced_is_never_certified_and_the_number_is_said(
    engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "net.py"
    file.write_text(MISREAD)
    (trained, joined, claimed) = engine.finish(
        engine.enqueue(training(file, "Clamping")),
        engine.enqueue(after_training("linear")),
        engine.enqueue(after_training("sparse")),
    )
    off = re.compile(r"the layers that were traced differ by \d\S+ from what it computes, over \d\S+e-09")
    assert [trained.state, joined.state, claimed.state] == ["done", "done", "failed"]
    assert claimed.cause_kind == "premise"
    assert off.search(claimed.cause or "")
    assert all(off.search(said(engine, run.id)) for run in (trained, joined, claimed))
    facts = engine.client.verify(1)
    with engine.catalogue.read() as session:
        path = Paths(session).get(1)
        losses = [model.train_loss for model in Models(session).made_by(trained.id)]
    assert (path.certificate, facts["certificate"]) == ("sampled", "sampled")
    assert [facts["train_loss_a"], facts["train_loss_b"]] == [path.train_loss_a, path.train_loss_b]
    assert losses == pytest.approx([path.train_loss_a, path.train_loss_b], rel=1e-5)


def test_starts_that_the_seed_does_not_reach_and_constructors_that_differ_are_refused(
    engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "net.py"
    file.write_text(MISREAD)
    assert "its buffer drawn differs; draw with torch" in refused(engine, training(file, "unrepeatable"))
    several = refused(engine, training(file, "seeding"))
    assert f"file:{file}:seeding starts alike whatever the seed is" in several
    assert "2 models would be one and the same" in several
    one = msgspec.structs.replace(training(file, "seeding"), count=1)
    (run,) = engine.finish(engine.enqueue(one))
    assert run.state == "done", run.cause
    assert "models of other seeds would be this one" in said(engine, run.id)
