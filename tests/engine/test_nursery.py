"""Jobs that are forked from a process that has torch: when they are, and what is known of their ends."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.engine import tending
from core.engine.nursery import FORKS, Forked, Nursery, Starter
from core.specs.runs import Train
from store import Models
from tests.engine.conftest import TINY, Engine, long_training, opened

pytestmark = pytest.mark.skipif(not FORKS, reason="nothing is forked on this system")


@pytest.fixture
def own() -> Iterator[Nursery]:
    """A nursery that no other test knows."""
    made = opened()
    yield made
    made.close()


@pytest.fixture
def alone(engine: Engine, own: Nursery) -> Engine:
    """An engine whose nursery may be killed."""
    engine.starter = engine.agent.starter = Starter()
    engine.starter.nursery = own
    return engine


def test_the_second_job_calls_for_a_nursery_and_later_ones_come_from_it_bit_for_bit_alike(engine: Engine) -> None:
    starter = engine.starter = engine.agent.starter = Starter()
    for called in (False, True):
        engine.finish(engine.enqueue(Train(**TINY, epochs=3)))
        assert (starter.nursery is not None) is called
    assert starter.nursery is not None
    while not starter.nursery.ready:
        starter.nursery.hear()
        time.sleep(0.01)
    engine.finish(engine.enqueue(Train(**TINY, epochs=3)))
    with engine.catalogue.read() as session:
        assert len({Models(session).get(one).artifact for one in (1, 2, 3)}) == 1
    run_id = engine.enqueue(long_training())
    pid = engine.working(run_id)
    assert psutil.Process(pid).ppid() == starter.nursery.process.pid
    assert [one.pid for one in engine.agent.tending.children.values()] == [pid]
    engine.client.cancel(run_id)
    assert engine.finish(run_id)[0].state == "cancelled"
    starter.close()


def test_a_forked_worker_leads_its_session_works_in_its_folder_and_writes_into_its_log(engine: Engine) -> None:
    run_id = engine.enqueue(long_training())
    pid = engine.working(run_id)
    assert os.getsid(pid) == pid
    assert psutil.Process(pid).cwd() == str(engine.folder(run_id))
    log = str(engine.folder(run_id).parent / "log.txt")
    assert [str(Path(f"/proc/{pid}/fd/{number}").readlink()) for number in range(3)] == [os.devnull, log, log]
    os.kill(pid, signal.SIGSEGV)
    (run,) = engine.finish(run_id)
    assert "signal 11 (SIGSEGV)" in run.cause
    assert engine.attempt(run_id).exit_signal == 11
    assert "Segmentation fault" in (engine.folder(run_id).parent / "log.txt").read_text()


def test_a_nursery_that_is_killed_takes_no_job_with_it_and_the_next_one_starts_without(alone: Engine) -> None:
    run_id = alone.enqueue(long_training())
    pid = alone.working(run_id)
    nursery = alone.starter.nursery
    assert nursery is not None
    nursery.process.kill()
    alone.until(lambda: nursery.gone and not alone.agent.tending.children)
    assert alone.run(run_id).state == "running"
    alone.client.cancel(run_id)
    assert alone.finish(run_id)[0].state == "cancelled"
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert alone.finish(alone.enqueue(Train(**TINY, epochs=0)))[0].state == "done"
    assert alone.starter.nursery is None


def test_a_job_that_a_killed_nursery_never_began_is_tried_again(alone: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tending, "START_SECONDS", 0.2)
    nursery = alone.starter.nursery
    assert nursery is not None
    os.kill(nursery.process.pid, signal.SIGSTOP)
    run_id = alone.enqueue(Train(**TINY, epochs=0))
    alone.until(lambda: alone.agent.tending.children)
    (child,) = alone.agent.tending.children.values()
    assert isinstance(child, Forked)
    nursery.process.kill()
    assert alone.finish(run_id)[0].state == "done"
    assert alone.attempt(run_id).number == 2


def test_a_nursery_leaves_with_its_agent(own: Nursery) -> None:
    assert own.process.stdin is not None
    own.process.stdin.close()
    assert own.process.wait(timeout=10) == 0
