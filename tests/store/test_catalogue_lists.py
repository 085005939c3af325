"""Lists, filters, order, details and CSV."""

import csv
import io
import re
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from store import (
    COLUMNS,
    Catalogue,
    FilterError,
    Metrics,
    Models,
    Notes,
    NotFoundError,
    Paths,
    Runs,
    StoreError,
    Tags,
    count_rows,
    list_rows,
    show_row,
    write_csv,
)
from store.base import table
from store.filters import as_sql, parse
from tests.store.filling import enqueue, finished_run, joined_models


@pytest.fixture
def runs(session: Session) -> Session:
    """Runs 1 to 5 with names, methods, seeds, seconds, tags and times of their own."""
    facts = [
        ("digits A", "string", 1, 0.5, "done", None),
        ("Digits B", "bezier", 2, 2.0, "failed", "could not connect: level 0.3"),
        (None, None, None, None, "queued", None),
        ("100%_sure", "string", 4, 1e-9, "failed", 'said "no", twice'),
        ("fcn:300-100,activation=relu", "neb", 5, float("inf"), "cancelled", None),
    ]
    for day, (name, method, seed, seconds, state, cause) in enumerate(facts, start=1):
        run_id = enqueue(session, name=name, method=method, seed=seed)
        values = {"seconds": seconds, "state": state, "cause": cause, "starred": day == 2}
        moment = datetime(2026, 11, day, 12, 30, tzinfo=UTC)
        session.execute(update(table("runs")).where(table("runs").c.id == run_id).values(**values, created_at=moment))
    for run_id, tag in ((1, "good"), (1, "old"), (2, "goods")):
        Tags(session).add("run", [run_id], tag)
    return session


def ids(session: Session, where: str | None = None, sort: str | None = None) -> list[object]:
    return [row["id"] for row in list_rows(session, "runs", where, sort)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("state=failed", [2, 4]),
        ("state=failed,queued", [2, 3, 4]),
        ("state!=failed,queued", [1, 5]),
        ("state=failed method=string", [4]),
        ("method!=string", [2, 3, 5]),
        ("method=null", [3]),
        ("method!=null", [1, 2, 4, 5]),
        ("method=null,neb", [3, 5]),
        ("method!=null,neb", [1, 2, 4]),
        ("name~digits", [1, 2]),
        ("name!~digits", [3, 4, 5]),
        ("name~%", [4]),
        ("name~_", [4]),
        ('name="digits A"', [1]),
        ('name="digits A","Digits B"', [1, 2]),
        ('name="fcn:300-100,activation=relu"', [5]),
        ('cause~"could not"', [2]),
        ('cause~"said \\"no\\", "', [4]),
        ("seconds<1", [1, 4]),
        ("seconds<=0.5", [1, 4]),
        ("seconds>1e300", [5]),
        ("seconds=inf", [5]),
        ("seed>=4", [4, 5]),
        ("seed=1,2", [1, 2]),
        ("starred=true", [2]),
        ("starred!=true", [1, 3, 4, 5]),
        ("tag=good", [1]),
        ("tags=good,goods", [1, 2]),
        ("tag!=good", [2, 3, 4, 5]),
        ("tag~good", [1, 2]),
        ("tag=null", [3, 4, 5]),
        ("tag!=null tag!=old", [2]),
        ("created_at>2026-11-03", [3, 4, 5]),
        ("created_at<2026-11-03", [1, 2]),
        ("created_at=2026-11-03", [3]),
        ("created_at=2026-11", [1, 2, 3, 4, 5]),
        ("created_at!=2026-11-03T12:30", [1, 2, 4, 5]),
        ("created_at>=2026-11-04T12:30:00Z", [4, 5]),
        ("attempts=0 id<3", [1, 2]),
        ("what~STRING", [1, 4]),
        ("what~digits what!~bezier", [1]),
        ("what=string", [1, 4]),
        ("when>2026-11-04", [4, 5]),
        ("done=null id=3", [3]),
        ("started at=null id<3", [1, 2]),
        ("id=" + ",".join(map(str, range(5, 5000))), [5]),
    ],
)
def test_a_filter_keeps_what_it_says(runs: Session, where: str, expected: list[int]) -> None:
    assert ids(runs, where) == expected
    assert count_rows(runs, "runs", where) == len(expected)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("stat=failed", "runs have no column 'stat'; did you mean state?"),
        ("zzzzzz=1", "`thalweg list runs --all-columns` shows all"),
        ("state=finding", "stale, cancelled, or outcome=finding of a run"),
        ("state=faild", "state cannot be 'faild'; write one of queued, running, done, failed, stale, cancelled"),
        ("seed=abc", "seed cannot be 'abc'; write a whole number"),
        ("created_at=2026-13", "created_at cannot be '2026-13'; write a UTC time"),
        ("created_at=2026-02-30", "created_at cannot be '2026-02-30'; write a UTC time"),
        ("created_at=0000", "created_at cannot be '0000'; write a UTC time"),
        ("seed=99999999999999999999", "a smaller number"),
        ("seconds<abc", "write a number"),
        ("seconds=nan", "a number, or null"),
        ("starred=maybe", "true or false"),
        ("starred<true", "has no order"),
        ("created_at>yesterday", "a UTC time"),
        ("seconds~1", "is not text"),
        ("seconds<null", "write seconds=null or seconds!=null"),
        ("seconds<1,2", "takes one value"),
        ("tag<good", "Tags have no order"),
        ("state = failed", "'state = failed' is not a condition"),
        ("state", "is not a condition"),
        ('cause="open', "is not a condition"),
        ("name=\ud800", "readable text"),
        ("tag=\ud800", "readable text"),
        ("id=1 " * 101, "at most 100 conditions"),
    ],
)
def test_a_wrong_filter_says_what_is_wrong(runs: Session, where: str, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        ids(runs, where)
    assert says in str(caught.value)


WORDS = st.sampled_from(
    ["state", "seconds", "tag", "created_at", "=", "!=", "<", "~", "!~", ",", '"', "null", " ", "1"]
)


@given(st.lists(WORDS | st.text(max_size=3)).map("".join))
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    with suppress(FilterError):
        as_sql(parse(text), "runs")


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_can_be_asked_for_in_quotes(session: Session, name: str) -> None:
    run_id = enqueue(session, name=name)
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert run_id in ids(session, f'name="{quoted}"')
    assert run_id in ids(session, f'name~"{quoted}"')


def test_an_unknown_column_is_answered_by_the_nearest_few(runs: Session) -> None:
    for name, near in (("stat", ["state"]), ("zzzzzz", [])):
        with pytest.raises(FilterError) as caught:
            ids(runs, f"{name}=1")
        asked = re.findall(r"did you mean (.*?)\?", str(caught.value))[0].split(" or ")
        assert asked == (near or asked)
        assert 1 <= len(asked) <= 3


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (None, [1, 2, 3, 4, 5]),
        ("-id", [5, 4, 3, 2, 1]),
        ("seconds", [4, 1, 2, 5, 3]),
        ("-seconds", [5, 2, 1, 4, 3]),
        ("method", [2, 5, 1, 4, 3]),
        ("method,-id", [2, 5, 4, 1, 3]),
        ("-starred, seed", [2, 1, 4, 5, 3]),
    ],
)
def test_rows_come_in_a_total_order_with_empty_cells_last(runs: Session, sort: str | None, expected: list[int]) -> None:
    assert ids(runs, None, sort) == expected


def test_a_wrong_order_or_kind_says_so(runs: Session) -> None:
    with pytest.raises(FilterError, match="did you mean seconds"):
        ids(runs, None, "-second")
    with pytest.raises(FilterError, match="is not a sort order"):
        ids(runs, None, "state,,id")
    with pytest.raises(StoreError, match="choose one of runs, models, paths, bounds, profiles, metrics"):
        list_rows(runs, "run")


def test_pages_follow_each_other(runs: Session) -> None:
    first, second = (list_rows(runs, "runs", None, "-id", 2, offset) for offset in (0, 2))
    assert [row["id"] for row in first + second] == [5, 4, 3, 2]


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_column_can_be_listed_filtered_and_sorted(session: Session, kind: str) -> None:
    joined_models(session)
    Metrics(session).add(1, [("loss", 1, 0.5, None)])
    for column in COLUMNS[kind]:
        assert column.help
        list_rows(session, kind, f"{column.name}=null", f"-{column.name}")
    rows = list_rows(session, kind)
    assert all(list(row) == [column.name for column in COLUMNS[kind]] for row in rows)


def test_rows_tell_the_state_of_their_run_and_their_tags(session: Session) -> None:
    a, _, path = joined_models(session)
    Tags(session).add("path", [path], "best")
    (row,) = list_rows(session, "paths", "state=done tag=best barrier<0.3")
    assert (row["id"], row["state"], row["tags"], row["model_a"]) == (path, "done", "best", a)
    assert list_rows(session, "runs")[0]["attempts"] == 1


def test_showing_a_row_shows_what_hangs_on_it(session: Session) -> None:
    a, b, path = joined_models(session)
    Notes(session).add("model", [a], "odd")
    Metrics(session).add(1, [("loss", 1, 0.5, None)])
    again = enqueue(session, relaunch_of=1, needs=(2,))
    run = show_row(session, "runs", 1)
    assert [model["id"] for model in run["models"]] == [a, b]  # type: ignore[attr-defined]
    assert (run["attempts"], len(run["attempt_list"])) == (1, 1)  # type: ignore[arg-type]
    assert (run["relaunches"], run["curves"], run["paths"]) == ([again], ["loss"], [])
    assert show_row(session, "run", 2)["needed_by"] == [again]
    model = show_row(session, "model", a)
    assert [one["id"] for one in model["paths"]] == [path]  # type: ignore[attr-defined]
    assert [note["text"] for note in model["notes"]] == ["odd"]  # type: ignore[attr-defined]
    shown = show_row(session, "path", path)
    assert (shown["segments"], len(shown["segment_list"])) == (1, 1)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        show_row(session, "path", 99)
    with pytest.raises(StoreError, match="cannot be shown"):
        show_row(session, "metrics", 1)


def as_csv(session: Session, kind: str, **options: object) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    count = write_csv(session, kind, stream, **options)  # type: ignore[arg-type]
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert len(rows) == count
    assert stream.getvalue().count("\r\n") >= count + 1
    return rows


def test_csv_says_what_the_list_says(runs: Session) -> None:
    def cell(value: object) -> str:
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    for where, sort in ((None, None), ("state=failed", "-seconds")):
        listed = [{name: cell(value) for name, value in row.items()} for row in list_rows(runs, "runs", where, sort)]
        assert as_csv(runs, "runs", where=where, sort=sort) == listed


def test_csv_numbers_are_exact(session: Session) -> None:
    values = {"train_loss": 0.1 + 0.2, "test_loss": float("-inf"), "train_error": -1e-300, "parameters": 2**60}
    Models(session).add(finished_run(session), values)
    (row,) = as_csv(session, "models")
    assert {name: float(row[name]) for name in values} == {name: float(value) for name, value in values.items()}
    assert (row["parameters"], row["test_error"], row["train_error"]) == (str(2**60), "", "-1e-300")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_runs_nothing_from_a_csv(session: Session, start: str) -> None:
    text = f"{start}cmd|'/c calc'!A1, \"x\"\nnext line"
    enqueue(session, name=text)
    assert as_csv(session, "runs")[0]["name"] == f"'{text}"
    assert as_csv(session, "runs", raw=True)[0]["name"] == text


def test_more_rows_than_a_batch_are_exported(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        run_id = enqueue(session)
        Metrics(session).add(run_id, [("loss", step, step / 7, None) for step in range(5000)])
    with catalogue.read() as session:
        rows = as_csv(session, "metrics")
    assert [float(row["value"]) for row in rows] == [step / 7 for step in range(5000)]


def test_profiles_are_listed_along_the_path(session: Session) -> None:
    a, b, _ = joined_models(session)
    points = [{"t": t, "segment": 0, "train_loss": t} for t in (0.5, 0.0, 1.0)]
    path = Paths(session).add(finished_run(session), {"model_a": a, "model_b": b}, [{"kind": "straight"}], points)
    assert [row["t"] for row in list_rows(session, "profiles", f"path_id={path}")] == [0.0, 0.5, 1.0]
    assert Runs(session).counts()["done"] == 3
