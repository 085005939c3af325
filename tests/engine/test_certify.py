"""The run kind `certify`: certificates of a path made by real workers, and what a path shows of them."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path as File

import pytest
from sqlalchemy import update

from core.engine.client import Client
from core.engine.folders import Job, attempt_folder, make_folder, owner
from core.engine.launch import start_worker
from core.engine.model_inputs import resolve
from core.errors import UsageError
from core.path import Path as Curve
from core.results import CertificateMade, Ended, from_line
from core.specs.methods import Dropout, Linear
from core.specs.runs import Certify, Connect, ModelRef, PathRef, Train, from_json
from core.studies.plan import Planned
from store import (
    ArtifactError,
    CertificateRecord,
    Certificates,
    NotFoundError,
    PathRecord,
    Paths,
    StoreError,
    delete,
    show_row,
)
from store.base import table
from tests.engine.conftest import TINY, Engine, stepped

A, B = ModelRef(run=0), ModelRef(run=0, position=1)
KNOWN = ("certificate", "level", "drift", "residual", "certified", "excess")

NETWORK = """
from torch import nn


def make(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))
"""
FIRST_EDITION = """{"run_id":3,"attempt_id":4,"spec":{"kind":"connect","network":null,"a":{"model":1},"b":{"model":2},
"method":{"method":"linear"},"below":null,"points":61,"seed":0,"name":"=1+1"},"device":"cpu","threads":1,
"data_root":null,"inputs":[{"id":1,"file":"/c.db.files/artifacts/ab/ab.safetensors","network":"fcn:8","data":"digits",
"loss":"cross-entropy","data_fingerprint":"d","seed":1,"dtype":"float32","epochs":3},{"id":2,
"file":"/c.db.files/artifacts/cd/cd.safetensors","network":"fcn:8","data":"digits","loss":"cross-entropy",
"data_fingerprint":"d","seed":2,"dtype":"float32","epochs":3}]}"""


def path_of(engine: Engine, path_id: int = 1) -> PathRecord:
    with engine.catalogue.read() as session:
        return Paths(session).get(path_id)


def certificates(engine: Engine, path_id: int = 1) -> list[CertificateRecord]:
    with engine.catalogue.read() as session:
        return Certificates(session).of(path_id)


def say_otherwise(engine: Engine, path_id: int = 1, **values: object) -> None:
    """Change what the catalogue says of a path and of all its certificates."""
    named = {"kind" if name == "certificate" else name: one for name, one in values.items() if name != "certified"}
    with engine.catalogue.write() as session:
        session.execute(update(table("paths")).where(table("paths").c.id == path_id).values(values))
        certificates = table("certificates")
        session.execute(update(certificates).where(certificates.c.path_id == path_id).values(named))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> File:
    """A folder with a catalogue: an exact path between two models, by runs 1 and 2, and run 3, which certified it."""
    folder = tmp_path_factory.mktemp("made")
    plan = [
        Planned(Train(**TINY, count=2, epochs=3)),
        Planned(Connect(a=A, b=B, method=Dropout(draws=2), points=5)),
        Planned(Certify(path=PathRef(run=1))),
    ]
    with stepped(folder) as engine:
        ended = engine.finish(*engine.client.enqueue_plan(plan, study="test"))
    assert [run.state for run in ended] == ["done"] * 3, [run.cause for run in ended]
    return folder


@pytest.fixture
def joined(made: File, tmp_path: File) -> Iterator[Engine]:
    """The engine of a copy of it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    with stepped(tmp_path) as engine:
        yield engine


def test_a_path_is_certified_in_a_run_and_shows_the_strongest(joined: Engine) -> None:
    run_id = 3
    path, (first, second) = path_of(joined), certificates(joined)
    assert (first.run_id, second.run_id) == (path.run_id, run_id)
    assert (second.kind, second.pieces) == ("exact", path.segments)
    assert second.level == pytest.approx(path.level, rel=1e-12)
    assert joined.run(run_id).network == "fcn:8"
    with joined.catalogue.read() as session:
        shown = show_row(session, "run", run_id)
    assert [one["id"] for one in shown["certificates"]] == [second.id]  # type: ignore[attr-defined]
    assert shown["needs"] == [path.run_id]

    say_otherwise(joined, certificate="sampled", level=9.0, drift=None, certified=False)
    stronger = joined.enqueue(Certify(path=PathRef(path=1)))
    assert joined.finish(stronger)[0].state == "done"
    now = path_of(joined)
    assert [getattr(now, name) for name in KNOWN] == [getattr(path, name) for name in KNOWN]
    assert certificates(joined)[0].run_id == stronger

    say_otherwise(joined, level=path.level / 2)
    weaker = joined.enqueue(Certify(path=PathRef(path=1)))
    (ended,) = joined.finish(weaker)
    assert (ended.state, ended.outcome, ended.cause_kind) == ("failed", "finding", "could not certify")
    assert ended.cause is not None
    assert ended.cause.startswith("could not certify: the level is")
    assert path_of(joined).level == path.level / 2
    assert weaker in [one.run_id for one in certificates(joined)]


def test_a_path_that_does_not_join_its_models_gets_no_certificate(joined: Engine) -> None:
    with joined.catalogue.write() as session:
        paths = table("paths").c
        session.execute(update(table("paths")).values(model_a=paths.model_b, model_b=paths.model_a))
    run_id = joined.enqueue(Certify(path=PathRef(path=1)))
    (ended,) = joined.finish(run_id)
    assert (ended.outcome, ended.cause_kind) == ("finding", "could not certify")
    assert "the path does not start at its first model" in (ended.cause or "")
    assert [one.run_id for one in certificates(joined)] == [2, 3]


def test_a_run_that_is_killed_half_way_leaves_no_certificate_and_its_relaunch_does(joined: Engine) -> None:
    killed = joined.enqueue(Certify(path=PathRef(path=1), points=9))
    joined.until(lambda: joined.run(killed).started_at and owner(joined.folder(killed)))
    who = owner(joined.folder(killed))
    assert who is not None
    os.killpg(who.pid, signal.SIGKILL)
    (ended,) = joined.finish(killed)
    assert (ended.state, ended.cause_kind, ended.outcome) == ("failed", "killed", "fault")
    assert len(certificates(joined)) == 2
    (again,) = joined.client.relaunch(joined.client.plan_relaunch([killed], changes={"points": "7"}))
    assert joined.finish(again)[0].state == "done"
    spec = from_json(joined.run(again).spec)
    assert isinstance(spec, Certify)
    assert spec.points == 7
    assert [one.run_id for one in certificates(joined)][-1] == again


def test_paths_that_are_not_there_or_not_whole_are_refused_before_anything_is_enqueued(joined: Engine) -> None:
    for ref, match in (
        (PathRef(path=99), "no path 99"),
        (PathRef(run=99), "no run 99"),
        (PathRef(run=1), "is not a path: run 1, a train, makes none"),
        (PathRef(run=2, position=1), "makes 1, numbered from 0"),
    ):
        with pytest.raises((NotFoundError, UsageError), match=match):
            joined.enqueue(Certify(path=ref))
    (spec, inputs) = resolve(joined.catalogue, Certify(path=PathRef(run=2)))
    assert spec == Certify(path=PathRef(path=1))
    assert [one.id for one in inputs.models] == [1, 2]
    assert [(one.id, one.model_a, one.model_b) for one in inputs.paths] == [(1, 1, 2)]
    joined.catalogue.artifacts.path(path_of(joined).artifact or "").write_bytes(b"other")
    with pytest.raises(ArtifactError, match="is of 5 bytes"):
        joined.enqueue(Certify(path=PathRef(path=1)))


def test_a_path_of_a_network_file_that_changed_is_certified_only_where_that_is_trusted(
    engine: Engine, tmp_path: File
) -> None:
    file = tmp_path / "net.py"
    file.write_text(NETWORK)
    plan = [
        Planned(Train(**{**TINY, "network": f"file:{file}:make"}, count=2, epochs=2)),
        Planned(Connect(a=A, b=B, method=Linear(), points=5)),
    ]
    engine.finish(*engine.client.enqueue_plan(plan, study="test"))
    file.write_text(f"{file.read_text()}\n# changed\n")
    certify = Certify(path=PathRef(path=1))
    with pytest.raises(UsageError, match="has changed"):
        engine.enqueue(certify)
    trusting = Client(engine.catalogue, trust=lambda _: True)
    (ended,) = engine.finish(trusting.enqueue(certify))
    assert (ended.state, ended.cause) == ("done", None)
    assert ended.network != path_of(engine).network


def test_a_file_that_is_swapped_between_the_agent_s_check_and_the_worker_s_look_ends_the_run(joined: Engine) -> None:
    spec, (models, paths) = resolve(joined.catalogue, Certify(path=PathRef(path=1)))
    whole = Curve.load(File(paths[0].file))
    Curve.line(whole.start, whole.end).save(joined.catalogue.files / "other")
    swaps = (paths[0].file, joined.catalogue.files / "other"), (models[0].file, models[1].file)
    job = Job(run_id=9, attempt_id=9, spec=spec, device="cpu", threads=1, data_root=None, inputs=models, paths=paths)
    for number, (file, other) in enumerate(swaps, start=1):
        folder = attempt_folder(joined.catalogue.files / "runs", job.run_id, number)
        make_folder(folder)
        job.save(folder)
        mine = File(file).read_bytes()
        File(file).write_bytes(File(other).read_bytes())
        assert start_worker(folder).wait(60) == 0
        File(file).write_bytes(mine)
        said = [from_line(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]
        assert not [one for one in said if isinstance(one, CertificateMade)]
        assert isinstance(said[-1], Ended)
        assert said[-1].cause_kind == "input failed"
        assert f"The content of {file} is not what was written (its sha256 differs)" in str(said[-1].cause)


def test_a_job_of_the_first_edition_is_read(tmp_path: File) -> None:
    (tmp_path / "job.json").write_text(FIRST_EDITION)
    job = Job.load(tmp_path)
    assert job.spec == Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=Linear(), name="=1+1")
    assert [(one.id, one.trusted) for one in job.inputs] == [(1, False), (2, False)]
    assert [one.sha256 for one in job.inputs] == [None, None]
    assert job.paths == []
    job.save(tmp_path)
    assert Job.load(tmp_path) == job


def test_another_function_leaves_no_certificate(joined: Engine) -> None:
    """As where a changed network file is trusted: what is proven then is not of what the catalogue lists."""
    before = certificates(joined)
    with joined.catalogue.write() as session:
        paths = table("paths")
        session.execute(update(paths).where(paths.c.id == 1).values(train_loss_a=paths.c.train_loss_a + 1))
    (run,) = joined.finish(joined.enqueue(Certify(path=PathRef(path=1))))
    assert (run.state, run.cause_kind) == ("failed", "could not certify")
    assert "the train loss at its start" in str(run.cause)
    assert len(certificates(joined)) == len(before)


def test_what_a_run_at_work_reads_can_not_be_deleted(joined: Engine) -> None:
    certifying = joined.enqueue(Certify(path=PathRef(path=1)))
    with pytest.raises(StoreError, match=f"the run {certifying}, which is .*, reads it"), joined.catalogue.write() as s:
        delete(s, "paths", [1])
    joined.finish(certifying)
    with joined.catalogue.write() as session:
        delete(session, "paths", [1])
