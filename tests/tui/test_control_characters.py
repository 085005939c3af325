"""What a terminal would obey is never sent to it, whatever the catalogue, a session or a widget holds."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commanding import HOSTILE, add
from hypothesis import given
from hypothesis import strategies as st
from piloting import Sitting, play
from rich.cells import cell_len
from rich.segment import Segment
from showing import play as show
from showing import press, text
from sqlalchemy import String
from textual.color import Color
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from core.specs.runs import Train
from store import Catalogue, Metrics, Notes, Tags
from store.base import table
from tui.app.app import ThalwegApp
from tui.app.control_filter import ControlFilter
from tui.app.screens.beads import BeadsScreen
from tui.app.screens.compare import CompareScreen
from tui.app.screens.faults import FaultsScreen
from tui.app.screens.launch import LaunchScreen
from tui.app.screens.log import LogScreen
from tui.app.screens.plot import PlotScreen
from tui.app.screens.relaunch import RelaunchScreen
from tui.shared.charts.from_catalogue import chart_of
from tui.shared.charts.terminal import TerminalFormat, lines

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
BAD = f"{HOSTILE}\n\t\x9b31m\x1b]52;c;eA==\x07\u2028"
#: Texts that the catalogue depends on, or which are JSON.
STRUCTURE = {"state", "resume", "kind", "spec", "outcome", "environment", "artifact", "file", "priority"}
KINDS = ("runs", "models", "paths", "bounds")


@pytest.fixture
def infested(seeded: Path) -> Path:
    """Every text in which somebody may have written something holds what a terminal would obey."""
    with Catalogue.open(seeded) as catalogue:
        add(catalogue, Train(network="fcn:8", data="digits"), "failed", "exception")
        with catalogue.write() as session:
            Metrics(session).add(6, [(BAD, i, float(i), 0.1) for i in range(3)])
            for kind in KINDS:
                Notes(session).add(kind, [1], BAD)
                Tags(session).add(kind, [1], "\x1b[31mtag")
            for name in (*KINDS, "segments", "attempts"):
                columns = [one.name for one in table(name).columns if isinstance(one.type, String)]
                free = {one: BAD for one in columns if one not in STRUCTURE and not one.endswith(("_at", "_id"))}
                session.execute(table(name).update().values(**free))
    return seeded


def nothing_obeyed(shown: str) -> None:
    found = CONTROL.search(shown)
    assert found is None, ascii(shown[max(found.start() - 60, 0) : found.end() + 20])


@pytest.mark.parametrize("kind", KINDS)
def test_no_screen_sends_what_the_catalogue_holds_as_it_is(
    kind: str, infested: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThalwegApp, "get_line_filters", lambda _: [])  # the guard has the day off
    view = str(KINDS.index(kind) + 1)

    async def use(one: Sitting) -> None:
        await one.press(view)
        for key in ("enter", "o", "y", "C", "ctrl+p", "N", "e", "D"):
            await one.press(key)
            await one.pilot.pause(0.2)
            nothing_obeyed(one.shown)
            assert "\\x1b[31m" in one.shown or key != "enter"
            await one.press("escape", "escape")

    play(infested, use, size=(150, 50))


SCREENS: dict[str, Callable[[Any], Screen[Any]]] = {
    "plot paths": lambda client: PlotScreen(client, "paths", [1]),
    "plot runs": lambda client: PlotScreen(client, "runs", [6]),
    "plot bounds": lambda client: PlotScreen(client, "bounds", [1]),
    "compare runs": lambda client: CompareScreen(client, "runs", [1, 6]),
    "compare models": lambda client: CompareScreen(client, "models", [1, 2]),
    "compare paths": lambda client: CompareScreen(client, "paths", [1, 2]),
    "beads": lambda client: BeadsScreen(client, 1),
    "log": lambda client: LogScreen(client, 6),
    "faults": FaultsScreen,
    "relaunch": lambda client: RelaunchScreen(client, [6, 3]),
    "launch": lambda client: LaunchScreen(client, "train", {"network": BAD, "data": BAD, "name": BAD}),
}


@pytest.mark.parametrize("name", SCREENS)
def test_no_other_screen_does_either(name: str, infested: Path) -> None:
    async def look(pilot: Pilot[Any]) -> None:
        nothing_obeyed(text(pilot.app))
        await press(pilot, "down", "e" if name.startswith("plot") else "down")
        nothing_obeyed(text(pilot.app))

    show(infested, SCREENS[name], look, (150, 50))


def test_no_chart_on_the_command_line_does_either(infested: Path) -> None:
    with Catalogue.open(infested) as catalogue, catalogue.read() as session:
        chart = chart_of(catalogue, session, "runs", [6], None)
    nothing_obeyed("\n".join(line.plain for line in lines(chart, TerminalFormat(80, 24, colours=False, braille=True))))


def test_a_filter_of_an_earlier_sitting_is_shown_and_not_obeyed(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThalwegApp, "get_line_filters", lambda _: [])

    async def use(one: Sitting) -> None:
        one.browser.filter_by('name!="\x1b[31m\x07"')
        await one.until(lambda: "\\x1b[31m" in one.lines[0])
        nothing_obeyed(one.shown)

    play(seeded, use)


def test_what_a_widget_lets_through_is_left_out(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.screen.mount(Static(f"before {BAD} after", markup=False), before=0)
        await one.until(lambda: "before" in one.shown)
        assert "[red]x[/red] [31m" in one.shown
        nothing_obeyed(one.shown)

    play(seeded, use)


@given(st.text(st.characters(codec=None), max_size=30))
def test_what_is_left_out_takes_no_room(given_: str) -> None:
    (kept,) = ControlFilter().apply([Segment(given_)], Color(0, 0, 0))
    nothing_obeyed(kept.text.replace("\n", ""))
    assert cell_len(kept.text) == cell_len(given_)


def test_what_is_notified_is_a_text_whoever_says_it(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThalwegApp, "get_line_filters", lambda _: [])

    async def use(one: Sitting) -> None:
        one.browser.table.notify("[red]x[/red] \x1b[31m")
        await one.until(lambda: "[red]x[/red] \\x1b[31m" in one.shown)
        nothing_obeyed(one.shown)

    play(seeded, use)
