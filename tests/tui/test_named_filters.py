"""Filters with names: given, used, taken away, on the screen and after --where."""

import json
from pathlib import Path

import pytest
from commanding import Run
from piloting import Sitting, play

from core.errors import UsageError
from tui.shared.named_filters import expand, file, filters_of, forget, keep


def test_a_name_stands_for_its_conditions_wherever_it_stands_alone() -> None:
    keep("runs", "bad", "state=failed,stale")
    keep("runs", "old", "kind=train")
    assert expand("runs", "@bad") == "state=failed,stale"
    assert expand("runs", "id>3 @bad @old") == "id>3 state=failed,stale kind=train"
    for text in ('cause~"sent to me @bad today"', "name=a@bad", "", "state=done"):
        assert expand("runs", text) == text


def test_names_belong_to_a_kind_and_can_be_taken_away() -> None:
    keep("runs", "bad", "state=failed")
    keep("paths", "bad", "barrier>1")
    assert (filters_of("runs"), filters_of("paths"), filters_of("models")) == (
        {"bad": "state=failed"},
        {"bad": "barrier>1"},
        {},
    )
    forget("runs", "bad")
    with pytest.raises(UsageError, match="no filter of runs is saved yet"):
        expand("runs", "@bad")
    assert expand("paths", "@bad") == "barrier>1"
    assert file().stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "two words", "a" * 41, "@x", "a/b"])
def test_what_can_be_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="can't have the name"):
        keep("runs", name, "state=failed")
    assert not file().exists()


@pytest.mark.parametrize("text", ["{", '{"runs": 3}', "[]"])
def test_a_file_that_cannot_be_read_is_named_and_kept(text: str, seeded: Path, thalweg: Run) -> None:
    file().parent.mkdir(parents=True)
    file().write_text(text)
    said = thalweg("list", "runs", "--where", "@bad")
    assert said.status == 2
    assert f"{file()} cannot be read" in said.err

    async def use(one: Sitting) -> None:
        await one.press("/")
        await one.type("state=done")
        await one.press("enter")
        await one.until(lambda: one.ids == [4, 2, 1])
        assert "cannot be read" in one.told

    play(seeded, use)
    assert file().read_text() == text


def test_names_are_given_and_used_on_the_screen_and_on_the_command_line(seeded: Path, thalweg: Run) -> None:
    async def use(one: Sitting) -> None:
        await one.press("/")
        await one.type("state=failed")
        await one.press("enter", ":")
        await one.type("save bad")
        await one.press("enter", "escape")
        await one.until(lambda: len(one.ids) == 5)
        await one.press("/")
        await one.type("@b")
        assert "Unknown filter of runs 'b'. Did you mean 'bad'?" in " ".join(one.shown.split())
        await one.type("ad kind=connect")
        await one.until(lambda: one.ids == [3])
        await one.press("enter")
        assert one.browser.session.view_of("runs").where == "state=failed kind=connect"
        assert "@bad stands for state=failed" in one.told
        await one.press("escape", "ctrl+p")
        await one.type("@bad")
        await one.until(lambda: "Filter @bad: state=failed" in one.shown)

    play(seeded, use, size=(160, 24))
    said = thalweg("list", "runs", "--where", "@bad", "--json")
    assert [row["id"] for row in json.loads(said.out)] == [3]
    exported = thalweg("export", "runs", "--where", "@bad", "--columns", "id")
    assert exported.out.split() == ["id", "3"]

    async def forgets(one: Sitting) -> None:
        await one.until(lambda: one.ids == [3])
        await one.press(":")
        await one.type("forget bad")
        await one.press("enter")

    play(seeded, forgets, where=expand("runs", "@bad"))
    assert filters_of("runs") == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("save", "Give the filter a name"),
        ("save bad", "All rows are shown"),
        ("save bad colour=red", "no column 'colour'"),
        ("save bad @worse", "There is no filter @worse"),
        ("forget bad", "Unknown filter of runs 'bad'"),
    ],
)
def test_what_cannot_be_named_is_refused_beside_it(line: str, why: str, seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press(":")
        await one.type(line)
        await one.press("enter")
        assert why in " ".join(one.shown.split())

    play(seeded, use, size=(120, 24))
