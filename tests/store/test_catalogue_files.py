"""Files of tensors, deleting, and the doctor."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert

from store import (
    ArtifactError,
    Bounds,
    Catalogue,
    Models,
    NotFoundError,
    Runs,
    StoreError,
    Tags,
    delete,
    examine,
    prune,
)
from store.base import now, table
from tests.store.filling import enqueue, finished_run, joined_models

Tensors = Callable[[bytes], Path]
PUT = """
import pathlib, sys
from store import Catalogue
with Catalogue.open(pathlib.Path(sys.argv[1])) as catalogue, catalogue.write() as session:
    catalogue.artifacts.put(pathlib.Path(sys.argv[2]), session, "model")
"""
PUT_MANY = """
import pathlib, sys
from store import Catalogue, Models, NewRun, Runs
with Catalogue.open(pathlib.Path(sys.argv[1])) as catalogue:
    for number in range(40):
        source = pathlib.Path(sys.argv[2]).with_name(f"source{number}")
        source.write_bytes(b"tensor %d" % number)
        with catalogue.write() as session:
            sha256 = catalogue.artifacts.put(source, session, "model")
            run_id = Runs(session).add(NewRun("train", "{}"))
            Models(session).add(run_id, {"artifact": sha256})
"""


def add_model(catalogue: Catalogue, source: Path) -> str:
    with catalogue.write() as session:
        sha256 = catalogue.artifacts.put(source, session, "model")
        Models(session).add(finished_run(session), {"artifact": sha256})
    return sha256


def make_old(path: Path) -> None:
    os.utime(path, (time.time() - 7200,) * 2)


def test_an_artifact_is_kept_once_under_its_hash(catalogue: Catalogue, tensors: Tensors) -> None:
    with catalogue.write() as session:
        put = [catalogue.artifacts.put(tensors(b"weights"), session, "model") for _ in range(2)]
    assert put == [hashlib.sha256(b"weights").hexdigest()] * 2
    path = catalogue.artifacts.verified(put[0], expected_bytes=7)
    assert path == catalogue.artifacts.path(put[0])
    assert path.read_bytes() == b"weights"
    files = [file for file in catalogue.artifacts.root.rglob("*") if file.is_file()]
    assert files == [path]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_artifact_is_named(catalogue: Catalogue, tensors: Tensors) -> None:
    sha256 = add_model(catalogue, tensors(b"weights"))
    path = catalogue.artifacts.path(sha256)
    assert examine(catalogue) == []
    path.write_bytes(b"weighty")
    assert "its sha256 differs" in examine(catalogue)[0].text
    with pytest.raises(ArtifactError, match="its sha256 differs"):
        catalogue.artifacts.verified(sha256)
    path.write_bytes(b"weig")
    with pytest.raises(ArtifactError, match="4 bytes where 7 were written"):
        catalogue.artifacts.verified(sha256, expected_bytes=7)
    assert [finding.level for finding in examine(catalogue)] == ["error"]
    path.unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        catalogue.artifacts.verified(sha256)
    assert "is missing" in examine(catalogue)[0].text
    add_model(catalogue, tensors(b"weights"))
    catalogue.artifacts.verified(sha256, expected_bytes=7)


def test_a_missing_source_or_file_makes_no_row(catalogue: Catalogue, tmp_path: Path) -> None:
    with catalogue.write() as session:
        with pytest.raises(ArtifactError, match="No such file"):
            catalogue.artifacts.put(tmp_path / "nothing", session, "model")
        with pytest.raises(ArtifactError, match="put it again"):
            catalogue.artifacts.record("0" * 64, session, "model")
    assert examine(catalogue) == []


def test_a_killed_put_leaves_nothing_half_written(catalogue: Catalogue, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    worker = subprocess.Popen([sys.executable, "-c", PUT, catalogue.path, pipe])
    with pipe.open("wb") as stream:
        stream.write(b"half of the weights" * 100_000)
        stream.flush()
        worker.kill()
        worker.wait()
    (finding,) = examine(catalogue)
    assert "was left unfinished" in finding.text
    (left,) = [file for file in catalogue.artifacts.root.rglob("*") if file.is_file()]
    assert prune(catalogue).files == 0
    make_old(left)
    assert prune(catalogue).files == 1
    assert examine(catalogue) == []
    with catalogue.write() as session:
        enqueue(session)  # the dead process holds no lock


def test_pruning_takes_old_files_that_nothing_points_at(catalogue: Catalogue, tensors: Tensors) -> None:
    kept = add_model(catalogue, tensors(b"kept"))
    with catalogue.write() as session:
        unused = [catalogue.artifacts.put(tensors(name), session, "model") for name in (b"old", b"new")]
    for sha256 in (kept, unused[0]):
        make_old(catalogue.artifacts.path(sha256))
    assert "Nothing points at 2 artifacts" in examine(catalogue)[0].text
    pruned = prune(catalogue)
    assert (pruned.files, pruned.bytes) == (1, 3)
    assert not catalogue.artifacts.path(unused[0]).exists()
    for sha256 in (kept, unused[1]):
        catalogue.artifacts.verified(sha256)
    stray = catalogue.artifacts.path("ab" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.touch()
    assert "belongs to no row" in examine(catalogue)[0].text
    make_old(stray)
    assert prune(catalogue).files == 1


def test_putting_an_old_file_anew_makes_it_young(catalogue: Catalogue, tensors: Tensors) -> None:
    sha256 = catalogue.artifacts.bring(tensors(b"weights"))
    make_old(catalogue.artifacts.path(sha256))
    catalogue.artifacts.bring(tensors(b"weights"))
    assert prune(catalogue).files == 0


def test_pruning_beside_a_busy_agent_loses_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-W", "error", "-c", PUT_MANY, catalogue.path, tmp_path / "source"])
    while worker.poll() is None:
        prune(catalogue, young=1.0)
    assert worker.returncode == 0
    assert examine(catalogue) == []
    with catalogue.read() as session:
        models = [Models(session).get(number + 1) for number in range(40)]
    for model in models:
        catalogue.artifacts.verified(str(model.artifact))


def test_a_lease_of_an_ended_attempt_is_found(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        attempt = Runs(session).attempts(finished_run(session))[0]
        lease = {"attempt_id": attempt.id, "host": "here", "device": "cuda:0", "acquired_at": now()}
        session.execute(insert(table("device_leases")).values(lease))
    assert "cuda:0 of here is still leased to run 1" in examine(catalogue)[0].text


def test_what_others_stand_on_is_not_deleted(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        a, b, path = joined_models(session)
        waits = enqueue(session, needs=(1,))
        with pytest.raises(StoreError, match=f"The model {a} cannot be deleted: the path {path} joins it"):
            delete(session, "models", [b, a])
        with pytest.raises(StoreError, match="the model 1 was made by it"):
            delete(session, "runs", [1])
        with pytest.raises(StoreError, match="it is queued; cancel it first"):
            delete(session, "run", [waits])
        with pytest.raises(NotFoundError):
            delete(session, "path", [path, 99])
        Tags(session).add("path", [path], "best")
        delete(session, "path", [path])
        delete(session, "models", [a, b])
        with pytest.raises(StoreError, match=f"the run {waits} waits for it"):
            delete(session, "runs", [1])
        Runs(session).request_cancel([waits])
        delete(session, "runs", [1, 2, waits])
        assert sum(Runs(session).counts().values()) == 0
    assert examine(catalogue) == []


def test_the_file_of_a_bound_is_kept_as_long_as_the_bound(catalogue: Catalogue, tensors: Tensors) -> None:
    add_model(catalogue, tensors(b"model"))
    with catalogue.write() as session:
        sha256 = catalogue.artifacts.put(tensors(b"grid"), session, "bound")
        bound_id = Bounds(session).add(finished_run(session), {"model_id": 1, "kind": "rank", "artifact": sha256})
    assert prune(catalogue, young=-1).files == 0
    with catalogue.write() as session:
        delete(session, "bound", [bound_id])
    assert prune(catalogue, young=-1).files == 1
    assert not catalogue.artifacts.path(sha256).exists()


def test_folders_of_deleted_runs_are_pruned_and_those_of_others_kept(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        kept = enqueue(session)
    runs = catalogue.files / "runs"
    for name in (str(kept), "99"):
        (runs / name / "1").mkdir(parents=True)
    assert any("1 folder of a deleted run is left" in finding.text for finding in examine(catalogue))
    prune(catalogue, young=-1)
    assert [folder.name for folder in runs.iterdir()] == [str(kept)]
