"""Questions and sentences break between words, and paths behind their slashes."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from showing import play, press, text
from textual.pilot import Pilot

from tui.app.screens.questions import AskText, Confirm, Pick
from tui.shared.formatting import wrapped

FOLDER = "/tmp/" + "a-folder-of-a-long-name" * 5 + "/under/it"


@given(st.text("ab日/ \n", max_size=60), st.integers(0, 30))
def test_lines_fit_and_hold_everything_but_blanks(given_: str, width: int) -> None:
    lines = wrapped(given_, width)
    assert all(cell_len(line) <= max(width, 2) for line in lines)
    assert "".join("".join(lines).split()) == "".join(given_.split())


@given(st.lists(st.text("ab日/", min_size=1, max_size=12), max_size=12), st.integers(4, 30))
def test_no_word_is_broken_that_fits_and_no_path_but_behind_a_slash(words: list[str], width: int) -> None:
    lines, text = wrapped(" ".join(words), width), " ".join(words)
    place = 0
    for line in lines[:-1]:
        place = text.index(line, place) + len(line)
        too_long = any(cell_len(part) + 1 > width for word in words for part in word.split("/"))
        assert text[place] == " " or text[place - 1] == "/" or too_long


@pytest.mark.parametrize("width", [40, 80, 130])
@pytest.mark.parametrize("make", [lambda said: Confirm(said, "Go on"), AskText, lambda s: Pick(s, [])])
def test_a_question_on_the_screen_ends_its_lines_there(make: Any, width: int, home: Path) -> None:
    question = f"The network file {FOLDER}/net.py has changed since then. Continue with it as it is now?"

    async def look(pilot: Pilot[Any]) -> None:
        inner = [line.split("│")[1].strip() for line in text(pilot.app).splitlines() if line.count("│") == 2]
        said = " ".join(line for line in inner if line)
        assert said.replace("/ ", "/").startswith(question) or cell_len(FOLDER.split("/")[2]) > width * 0.9 - 6
        assert "has changed since then." in said
        await press(pilot, "escape")

    assert play(home / "c.db", lambda _: make(question), look, (width, 30)).answers == [None]
