"""Workers and agents that are killed, stopped or cancelled, in every phase."""

import os
import signal
import time
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from core.engine.folders import take
from core.engine.ingest import ingest
from core.specs.runs import Train
from store import Catalogue, Models, Runs, StoreError
from tests.engine.conftest import TINY, Engine, long_training


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_killed_job_is_seen_at_once_and_a_relaunch_works(engine: Engine) -> None:
    run_id = engine.enqueue(long_training())
    pid = engine.working(run_id)
    os.kill(pid, signal.SIGKILL)
    (run,) = engine.finish(run_id, seconds=5)
    assert (run.state, run.cause_kind) == ("failed", "killed")
    assert "signal 9 (SIGKILL" in run.cause
    assert engine.attempt(run_id).exit_signal == 9
    (again,) = engine.client.relaunch(
        engine.client.plan_relaunch(engine.client.failed(), changes={"epochs": "1"}, resume="scratch")
    )
    assert engine.finish(again)[0].state == "done"


def test_how_a_job_died_is_told_when_the_catalogue_takes_words_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = engine.enqueue(long_training())
    os.kill(engine.working(run_id), signal.SIGKILL)

    def full(catalogue: Catalogue) -> NoReturn:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(Catalogue, "write", full)
        (child,) = engine.agent.supervision.children.values()
        child.wait()
        for _ in range(2):
            engine.agent.tick()
            assert [str(error) for error in engine.agent.troubles] == ["The disk is full."]
    assert "signal 9 (SIGKILL" in engine.finish(run_id, seconds=5)[0].cause


def test_a_job_outlives_its_agent_and_is_found_again(engine: Engine) -> None:
    run_id = engine.enqueue(Train(**TINY, epochs=300))
    pid = engine.working(run_id)
    engine.new_agent()
    engine.until(lambda: engine.run(run_id).state == "done")
    assert engine.attempt(run_id).pid == pid
    assert engine.attempt(run_id).number == 1


def test_a_job_that_died_with_its_agent_is_seen_within_five_seconds(engine: Engine) -> None:
    run_id = engine.enqueue(long_training())
    pid = engine.working(run_id)
    engine.new_agent()
    os.kill(pid, signal.SIGKILL)
    (run,) = engine.finish(run_id, seconds=5)
    assert (run.state, run.cause_kind) == ("failed", "killed")


def test_an_agent_that_died_between_claim_and_start_costs_an_attempt_not_the_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.supervision.START_SECONDS", 0.2)
    run_id = engine.claimed_and_dropped(Train(**TINY, epochs=1))
    (run,) = engine.finish(run_id)
    assert run.state == "done"
    assert engine.attempt(run_id).number == 2


def test_only_one_may_act_for_an_attempt(tmp_path: Path) -> None:
    assert take(tmp_path, None)
    assert not take(tmp_path, None)


def test_a_stopped_job_is_stale_and_comes_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.engine.supervision.STALE_SECONDS", 1.5)
    run_id = engine.enqueue(long_training())
    pid = engine.working(run_id)
    os.kill(pid, signal.SIGSTOP)
    engine.until(lambda: engine.run(run_id).state == "stale", 10)
    os.kill(pid, signal.SIGCONT)
    engine.until(lambda: engine.run(run_id).state == "running", 10)


def test_cancel_ends_a_running_job_and_leaves_no_process(engine: Engine) -> None:
    run_id = engine.enqueue(long_training())
    queued = engine.enqueue(Train(**TINY, epochs=1))
    pid = engine.working(run_id)
    assert engine.client.cancel([queued]) == {queued: "queued"}
    engine.client.cancel([run_id])
    (run,) = engine.finish(run_id, seconds=10)
    assert run.state == "cancelled"
    engine.until(lambda: gone(pid), 10)


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.engine.supervision.GRACE_SECONDS", 0.5)
    run_id = engine.enqueue(long_training())
    pid = engine.working(run_id)
    os.kill(pid, signal.SIGSTOP)  # a stopped process can't act on SIGTERM
    engine.client.cancel([run_id])
    (run,) = engine.finish(run_id, seconds=10)
    assert run.state == "cancelled"


@pytest.mark.parametrize("delay", [0.0, 0.4, 1.6, 2.2])
def test_killing_both_at_any_moment_leaves_nothing_half_written(engine: Engine, delay: float) -> None:
    run_id = engine.enqueue(Train(**TINY, epochs=5, count=3))
    engine.until(lambda: engine.agent.supervision.children)
    (child,) = engine.agent.supervision.children.values()
    time.sleep(delay)
    child.kill()
    child.wait()
    engine.new_agent()
    engine.until(lambda: engine.run(run_id).finished_at or engine.run(run_id).state == "running", 10)
    (run,) = engine.finish(run_id, seconds=60)
    with engine.catalogue.read() as session:
        models = Models(session).made_by(run_id)
    for model in models:
        engine.catalogue.artifacts.verified(model.artifact)
    if run.state == "failed":
        (again,) = engine.client.relaunch(engine.client.plan_relaunch(engine.client.failed(), changes={}))
        assert engine.finish(again)[0].state == "done"
    else:
        assert len(models) == 3


def test_the_journal_read_twice_changes_nothing(engine: Engine) -> None:
    run_id = engine.enqueue(Train(**TINY, epochs=2, count=2))
    engine.finish(run_id)
    with engine.catalogue.write() as session:
        Runs(session).beat(engine.attempt(run_id).id, offset=0, at=engine.attempt(run_id).started_at)
    assert ingest(engine.catalogue, engine.attempt(run_id), engine.folder(run_id))
    with engine.catalogue.read() as session:
        assert len(Models(session).made_by(run_id)) == 2
    assert engine.run(run_id).state == "done"
