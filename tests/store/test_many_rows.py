"""What is done to many rows at once: in one transaction, in as many statements for 10,000 as for two."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, insert, update
from sqlalchemy.orm import Session

from store import Catalogue, Notes, Runs, StoreError, Tags, delete, list_rows, star, starred_ids
from store.base import now
from store.run_tables import RunRow
from tests.store.filling import enqueue, finished_run

MANY = 10_000
SECONDS = 2.0  # on one core


def queue(session: Session, count: int) -> list[int]:
    """Queued runs; their ids."""
    row = {"kind": "train", "state": "queued", "spec": "{}", "resume": "scratch", "created_at": now()}
    return list(session.scalars(insert(RunRow).returning(RunRow.id), [row] * count))


@contextmanager
def few_statements(session: Session, most: int = 12) -> Iterator[None]:
    """What is done in the block is done in at most so many statements and seconds."""
    said: list[str] = []
    connection = session.connection()
    begun = time.process_time()

    def hear(*given: object) -> None:
        said.append(str(given[2]))

    event.listen(connection, "before_cursor_execute", hear)
    yield
    event.remove(connection, "before_cursor_execute", hear)
    assert time.process_time() - begun < SECONDS
    assert len(said) <= most, said


def test_ten_thousand_queued_runs_are_cancelled_in_under_two_seconds(session: Session) -> None:
    runs = Runs(session)
    ids = queue(session, MANY)
    with few_statements(session, 4):
        before = runs.request_cancel(ids)
    assert before == dict.fromkeys(ids, "queued")
    assert runs.counts()["cancelled"] == MANY
    with few_statements(session):
        delete(session, "runs", ids)
    assert sum(runs.counts().values()) == 0


def test_ten_thousand_rows_are_marked_and_unmarked_as_fast(session: Session) -> None:
    ids = queue(session, MANY)
    tags, notes = Tags(session), Notes(session)
    with few_statements(session, 30):  # notes are inserted by some hundreds, since each says its number
        tags.add("run", ids, "good")
        tags.add("run", ids[1:], "better")
        tags.remove("run", ids[2:], "good")
        star(session, "run", ids[:5], on=True)
        written = notes.add("run", ids, "all of them")
    assert len(list_rows(session, "runs", "tag=good")) == 2
    assert tags.of("run", ids[1:3]) == {ids[1]: ["better", "good"], ids[2]: ["better"]}
    assert starred_ids(session, "run", ids) == set(ids[:5])
    assert [one.id for one in notes.of("run", ids[7])] == [written[7]]
    with few_statements(session):
        notes.remove(written)
    assert notes.of("run", ids[7]) == []


def test_a_tag_is_taken_from_those_that_have_it_and_somebody_must(session: Session) -> None:
    ids = queue(session, 3)
    Tags(session).add("run", ids[:1], "good")
    Tags(session).remove("run", ids, "good")
    with pytest.raises(StoreError, match="None of these 3 runs has a tag 'good'"):
        Tags(session).remove("run", ids, "good")


def test_one_that_cannot_be_deleted_keeps_all(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        ended = [finished_run(session) for _ in range(3)]
        waits = enqueue(session)
    with (
        pytest.raises(StoreError, match=f"The run {waits} cannot be deleted: it is queued"),
        catalogue.write() as session,
    ):
        delete(session, "runs", [*ended, waits])
    with catalogue.read() as session:
        assert len(list_rows(session, "runs")) == 4


def test_of_many_runs_those_at_work_are_asked_and_those_that_have_ended_stay(session: Session) -> None:
    runs = Runs(session)
    ended = finished_run(session)
    working = enqueue(session)
    session.execute(update(RunRow).where(RunRow.id == working).values(state="running"))
    queued = queue(session, 2)
    assert list(runs.request_cancel([*queued, ended, working]).values()) == ["done", "running", "queued", "queued"]
    assert [runs.get(one).state for one in (ended, working, *queued)] == ["done", "running", "cancelled", "cancelled"]
    assert [run.id for run in runs.several([working, ended]) if run.cancel_requested_at] == [working]
