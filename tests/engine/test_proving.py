"""Proofs by real workers: `connect` with prove, slack and passes, `certify`, and `verify` by the stored pieces."""

from pathlib import Path as File

import pytest
from safetensors.torch import load_file, save_file

from core.errors import UsageError
from core.specs.methods import Linear, String
from core.specs.runs import Certify, Connect, ModelRef, PathRef, Train
from core.studies.plan import Planned
from store import ArtifactError, Paths
from tests.engine.conftest import TINY, Engine
from tests.engine.test_certify import certificates, path_of

A, B = ModelRef(run=0), ModelRef(run=0, position=1)


def test_a_line_is_proven_where_asked_for_and_checked_again_from_its_pieces(engine: Engine) -> None:
    plan = [
        Planned(Train(**TINY, count=2, epochs=3)),
        Planned(Connect(a=A, b=B, method=Linear(), points=5, prove="on", ridge=0.01)),
        Planned(Connect(a=A, b=B, method=Linear(), points=5, prove="off")),
        Planned(Connect(a=A, b=B, method=Linear(), points=5, prove="on", slack=1e-6, passes=20)),
        Planned(Certify(path=PathRef(run=2), slack=0.01, l1=0.5)),
    ]
    ended = engine.finish(*engine.client.enqueue_plan(plan, study="test"), seconds=150)
    assert [one.state for one in ended] == ["done", "done", "done", "failed", "done"], [one.cause for one in ended]
    on, off, short = (path_of(engine, i) for i in (1, 2, 3))
    assert (on.certificate, on.certified) == ("enclosed", True)
    assert sorted(one.kind or "" for one in certificates(engine, 2)) == ["enclosed", "sampled"]
    assert off.certificate == "enclosed", "a path shows the strongest"
    assert on.level is not None
    assert on.slack == pytest.approx(on.level - on.max_train_loss)
    assert 0 <= on.slack <= 0.06 * on.level
    assert on.penalised_level is not None
    assert on.level + 0.01 < on.penalised_level < off.penalised_level, "l1 weighs more"
    assert (on.ridge, on.l1) == (0.01, 0.0)
    assert (off.ridge, off.l1) == (0.0, 0.5), "the factors of the certificate that it shows"
    assert ended[3].outcome == "finding"
    assert ended[3].cause.startswith("could not connect: could not prove: segment 0: ")
    assert ended[3].cause.endswith("; raise passes, or `thalweg certify` the path")
    assert (short.certificate, short.passes is not None, short.penalised_level) == ("sampled", True, None)
    assert (short.ridge, short.l1) == (None, None), "there is no level that they would be of"

    tight = next(one for one in certificates(engine, 2) if one.kind == "enclosed")
    assert tight.level <= 1.0101 * tight.seen
    with engine.catalogue.read() as session:
        (segment,) = Paths(session).segments(2)
    assert (segment.claim, segment.verdict, segment.certificate) == ("sampled", "enclosed", "enclosed")
    assert (segment.bound, segment.seen, segment.pieces) == (off.level, tight.seen, off.pieces)
    assert "nowhere above" in (segment.reason or "")

    found = engine.client.verify(1)
    assert (found["certificate"], found["certified"]) == ("enclosed", True)
    assert found["level"] <= on.level
    pieces = pieces_file(engine, 1)
    tensors = load_file(pieces)
    tensors["end"][-1] = 0.999
    pieces.chmod(0o644)
    save_file(tensors, pieces)
    with pytest.raises(ArtifactError, match="its sha256 differs"):
        engine.client.verify(1)


def pieces_file(engine: Engine, path_id: int) -> File:
    return File(engine.client._path_question(path_id)["pieces"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("slack", "0"), ("slack", "-1"), ("slack", "nan"), ("slack", "inf"), ("passes", "0"), ("passes", "1.5")),
        *(("ridge", "-1"), ("ridge", "inf"), ("l1", "nan"), ("l1", "-1e-9")),
    ],
)
def test_what_cannot_be_asked_of_a_proof_is_named(name: str, value: str) -> None:
    known = Certify(path=PathRef(path=1))
    with pytest.raises(UsageError, match=f"certify: {name} must be ") as caught:
        known.changed({name: value}, "certify")
    assert "\n" not in str(caught.value)


def test_a_threshold_on_anything_but_the_train_loss_is_not_for_a_proof_that_must_be() -> None:
    with pytest.raises(UsageError, match=r"prove=on is for a threshold on the train loss, not on=test-loss"):
        Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=String(on="test-loss"), prove="on")
    with pytest.raises(UsageError, match=r"not on=test-error"):
        Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=String(on="test-error"), prove="on", prove_test=True)


def test_a_string_that_has_to_be_proven_goes_on_from_its_beads_when_relaunched(engine: Engine) -> None:
    string = Connect(a=A, b=B, method=String(lr=0.01, depth=0), below=0.4, prove="on")
    plan = [Planned(Train(**TINY, count=2, epochs=100, until_loss=0.2)), Planned(string)]
    ended = engine.finish(*engine.client.enqueue_plan(plan, study="test"))
    assert ended[1].cause.startswith("could not connect: 1 gap left, worst at least ")
    log = engine.client.log_file(ended[1].id)
    assert log is not None
    assert "Line 1 of 1: a counterexample at t = " in log.read_text()
    (again,) = engine.client.relaunch(engine.client.plan_relaunch([ended[1].id], changes={"depth": "6"}))
    (second,) = engine.finish(again)
    assert (second.state, second.resume) == ("done", "checkpoint"), second.cause
    made = path_of(engine, 2)
    assert (made.certificate, made.connected) == ("enclosed", True)
    assert made.level is not None
    assert made.level <= 0.4
    assert engine.client.verify(2)["certificate"] == "enclosed"
