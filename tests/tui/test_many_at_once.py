"""Many rows at once: chosen by --where or --all, agreed to where something ends or goes; and marked on the screen."""

import json
from pathlib import Path

import click
import pytest
from commanding import Run, add
from piloting import Sitting, play
from sqlalchemy import insert

from core.specs.methods import METHODS
from core.specs.runs import Connect, ModelRef, Train
from store import Catalogue, Notes, Runs, Tags, list_rows
from store.base import now
from store.run_tables import RunRow
from tui.app.screens.browse.marking import tag
from tui.shared.marks import tag_rows

MANY = 10_000


@pytest.fixture
def crowded(seeded: Path) -> Path:
    """The catalogue with ten thousand more runs that wait."""
    waiting = {
        "kind": "train",
        "state": "queued",
        "spec": "{}",
        "resume": "scratch",
        "name": "many",
        "created_at": now(),
    }
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        session.execute(insert(RunRow), [waiting] * MANY)
    return seeded


def counts(path: Path) -> dict[str, int]:
    with Catalogue.open(path) as catalogue, catalogue.read() as session:
        return {state: count for state, count in Runs(session).counts().items() if count}


def test_all_that_is_queued_or_running_is_cancelled_and_what_has_ended_stays(thalweg: Run, crowded: Path) -> None:
    before = counts(crowded)
    said = thalweg("cancel", "--all", "--yes")
    assert (said.status, said.out) == (0, "10,001 runs: cancelled\n")
    after = counts(crowded)
    assert after == {**{state: before[state] for state in ("done", "failed")}, "cancelled": MANY + 1}
    said = thalweg("cancel", "--all", "--yes")
    assert (said.status, said.out, said.err) == (0, "", "Nothing was cancelled: no such run is queued or running.\n")


def test_a_filter_says_which_and_names_on_the_screen_stand_for_filters(thalweg: Run, crowded: Path) -> None:
    assert thalweg("cancel", "--where", "id<=5", "--yes").out == "run 5: cancelled\n"
    assert counts(crowded)["queued"] == MANY
    assert thalweg("delete", "runs", "--where", "state=cancelled", "--yes").out == "deleted run 5\n"
    assert thalweg("tag", "runs", "--where", "name=many", "good").out == "10,000 runs: with good\n"
    assert (
        thalweg("tag", "runs", "--where", "tag=good id<10", "good", "--remove").out
        == "runs 6, 7, 8 and 9: without good\n"
    )
    assert thalweg("note", "paths", "--all", "look again").out == "paths 1 and 2: 2 notes\n"
    with Catalogue.open(crowded) as catalogue, catalogue.read() as session:
        assert len(list_rows(session, "runs", "tag=good")) == MANY - 4
        assert [one.text for path in (1, 2) for one in Notes(session).of("path", path)] == ["look again"] * 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cancel", "Say which runs, in one way"),
        ("cancel 5 --all", "Say which runs, in one way"),
        ("cancel --all --where id=5 --yes", "in one way"),
        ("cancel --all", "there is no terminal to ask in; give --yes to cancel run 5"),
        ("cancel --where id=5", "give --yes to cancel run 5"),
        ("cancel --where colour=red --yes", "no column 'colour'"),
        ("cancel --where= --yes", "--where takes at least one condition, and there is none; --all means all runs"),
        ("cancel --where @nothing --yes", "nothing"),
        ("delete paths --all", "give --yes to delete paths 1 and 2"),
        ("delete runs --all --yes", "cannot be deleted"),
        ("delete runs", "Say which runs"),
        ("tag runs --all", "TAG"),
        ("tag run 1", "No tag was given"),
        ("tag runs --all not,good", "cannot be a tag"),
        ("tag runs --all good --remove", "None of these 5 runs has a tag 'good'"),
        ("note runs --all two texts", "A note is one text"),
        ("note run good", "must be an id, a whole number, not 'good'"),
    ],
)
def test_what_is_not_said_clearly_changes_nothing(line: str, words: str, thalweg: Run, seeded: Path) -> None:
    before = thalweg("list", "runs", "--json").out + thalweg("list", "paths", "--json").out
    said = thalweg(*line.split())
    assert said.status == 2
    assert words in said.err
    assert thalweg("list", "runs", "--json").out + thalweg("list", "paths", "--json").out == before


@pytest.mark.parametrize("yes", [True, False])
def test_in_a_terminal_it_is_asked_how_many(
    yes: bool, thalweg: Run, crowded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(question: str, **_: object) -> bool:
        asked.append(question)
        return yes

    monkeypatch.setattr("tui.cli.chosen_rows.in_terminal", lambda: True)
    monkeypatch.setattr(click, "confirm", answer)
    said = thalweg("cancel", "--all")
    assert asked == ["Cancel 10,001 runs? What they wrote until then is kept."]
    assert (said.status, said.err) == (0, "" if yes else "Nothing was done.\n")
    assert counts(crowded).get("queued", 0) == (0 if yes else MANY + 1)


def test_marked_rows_are_cancelled_tagged_starred_and_put_back_on_the_screen(crowded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("a")
        assert len(one.browser.table.chosen) == MANY
        await one.press("asterisk")
        await one.until(lambda: "starred 10,000 runs" in one.told)
        tag(one.browser, "good -bad")
        await one.until(lambda: "tagged 10,000 runs good -bad" in one.told)
        await one.press("u")
        await one.until(lambda: "undone: tagged" in one.told)
        await one.press("u")
        await one.until(lambda: "undone: starred" in one.told)
        await one.press("x", "y")
        await one.until(lambda: "Cancelling 10,000 runs" in one.told)

    play(crowded, use, where="name=many")
    assert counts(crowded)["cancelled"] == MANY
    with Catalogue.open(crowded) as catalogue, catalogue.read() as session:
        assert list_rows(session, "runs", "starred=true") == list_rows(session, "runs", "tag!=null") == []


def test_undoing_tags_gives_back_what_was_taken_and_nothing_else(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue:
        with catalogue.write() as session:
            Tags(session).add("run", [1, 2], "old")
            Tags(session).add("run", [2], "new")
        done = tag_rows(catalogue, "runs", [1, 2, 3], "new -old")
        with catalogue.read() as session:
            assert Tags(session).of("run", [1, 2, 3]) == {1: ["new"], 2: ["new"], 3: ["new"]}
        done.undo()
        with catalogue.read() as session:
            assert Tags(session).of("run", [1, 2, 3]) == {1: ["old"], 2: ["new", "old"], 3: []}


def test_of_failed_runs_those_are_repeated_that_can_be_and_the_others_are_named(thalweg: Run, home: Path) -> None:
    training = Train(network="fcn:8", data="digits")
    with Catalogue.open(home / "c.db") as catalogue:
        broken = add(catalogue, training, "failed", "killed")
        wrong = add(catalogue, training, "failed", "bad input")
        needs = Connect(a=ModelRef(run=wrong), b=ModelRef(run=wrong, position=1), method=METHODS["linear"]())
        add(catalogue, needs, "failed", "input failed")
        add(catalogue, Train(network="fcn:8", data="folder:/nowhere"), "failed", "exception")
        add(catalogue, training, "cancelled")
    said = thalweg("relaunch", "--failed", "--detach")
    assert (said.status, said.out) == (0, "run:6\n")
    assert f"run {broken} again" in said.err
    assert "Run 2 is left out: It failed because of bad input and is unchanged" in said.err
    assert "Run 3 is left out: Run 2 has failed" in said.err
    assert "Run 4 is left out: /nowhere" in said.err
    assert thalweg("relaunch", "--where", "state=cancelled", "--detach").out == "run:7\n"
    assert thalweg("relaunch", "--failed", "--where", "id<=2", "-o", "seed=7", "--detach").out == "run:8\n"
    assert thalweg("relaunch", wrong, "--detach").out == "run:9\n"
    none = thalweg("relaunch", "--failed", "--json")
    assert (none.status, none.out) == (2, "")
    assert "No run can be repeated this way. Run 3: " in none.err
    assert thalweg("relaunch", "--where", "state=running", "--json").out == "[]\n"


def test_what_was_done_to_each_row_is_told_as_json(thalweg: Run, seeded: Path) -> None:
    def told(*line: object) -> object:
        return json.loads(thalweg(*line, "--json").out)

    assert told("cancel", "--where", "state=done", "--yes") == []
    assert told("cancel", "--all", "--yes") == [{"kind": "runs", "id": 5, "state": "cancelled"}]
    assert told("tag", "paths", "--all", "good") == [{"kind": "paths", "id": one, "tags": ["good"]} for one in (1, 2)]
    assert told("tag", "path", 1, "good", "--remove") == [{"kind": "paths", "id": 1, "tags": []}]
    assert told("note", "run", 5, "x") == [{"kind": "runs", "id": 5, "note": 1}]
    assert told("note", "runs", "--where", "id<3", "y") == [
        {"kind": "runs", "id": 1, "note": 2},
        {"kind": "runs", "id": 2, "note": 3},
    ]
    assert told("delete", "runs", "--where", "state=cancelled", "--yes") == [{"kind": "runs", "id": 5, "deleted": True}]
    assert told("delete", "runs", "--where", "state=cancelled", "--yes") == []
