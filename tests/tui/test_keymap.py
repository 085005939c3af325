"""Keys that people choose for themselves."""

import re
from pathlib import Path

import pytest
from piloting import Sitting, play

from tui.app.keymap import load


@pytest.fixture(autouse=True)
def folder(home: Path) -> None:
    (home / "config" / "thalweg").mkdir(parents=True)


def test_chosen_keys_work_everywhere_and_the_usual_ones_no_longer(seeded: Path) -> None:
    file = seeded.parent / "config" / "thalweg" / "keys.toml"
    file.write_text('sort = "/"\nfilter = "s"\nquit = "Q"\n')

    async def use(one: Sitting) -> None:
        await one.press("s")
        await one.type("state=failed")
        await one.press("enter")
        await one.until(lambda: one.ids == [3])
        await one.pilot.click("Views", offset=(70, 0))  # the filter, as a link
        assert one.lines[-3].strip() == "/state=failed"
        await one.press("escape", "/")
        assert one.browser.session.view_of("runs").sort == "id"
        assert "Q Quit" in one.shown
        await one.press("q", "?")
        await one.type("quit")
        assert re.search(r"\^q Q\s+Quit", one.shown)

    play(seeded, use)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('filtre = "f"', "Did you mean 'filter'"),
        ("filter = 3", "needs keys as text"),
        ('filter = "ctrl+"', "is not a key"),
        ('filter = "nonsense"', "'nonsense' is not a key"),
        ('filter = ""', "is not a key"),
        ('filter = "j"', "something else has it"),
        ('filter = "ctrl+q"', "something else has it"),
        ('filter = "s"', "filter can't have the key s"),
        ('filter = "F"\nsort = "F"', "something else has it"),
        ('filter = "\\u001b"', "is not a key"),
        ('"\\u001b[31m" = "f"', "Unknown action"),
        ("filter = ", "cannot be read"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_and_the_usual_key_stays(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(text + '\nfaults = "ctrl+t"' * (why != "cannot be read"))
    chosen, refused = load(file)
    assert why in " ".join(refused)
    assert "filter" not in chosen
    assert why == "cannot be read" or chosen["faults"] == "ctrl+t"


def test_a_refused_key_is_told_when_the_screen_opens(seeded: Path) -> None:
    (seeded.parent / "config" / "thalweg" / "keys.toml").write_text('filter = "j"\n')

    async def use(one: Sitting) -> None:
        assert "filter can't have the key j" in one.told
        await one.press("/")
        assert one.lines[-3].startswith(" /") or one.lines[-3].startswith("/")

    play(seeded, use)


def test_a_key_that_is_given_twice_is_one_key(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text('filter = "F,F"')
    chosen, refused = load(tmp_path / "keys.toml")
    assert (chosen, refused) == ({"filter": "F"}, [])
