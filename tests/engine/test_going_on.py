"""A plan that was begun goes on: what is done counts, what is at work is waited for, what failed is begun again."""

import os
import signal

import msgspec
from sqlalchemy import text

from core.specs.bounds import Rank
from core.specs.methods import Linear
from core.specs.runs import Bound, Connect, ModelRef, Train
from core.studies.plan import Planned
from store import Runs
from tests.engine.conftest import TINY, Engine

A, B = ModelRef(run=0), ModelRef(run=0, position=1)


def plan(**training: object) -> list[Planned]:
    return [
        Planned(Train(**{**TINY, "count": 2, "epochs": 2, **training})),
        Planned(Bound(model=B, bound=Rank(samples=50))),
    ]


def go_on(engine: Engine, planned: list[Planned]) -> list[int]:
    return engine.client.enqueue_plan(planned, study="test", go_on=True)


def begun(engine: Engine, planned: list[Planned]) -> list[int | None]:
    return [None if run is None else run.id for run in engine.client.runs_begun(planned)]


def test_runs_that_are_done_count_whatever_study_left_them(engine: Engine) -> None:
    first = engine.client.enqueue_plan(plan(), study="one")
    engine.finish(*first)
    assert engine.client.enqueue_plan(plan(), study="another", go_on=True) == first
    longer = [*plan(), Planned(Bound(model=A, bound=Rank(samples=50)))]
    *old, new = go_on(engine, longer)
    assert old == first
    assert [run.state for run in engine.finish(new)] == ["done"]


def test_queued_runs_are_taken_and_a_fresh_plan_takes_none(engine: Engine) -> None:
    first = go_on(engine, plan())
    assert go_on(engine, plan()) == first
    second = engine.client.enqueue_plan(plan(), study="test")
    assert not set(first) & set(second)
    assert go_on(engine, plan()) == second, "the newest counts"


def test_runs_of_no_study_and_of_other_settings_do_not_count(engine: Engine) -> None:
    alone = engine.enqueue(plan()[0].spec)
    assert begun(engine, plan()) == [None] * 2
    go_on(engine, plan(epochs=3))
    assert begun(engine, plan()) == [None] * 2
    assert alone not in go_on(engine, plan())


def test_a_killed_training_is_begun_again_and_what_needed_it_follows(engine: Engine) -> None:
    first = go_on(engine, plan(epochs=1_000_000))
    os.kill(engine.working(first[0]), signal.SIGKILL)
    assert [run.state for run in engine.finish(*first)] == ["failed"] * 2
    second = go_on(engine, plan(epochs=1_000_000))
    assert [engine.run(one).relaunch_of for one in second] == first
    with engine.catalogue.read() as session:
        assert Runs(session).needs(second[1]) == [second[0]]
    assert go_on(engine, plan(epochs=1_000_000)) == second


def test_a_training_that_a_fault_ended_goes_on_from_its_checkpoint_where_it_left_one(engine: Engine) -> None:
    first = go_on(engine, plan(until_loss=1e-9))
    engine.finish(*first)
    with engine.catalogue.write() as session:  # as if it had been killed just before its end
        session.execute(
            text("UPDATE runs SET cause_kind = 'killed', outcome = 'fault' WHERE id = :id"), {"id": first[0]}
        )
    second = go_on(engine, plan(until_loss=1e-9))
    assert [engine.run(one).resume for one in second] == ["checkpoint", "scratch"]


def test_a_cancelled_run_is_begun_again_and_its_inputs_stay(engine: Engine) -> None:
    first = go_on(engine, plan())
    engine.client.cancel([first[1]])
    second = go_on(engine, plan())
    assert second[0] == first[0]
    assert engine.run(second[1]).relaunch_of == first[1]


def test_findings_are_not_repeated_and_what_has_no_answer_is(engine: Engine) -> None:
    planned = [plan()[0], Planned(Connect(a=A, b=B, method=Linear(), below=1e-6))]
    first = go_on(engine, planned)
    assert engine.finish(*first)[1].cause_kind == "could not connect"
    assert go_on(engine, planned) == first
    unreached = go_on(engine, plan(until_loss=1e-9))
    assert [run.cause_kind for run in engine.finish(*unreached)] == ["loss not reached", "input failed"]
    again = go_on(engine, plan(until_loss=1e-9))
    assert (again[0], engine.run(again[1]).relaunch_of) == tuple(unreached)


def test_runs_whose_models_are_named_by_id_are_found_too(engine: Engine) -> None:
    first = go_on(engine, plan())
    engine.finish(*first)
    spec = plan()[1].spec
    assert isinstance(spec, Bound)
    settled = msgspec.structs.replace(spec, model=ModelRef(model=2))
    by_id = engine.client.enqueue_plan([Planned(settled)], study="test")
    assert begun(engine, plan()) == [first[0], *by_id]


def test_several_runs_come_in_the_order_asked_for(engine: Engine) -> None:
    first = go_on(engine, plan())
    with engine.catalogue.read() as session:
        runs = Runs(session).several([first[1], first[0]])
    assert [run.id for run in runs] == [first[1], first[0]]
