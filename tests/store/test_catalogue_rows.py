"""What is written is read again, once, whatever its type."""

import dataclasses
from datetime import UTC, datetime
from math import inf, isnan, nan

import pytest
from sqlalchemy.orm import Session

from store import (
    Attempt,
    BoundRecord,
    Bounds,
    Catalogue,
    CertificateRecord,
    MeasurementRecord,
    Metrics,
    ModelRecord,
    Models,
    Note,
    Notes,
    NotFoundError,
    PathRecord,
    Paths,
    ProfilePointRecord,
    Run,
    Runs,
    SegmentRecord,
    StoreError,
    Tags,
    delete,
    list_rows,
    star,
)
from store.base import table
from tests.store.filling import enqueue, finished_run, joined_models

RECORDS = {
    "runs": Run,
    "attempts": Attempt,
    "models": ModelRecord,
    "paths": PathRecord,
    "segments": SegmentRecord,
    "profile_points": ProfilePointRecord,
    "certificates": CertificateRecord,
    "bounds": BoundRecord,
    "measurements": MeasurementRecord,
    "notes": Note,
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_its_tables_columns(name: str) -> None:
    fields = [field.name for field in dataclasses.fields(RECORDS[name])]
    assert fields == [column.name for column in table(name).columns]


def test_every_type_of_column_is_read_as_written(session: Session) -> None:
    values = {
        "name": "naïve 'quoted', \"double\" \n line",
        "parameters": 2**62,
        "train_loss": 0.1 + 0.2,
        "train_error": -0.0,
        "test_loss": inf,
        "test_error": nan,
        "reached": True,
        "epochs": None,
    }
    model = Models(session).get(Models(session).add(finished_run(session), values))
    assert isnan(values.pop("test_error"))  # type: ignore[arg-type]
    assert model.test_error is None
    assert {name: getattr(model, name) for name in values} == values
    assert model.reached is True
    assert model.starred is False
    assert model.created_at.tzinfo is not None
    assert abs((datetime.now(UTC) - model.created_at).total_seconds()) < 60


def test_lists_show_times_as_iso_text_and_booleans_as_such(session: Session) -> None:
    enqueue(session)
    (row,) = list_rows(session, "runs")
    assert str(row["created_at"]).endswith("Z")
    assert datetime.fromisoformat(str(row["created_at"])).tzinfo is UTC
    assert row["starred"] is False


def test_adding_again_changes_nothing(session: Session) -> None:
    a, b, path = joined_models(session)
    made, joined = Models(session).get(a).run_id, Paths(session).get(path).run_id
    assert Models(session).add(made, {"position": 1, "train_loss": 9.0}) == b
    assert Models(session).get(b).train_loss == 0.5
    assert Paths(session).add(joined, {"model_a": b, "model_b": a}, [{"kind": "analytic"}] * 3, []) == path
    assert [segment.kind for segment in Paths(session).segments(path)] == ["straight"]
    assert Paths(session).get(path).segments == 1
    for _ in range(2):
        bound = Bounds(session).add(made, {"model_id": a, "kind": "margin"}, [{"name": "norm", "value": 2.0}])
    assert [one.value for one in Bounds(session).measurements("bound", bound)] == [2.0]
    assert Bounds(session).get(bound).model_id == a


def test_segments_and_points_keep_their_order(session: Session) -> None:
    a, b, _ = joined_models(session)
    segments = [{"kind": "straight", "claim": "convex", "bound": 0.1}, {"kind": "analytic", "verdict": "refused"}]
    points = [{"t": t, "train_loss": t} for t in (1.0, 0.0, 0.5)]
    path = Paths(session).add(finished_run(session), {"model_a": a, "model_b": b}, segments, points)
    assert [(one.position, one.kind) for one in Paths(session).segments(path)] == [(0, "straight"), (1, "analytic")]
    assert [point.t for point in Paths(session).points(path)] == [0.0, 0.5, 1.0]


def test_unknown_keys_are_a_mistake_of_ours(session: Session) -> None:
    run_id = enqueue(session)
    with pytest.raises(ValueError, match="trainloss"):
        Models(session).add(run_id, {"trainloss": 1.0})
    with pytest.raises(ValueError, match="bogus"):
        Paths(session).add(run_id, {"model_a": 1, "model_b": 1, "bogus": 1}, [], [])


def test_a_point_of_a_curve_takes_the_newest_value(session: Session) -> None:
    run_id = enqueue(session)
    metrics = Metrics(session)
    metrics.add(run_id, [("loss", 2, 0.5, 1.5), ("loss", 1, nan, None), ("error", 1, inf, 0.0)])
    metrics.add(run_id, [("loss", 2, 0.25, 1.5)])
    metrics.add(run_id, [])
    first, second = metrics.curve(run_id, "loss")
    assert isnan(first[1])
    assert second == (2, 0.25, 1.5)
    assert metrics.names(run_id) == ["error", "loss"]
    assert metrics.curve(run_id, "nothing") == []


def test_what_is_missing_is_named(session: Session) -> None:
    for ask in (Runs(session).get, Models(session).get, Paths(session).get, Bounds(session).get):
        with pytest.raises(NotFoundError, match=r"There is no \w+ 99; `thalweg list \w+s` shows what there is\."):
            ask(99)


def test_a_number_too_large_is_one_sentence(catalogue: Catalogue) -> None:
    with pytest.raises(StoreError, match="too large"), catalogue.read() as session:
        Runs(session).get(10**20)


def test_marks_come_and_go(session: Session) -> None:
    run_id = enqueue(session)
    tags, notes = Tags(session), Notes(session)
    for _ in range(2):
        tags.add("runs", [run_id], "good")
    tags.add("run", [run_id], "a-b")
    assert tags.of("run", [run_id]) == {run_id: ["a-b", "good"]}
    tags.remove("run", [run_id], "good")
    with pytest.raises(StoreError, match="has no tag 'good'; it has a-b"):
        tags.remove("run", [run_id], "good")
    for bad in ("", "two words", "a,b", 'a"b'):
        with pytest.raises(StoreError, match="cannot be a tag"):
            tags.add("run", [run_id], bad)
    (note,) = notes.add("run", [run_id], "look at the end")
    assert [one.text for one in notes.of("run", run_id)] == ["look at the end"]
    notes.remove([note])
    with pytest.raises(NotFoundError):
        notes.remove([note])
    star(session, "run", [run_id], on=True)
    assert Runs(session).get(run_id).starred
    with pytest.raises(NotFoundError):
        tags.add("run", [99], "good")
    with pytest.raises(StoreError, match="choose one of run, model, path, bound"):
        tags.add("metric", [1], "good")


def test_ids_of_deleted_rows_are_not_given_again(session: Session) -> None:
    first = finished_run(session)
    delete(session, "runs", [first])
    assert enqueue(session) > first
