"""tag, note, delete, export, relaunch, cancel, and waiting that is interrupted."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from commanding import Run

from core.engine.client import Client
from store import Catalogue, Runs


def state(path: Path, run_id: int) -> str:
    with Catalogue.open(path) as catalogue, catalogue.read() as session:
        return Runs(session).get(run_id).state


def test_tags_are_given_found_and_taken_away(thalweg: Run, seeded: Path) -> None:
    assert thalweg("tag", "path", 1, "good", "figure-2").out == "path 1: figure-2, good\n"
    assert '"id": 1' in thalweg("list", "paths", "--where", "tag=good", "--json").out
    assert thalweg("tag", "path", 1, "good", "figure-2", "--remove").out == "path 1: no tags\n"


def test_several_tags_are_given_all_or_none(thalweg: Run, seeded: Path) -> None:
    assert thalweg("tag", "path", 1, "good", "not,good").status == 2
    assert thalweg("list", "paths", "--where", "tag=good").out == ""


def test_a_note_is_kept_and_shown(thalweg: Run, seeded: Path) -> None:
    assert thalweg("note", "run", 1, "too small a\x1b[31m rate").status == 0
    assert "too small a\\x1b[31m rate" in thalweg("show", "run", 1).out


def test_delete_takes_what_nothing_stands_on(thalweg: Run, seeded: Path) -> None:
    assert thalweg("delete", "paths", 1, 2, "--yes").out == "deleted paths 1 and 2\n"
    assert thalweg("list", "paths").out == ""


def test_export_writes_whole_files_only(thalweg: Run, seeded: Path, home: Path) -> None:
    target = home / "paths.csv"
    said = thalweg("export", "paths", "--where", "method=string", "--to", target)
    assert (said.out, said.err) == ("", f"1 paths written to {target}\n")
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert [row["level"] for row in rows] == ["0.02"]
    assert thalweg("export", "paths", "--where", "nothing", "--to", target).status == 2
    assert list(csv.DictReader(io.StringIO(target.read_text()))) == rows
    assert not list(home.glob(".*unfinished*"))


def test_export_to_standard_output_is_csv(thalweg: Run, seeded: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(thalweg("export", "profiles", "--sort", "path_id,t").out)))
    assert [row["t"] for row in rows[:3]] == ["0.0", "0.5", "1.0"]


def test_a_queued_run_is_cancelled_at_once(thalweg: Run, seeded: Path) -> None:
    assert thalweg("cancel", 5).out == "run 5: cancelled\n"
    assert state(seeded, 5) == "cancelled"


def test_cancelling_several_with_one_that_has_ended_cancels_none(thalweg: Run, seeded: Path) -> None:
    assert thalweg("cancel", 5, 1).status == 2
    assert state(seeded, 5) == "queued"


def test_a_dry_relaunch_writes_nothing(thalweg: Run, seeded: Path) -> None:
    before = thalweg("list", "runs", "--json").out
    said = thalweg("relaunch", 3, "-o", "below=5", "--dry-run")
    assert said.status == 0
    assert "below=5" in said.out
    assert thalweg("list", "runs", "--json").out == before


def test_interrupted_waiting_without_a_terminal_leaves_the_run_alone(
    thalweg: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Iterator[object]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Client, "follow", interrupted)
    said = thalweg("train", "fcn:8", "digits")
    assert (said.status, said.out) == (130, "")
    assert "thalweg log 1 --follow" in said.err
    assert state(home / "c.db", 1) == "queued"


@pytest.mark.parametrize(("answer", "ends"), [(True, "cancelled"), (False, "queued")])
def test_interrupted_waiting_in_a_terminal_asks(
    answer: bool, ends: str, thalweg: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow, calls = Client.follow, []

    def interrupted_once(self: Client, run_ids: list[int]) -> Iterator[object]:
        calls.append(run_ids)
        if len(calls) == 1:
            raise KeyboardInterrupt
        yield from follow(self, run_ids)

    monkeypatch.setattr(Client, "follow", interrupted_once)
    monkeypatch.setattr("tui.cli.location.in_terminal", lambda: True)
    monkeypatch.setattr("tui.cli.progress.in_terminal", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: answer)
    assert thalweg("train", "fcn:8", "digits").status == (1 if answer else 130)
    assert state(home / "c.db", 1) == ends


def test_detaching_prints_how_to_refer_to_what_the_run_will_make(thalweg: Run, home: Path) -> None:
    assert thalweg("train", "fcn:8", "digits", "--count", 2, "--detach").out == "run:1\n"
    assert thalweg("connect", "run:1", "run:1:1", "--method", "linear", "--detach").out == "run:2\n"
