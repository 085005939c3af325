"""Jumping by letters, and keys that are typed ahead of what they are about."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piloting import Sitting, play
from textual.events import Key
from textual.keys import _character_to_key
from textual.widgets import Input

from store import Catalogue
from store.row_details import show_row
from tui.app.catalogue_reader import Order, Reader
from tui.app.jump_targets import LETTERS, labels
from tui.app.screens.jump import JumpScreen
from tui.app.screens.launch import LaunchScreen
from tui.app.widgets.details_pane import DetailsPane
from tui.app.widgets.prompt import Prompt


@given(st.integers(0, len(LETTERS) ** 2))
def test_no_label_is_the_beginning_of_another(count: int) -> None:
    made = labels(count)
    assert len(set(made)) == len(made) == count
    pairs = [one for one in made if len(one) == 2]
    assert not {one[0] for one in pairs} & {one for one in made if len(one) == 1}


def label_at(one: Sitting, x: int, y: int) -> str:
    """The label that stands at a place."""
    signs = one.app.screen.query("JumpScreen > Static")
    return next(str(sign.name) for sign in signs if sign.region.offset == (x, y))


def test_letters_lead_to_tabs_rows_headings_and_the_pane(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("ctrl+o", *(await _label(one, "3 Paths")))
        await one.until(lambda: one.browser.kind == "paths")
        await one.press("d", "ctrl+o", *(await _label(one, "method")))
        assert one.browser.table.columns[one.browser.table.column].name == "method"
        await one.press("ctrl+o")
        await one.press(*label_at(one, 0, 3))
        assert one.browser.table.row_id == one.ids[1]
        await one.press("ctrl+o")
        pane = one.screen.query_one(DetailsPane)
        await one.press(*label_at(one, *pane.region.offset))
        assert pane.has_focus

    play(seeded, use, size=(120, 24))


async def _label(one: Sitting, text: str) -> str:
    """The label over a text: the screen is asked for its labels and left again."""
    (y,) = [y for y, line in enumerate(one.lines[:2]) if text in line]
    x = one.lines[y].index(text) - (y == 0)
    await one.press("ctrl+o")
    found = label_at(one, x, y)
    await one.press("escape")
    return found


def test_letters_lead_to_the_fields_of_a_form_while_one_is_typed_in(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("n", "t")
        await one.until(lambda: isinstance(one.app.focused, Input))
        fields = list(one.app.screen.query(Input))
        await one.press("ctrl+o")
        await one.press(*label_at(one, *fields[3].region.offset))
        assert one.app.focused is fields[3]

    play(seeded, use)


def below_the_machine(shown: str) -> str:
    """What is shown, but for the machine's load and memory, which don't wait for a test."""
    return "\n".join(line for line in shown.splitlines() if " memory " not in line)


@pytest.mark.parametrize("way", ["escape", "1", "click"])
def test_a_jump_is_left_and_leads_nowhere(way: str, seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        before = below_the_machine(one.shown)
        await one.press("ctrl+o")
        assert isinstance(one.app.screen, JumpScreen)
        if way == "click":
            await one.pilot.click(offset=(70, 12))
        else:
            await one.press(way)
        assert one.app.screen is one.screen
        assert below_the_machine(one.shown) == before

    play(seeded, use)


def test_a_label_can_be_clicked(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("ctrl+o")
        await one.pilot.click(offset=(0, 4))
        await one.settled()
        assert one.browser.table.row_id == one.ids[2]

    play(seeded, use)


@pytest.mark.parametrize("text", ["/state=failed", "/id>3", ":sort id"])
def test_what_comes_in_one_burst_is_typed_and_runs_nothing(text: str, seeded: Path) -> None:
    """As a paste does, or a slow connection: no letter of it is a key of the table."""

    async def use(one: Sitting) -> None:
        burst(one, f"{text}\n")
        view = one.browser.session.view_of("runs")
        await one.until(lambda: (view.where or f"sort {view.sort}") == text[1:])
        await one.until(lambda: not one.screen.query_one(Prompt).open)
        assert (one.browser.kind, one.app.screen, one.browser.table.marked) == ("runs", one.screen, set())

    play(seeded, use)


def burst(one: Sitting, text: str) -> None:
    """All keys at once, as a slow connection brings them; a line's end is Enter."""
    for letter in text:
        key = "enter" if letter == "\n" else _character_to_key(letter)
        one.app.post_message(Key(key, "\r" if letter == "\n" else letter))


@pytest.mark.parametrize(("key", "left"), [("t", "'tags': 'done,quick'"), ("N", "'done quick'")])
def test_keys_behind_one_that_opens_a_question_answer_it(key: str, left: str, seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        burst(one, f"{key}done quick\nj")
        await one.until(lambda: "u undoes it" in one.told)
        assert one.app.screen is one.screen
        with Catalogue.open(seeded) as catalogue, catalogue.read() as session:
            assert left in str(show_row(session, "runs", 5))

    play(seeded, use)


def test_keys_behind_a_choice_choose_and_fill_in_what_opens_next(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        before = one.browser.session.pane
        burst(one, "ntmlp-16")
        await one.until(lambda: isinstance(one.app.screen, LaunchScreen) and one.app.screen.query("#further"))
        await one.until(lambda: "mlp-16" in one.app.screen.texts.values())  # type: ignore[attr-defined]
        assert one.browser.session.pane == before
        await one.press("escape", "y")  # what was typed is lost
        burst(one, "xny")  # asked whether to cancel, answered with no; y is the table's again
        await one.until(lambda: "Copy what?" in one.shown)
        assert "queued" in one.shown

    play(seeded, use)


def test_keys_typed_ahead_are_about_the_rows_that_were_asked_for(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As fast as a script types, on a catalogue that answers slowly."""
    first = Reader.first

    def slow(reader: Reader, asked: Any) -> Order:
        time.sleep(0.1)
        return first(reader, asked)

    monkeypatch.setattr(Reader, "first", slow)

    async def use(one: Sitting) -> None:
        for key in ("3", "s", "space", "1", "j", "space", "s", "G", "space"):
            one.app.simulate_key(key)
        await one.until(lambda: len(one.browser.table.marked) == 2)
        assert one.browser.kind == "runs"
        assert one.browser.table.marked == {4, 5}
        assert one.browser.session.view_of("paths").sort == "id"

    play(seeded, use)
