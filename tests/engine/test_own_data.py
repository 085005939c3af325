"""Data of one's own, from the request to a path: what is wrong is said before a run exists, and a change is noticed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.errors import UsageError
from core.specs.methods import METHODS
from core.specs.runs import Connect, Import, ModelRef, Train
from store import Models, Paths, Runs
from tests.engine.conftest import Engine

MAKER = """
import torch

def make():
    x = torch.rand(60, 5, generator=torch.Generator().manual_seed(0))
    return (x[:40], x[:40].argmax(1)), (x[40:], x[40:].argmax(1))
"""


def spec(data: str, **options: object) -> Train:
    given = {"network": "fcn:6", "data": data, "epochs": 2, "lr": 0.05, "count": 2, **options}
    return Train(**given)  # type: ignore[arg-type]


def images(file: Path, seed: int = 0) -> None:
    x = torch.randint(0, 256, (60, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    y = torch.arange(60) % 3
    save_file(
        {"x_train": x[:40].clone(), "y_train": y[:40].clone(), "x_test": x[40:].clone(), "y_test": y[40:].clone()}, file
    )


def joined(engine: Engine) -> Connect:
    return Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=METHODS["linear"]())


def test_bytes_are_trained_on_joined_and_verified_and_a_changed_file_is_noticed(engine: Engine, tmp_path: Path) -> None:
    images(file := tmp_path / "mine.safetensors")
    (ended,) = engine.finish(engine.enqueue(spec(f"tensors:{file},mean=imagenet")))
    assert (ended.state, ended.cause) == ("done", None)
    (path,) = engine.finish(engine.enqueue(joined(engine)))
    assert (path.state, path.cause) == ("done", None)
    with engine.catalogue.read() as session:
        models, stored = Models(session).made_by(ended.id), Paths(session).made_by(path.id)[0]
    assert len({one.data_fingerprint for one in models}) == 1
    assert all(one.test_error is not None for one in models)
    assert stored.certificate == "enclosed"
    looked = engine.client.verify(stored.id)
    assert (looked["certificate"], looked["doubts"], looked["refused"]) == ("enclosed", [], [])
    images(file, seed=1)
    (again,) = engine.finish(engine.enqueue(joined(engine)))
    assert again.state == "failed"
    assert "is not the one that model 1 was trained on (its fingerprint differs)" in (again.cause or "")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"y_train": np.arange(40) % 3 + 1}, "go from 1 to 3: subtract 1"),
        ({"y_train": np.arange(39) % 3}, "40 and 39 long"),
        ({"x_train": np.full((40, 5), np.nan)}, "x_train is not finite in sample 0"),
        ({"y_train": np.array([{}] * 40)}, "holds Python objects"),
    ],
)
def test_bad_arrays_make_no_run(engine: Engine, tmp_path: Path, change: dict[str, np.ndarray], sentence: str) -> None:
    good = {"x_train": np.ones((40, 5), np.float32), "y_train": np.arange(40) % 3}
    np.savez(tmp_path / "mine.npz", **(good | change))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=sentence):
        engine.enqueue(spec(f"tensors:{tmp_path}/mine.npz"))
    with engine.catalogue.read() as session:
        assert Runs(session).existing([1]) == []


def test_what_arrays_are_decides_what_can_be_asked_of_them(engine: Engine, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((40, 5), np.float32)
    np.savez(tmp_path / "values.npz", x_train=x, y_train=x[:, 0])
    np.savez(tmp_path / "labels.npz", x_train=x, y_train=(x[:, :3] > 0.5).astype(np.float32))
    values, labels = f"tensors:{tmp_path}/values.npz", f"tensors:{tmp_path}/labels.npz"
    torch.save({}, tmp_path / "a.pt")
    for wrong, sentence in (
        (
            Import(files=f"{tmp_path}/a.pt", network="fcn:6", data=values, expect_accuracy=0.9),
            "so models have no accuracy",
        ),
        (spec(values, loss="hinge"), "needs classes and tensors:.* has none"),
        (spec(values, loss="binary-cross-entropy"), "needs targets of 0 and 1"),
        (spec("quadratic", loss="binary-cross-entropy"), "needs targets of 0 and 1"),
        (spec(values, until=0.1, on="test-loss"), "has no test samples"),
        (spec(values, until=0.1, on="train-error"), "has no classes"),
        (spec(values, network="cnn"), "cnn reads images of 28x28"),
        (spec(f"{values},limit=41"), "limit=41 is more than the 40 train samples"),
    ):
        with pytest.raises(UsageError, match=sentence):
            engine.enqueue(wrong)
    (ended,) = engine.finish(engine.enqueue(spec(labels, loss="binary-cross-entropy", epochs=40, dtype="float64")))
    (path,) = engine.finish(engine.enqueue(joined(engine)))
    assert (ended.state, path.state) == ("done", "done")
    with engine.catalogue.read() as session:
        model, stored = Models(session).made_by(ended.id)[0], Paths(session).made_by(path.id)[0]
    assert model.train_error is not None
    assert 0 <= model.train_error < 0.3
    assert (stored.certificate, stored.max_train_error is not None) == ("enclosed", True)


def test_a_data_file_is_pinned_as_a_network_file_is(engine: Engine, tmp_path: Path) -> None:
    (file := tmp_path / "data.py").write_text(MAKER)
    (ended,) = engine.finish(engine.enqueue(spec(f"file:{file}:make")))
    assert (ended.state, ended.cause) == ("done", None)
    assert (ended.data or "").startswith(f"file:{file}:make,sha256=")
    file.write_text(f"{MAKER}\n# a note\n")
    with pytest.raises(UsageError, match=r"data file .* has changed: .* Put the old content back, or train on the new"):
        engine.enqueue(joined(engine))
    file.write_text(MAKER.replace("torch.rand(60, 5, generator=torch.Generator().manual_seed(0))", "torch.rand(60, 5)"))
    with pytest.raises(UsageError, match="returns another x_train the second time"):
        engine.enqueue(spec(f"file:{file}:make"))
    file.write_text(MAKER)
    (path,) = engine.finish(engine.enqueue(joined(engine)))
    assert (path.state, path.cause) == ("done", None)


def test_a_table_is_trained_on(engine: Engine, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{'red' if i % 2 else 'blue'},{'odd' if i % 2 else 'even'}\n" for i in range(40))
    (tmp_path / "mine.csv").write_text("size,colour,kind\n" + rows)
    (ended,) = engine.finish(
        engine.enqueue(spec(f"csv:{tmp_path}/mine.csv,target=kind", until=0.1, on="test-error", epochs=60))
    )
    assert (ended.state, ended.cause) == ("done", None)
    with pytest.raises(UsageError, match="has no column 'sort'"):
        engine.enqueue(spec(f"csv:{tmp_path}/mine.csv,target=sort"))
