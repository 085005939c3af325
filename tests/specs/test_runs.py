"""Stored specs: JSON there and back, and relaunches with changed options."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import plain, records, references_to, refusal

from core.engine.worker.jobs import JOBS
from core.errors import UsageError
from core.specs.kinds import KINDS, RunKind, changed, input_text, inputs_of, read_input, with_inputs
from core.specs.methods import Linear
from core.specs.runs import (
    Connect,
    ModelRef,
    OfModels,
    PathRef,
    Reference,
    RunSpec,
    Train,
    from_json,
    kind_of,
    to_json,
)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_json_reads_back_as_the_same_run(kind: str, data: st.DataObject) -> None:
    spec = data.draw(records(KINDS[kind].spec))
    again = from_json(to_json(spec))
    assert again == spec
    assert kind_of(again) == kind


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_changed_name_changes_nothing_else(kind: str, data: st.DataObject) -> None:
    spec: RunSpec = data.draw(records(KINDS[kind].spec))
    after = changed(spec, {"name": "other"})
    assert plain(after) == {**plain(spec), "name": "other"}


@given(records(Connect), st.integers(2, 500))
def test_a_run_s_own_options_leave_its_method_alone(spec: Connect, points: int) -> None:
    assert changed(spec, {"points": str(points)}) == msgspec.structs.replace(spec, points=points)


def test_method_options_are_changed_inside() -> None:
    spec = from_json(
        json.dumps(
            {"version": 1, "run": {"kind": "connect", "a": {"model": 1}, "b": {}, "method": {"method": "string"}}}
        )
    )
    assert isinstance(spec, Connect)
    after = changed(spec, {"depth": "3", "below": "0.5"})
    assert isinstance(after, Connect)
    assert (after.method.depth, after.below) == (3, 0.5)
    with pytest.raises(UsageError, match="option of string"):
        changed(spec, {"until_loss": "1"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_named_as_its_spec_and_every_field_has_one_part(kind: str) -> None:
    run = KINDS[kind]
    choice = {run.choice.field} if run.choice else set()
    assert run.spec.__struct_config__.tag == kind
    parts = [set(run.inputs), choice, set(run.own)]
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert set(run.spec.__struct_fields__) - set().union(*parts) <= {"network"}
    assert set(run.flags) | set(run.arguments) <= set(run.own)


def test_every_kind_has_a_job() -> None:
    assert set(JOBS) == {kind.spec for kind in KINDS.values()}


@given(st.text() | st.sampled_from(["[]", "{}", "1", '{"version": 2}', '{"version": 1}', '{"version": 1, "run": 3}']))
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        from_json(text)


@pytest.mark.parametrize("text", ["\ud800", "[" * 100_000])
def test_texts_that_no_json_reader_likes_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a stored spec"):
        from_json(text)


@pytest.mark.parametrize("ref", [ModelRef, PathRef])
@given(data=st.data())
def test_references_read_back(ref: type[Reference], data: st.DataObject) -> None:
    reference = data.draw(references_to(ref))
    assert ref.read(str(reference)) == reference


@pytest.mark.parametrize("ref", [ModelRef, PathRef])
@given(text=st.text())
def test_other_references_are_refused(ref: type[Reference], text: str) -> None:
    expected = f"not a {ref.noun} id"
    assert expected in (refusal(ref.read, text) or expected)


class Star(OfModels, frozen=True, kw_only=True, tag="star", tag_field="kind"):
    """A run that reads a path, a model and any number of models."""

    path: PathRef
    centre: ModelRef
    leaves: tuple[ModelRef, ...]
    name: str | None = None


@pytest.fixture
def star(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = {"path": "along what", "centre": "from where", "leaves": "to where"}
    monkeypatch.setitem(KINDS, "star", RunKind(Star, inputs=inputs, makes={"paths": 1}))  # type: ignore[arg-type]


@pytest.mark.usefixtures("star")
def test_a_run_may_read_models_and_paths_one_or_several() -> None:
    run = KINDS["star"]
    assert [(run.reads(name), run.several(name)) for name in run.inputs] == [
        (PathRef, False),
        (ModelRef, False),
        (ModelRef, True),
    ]
    texts = {"path": "4", "centre": "run:7:1", "leaves": "1 run:2 3"}
    values = {name: read_input("star", name, text) for name, text in texts.items()}
    assert {name: input_text(value) for name, value in values.items()} == texts
    spec: Any = Star(**values)  # type: ignore[arg-type]
    assert inputs_of(spec) == (
        PathRef(path=4),
        ModelRef(run=7, position=1),
        ModelRef(model=1),
        ModelRef(run=2),
        ModelRef(model=3),
    )
    doubled = with_inputs(spec, lambda ref: ref if ref.row_id is None else ref.to(2 * ref.row_id))
    assert doubled == Star(
        path=PathRef(path=8),
        centre=ModelRef(run=7, position=1),
        leaves=(ModelRef(model=2), ModelRef(run=2), ModelRef(model=6)),
    )
    with pytest.raises(UsageError, match="'x' is not a model id"):
        read_input("star", "leaves", "1 x")


def test_a_goal_has_two_names_and_a_new_one_replaces_the_old() -> None:
    old = from_json('{"version": 1, "run": {"kind": "train", "network": "fcn:3", "data": "digits", "until_loss": 0.5}}')
    assert isinstance(old, Train)
    assert (old.goal, old.on) == (0.5, "train-loss")
    new = changed(old, {"until": "0.1", "on": "test-error"})
    assert isinstance(new, Train)
    assert (new.goal, new.on, new.until_loss) == (0.1, "test-error", None)
    again = changed(new, {"until_loss": "0.2"})
    assert isinstance(again, Train)
    assert (again.goal, again.on, again.until) == (0.2, "train-loss", None)
    assert changed(new, {"until": "0", "epochs": "3"}).goal == 0, "an error may be zero"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "texts",
    [
        {"until_loss": "0"},
        {"until_loss": "-1"},
        {"until": "0"},
        {"until": "-0.1", "on": "test-error"},
        {"until": "1", "until_loss": "1"},
        {"on": "test-loss"},
        {"until_loss": "1", "on": "test-loss"},
        {"nesterov": "true"},
        {"required": "0"},
        {"required": "3", "until": "1", "count": "2"},
        {"required": "-1", "until": "1"},
    ],
)
def test_trains_that_make_no_sense_are_refused(texts: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="train: "):
        Train.read({"network": "fcn:3", "data": "digits", **texts}, "train")


def test_an_option_that_a_method_has_not_is_refused_with_those_that_every_path_has() -> None:
    line = Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=Linear())
    listed = "Available: below, bn, bn_samples, l1, name, pairs, passes, points, prove, prove_test, ridge, seed, slack."
    with pytest.raises(UsageError, match=f"Unknown option of linear 'stages'. .*{listed}"):
        changed(line, {"stages": "3"})
