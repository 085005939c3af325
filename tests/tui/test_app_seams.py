"""Where the screen meets what it didn't foresee: errors in its threads, network files that changed."""

from pathlib import Path
from typing import Any

import pytest
from commanding import add
from piloting import Sitting, play

from core.specs.runs import Train
from store import Catalogue, Runs
from store.base import table

NET = """\
from torch import nn


def make(inputs, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
"""


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("tui.shared.details.read", "enter"),
        ("tui.app.screens.faults.faults", "f"),
        ("tui.app.jump_targets.jumps_on", "ctrl+o"),
        ("tui.app.screens.browse.browser.Browser.sort_by", "s"),
        ("tui.app.screens.browse.browser.Browser.named_filters", "slash"),
    ],
)
def test_an_error_that_nobody_foresaw_is_told_and_the_screen_stays(
    place: str, key: str, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("[red]no such thing")

    monkeypatch.setattr(place, fail)

    async def use(one: Sitting) -> None:
        await one.press(key)
        await one.until(lambda: "Unexpected error: ValueError: [red]no such thing" in one.told)
        await one.press("escape", "2")
        assert one.ids == [2, 1]

    play(seeded, use)
    kept = seeded.parent / "state" / "thalweg" / "error.txt"
    assert "in fail" in kept.read_text()
    kept.unlink()


@pytest.fixture
def changed(seeded: Path) -> Path:
    """A catalogue whose newest run asked for a network of a file that was another one then."""
    file = seeded.parent / "net.py"
    file.write_text(NET)
    with Catalogue.open(seeded) as catalogue:
        run_id = add(catalogue, Train(network=f"file:{file}:make,sha256={'0' * 64}", data="digits"), "queued")
        with catalogue.write() as session:
            Runs(session).request_cancel([run_id])
    return seeded


@pytest.mark.parametrize(("answer", "comes"), [("y", "1 of 1 would be enqueued"), ("n", "✗ The network file")])
def test_a_network_file_that_changed_is_asked_about_once_before_a_relaunch(
    answer: str, comes: str, changed: Path
) -> None:
    async def use(one: Sitting) -> None:
        await one.pilot.press("r")
        await one.until(lambda: "Go on (y)" in one.said)
        await one.pilot.press(answer)
        await one.until(lambda: comes in one.said)
        await one.pilot.press("escape", "r")
        await one.until(lambda: comes in one.said)

    play(changed, use)


def test_who_quits_owes_no_answer(changed: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.pilot.press("r")
        await one.until(lambda: "Go on (y)" in one.said)
        await one.pilot.press("ctrl+q")

    play(changed, use)


def test_paths_tell_the_names_of_their_models_where_there_is_room(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        session.execute(table("models").update().where(table("models").c.id == 2).values(name="the second"))

    async def look(one: Sitting) -> None:
        await one.press("3")
        assert "- to the second" in one.lines[2]
        await one.pilot.resize_terminal(60, 20)
        await one.settled()
        assert "2  1 to 2  linear" in one.lines[2]
        one.browser.filter_by('name_b~"second"')
        await one.settled()
        assert one.ids == [2, 1]

    play(seeded, look, size=(120, 40))
