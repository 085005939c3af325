"""What is done from the screen: marks for later, cancelling, copying, exporting, other screens, help, commands."""

import base64
import csv
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commanding import Run, end_agent, fill
from piloting import Sitting, play
from textual.screen import Screen

from core.engine.client import Client
from core.specs.runs import Train
from store import Catalogue, Models, Runs, show_row
from tui.app.actions import APP_ACTIONS
from tui.app.app import ThalwegApp
from tui.app.clipboard import LONGEST, sequence
from tui.app.screens.beads import BeadsScreen
from tui.app.screens.browse.actions import ACTIONS
from tui.app.screens.browse.copy_text import listing_command
from tui.app.screens.browse.screen import BrowseScreen
from tui.app.screens.compare import CompareScreen
from tui.app.screens.faults import FaultsScreen
from tui.app.screens.help import HelpScreen
from tui.app.screens.launch import LaunchScreen
from tui.app.screens.log import LogScreen
from tui.app.screens.plot import PlotScreen
from tui.app.screens.relaunch import RelaunchScreen
from tui.app.widgets.curve_plot import CurvePlot
from tui.app.widgets.log_view import LogView
from tui.app.widgets.row_table import RowTable


@pytest.fixture(autouse=True)
def no_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


def row_of(path: Path, kind: str, row_id: int) -> dict[str, Any]:
    with Catalogue.open(path) as catalogue, catalogue.read() as session:
        return show_row(session, kind, row_id)


def test_stars_tags_and_notes_are_given_to_all_that_are_marked_and_taken_back(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("space", "space", "*")
        await one.until(lambda: "★" in one.lines[2] and "★" in one.lines[3])
        assert "★" not in one.lines[4]
        await one.press("t")
        await one.type("good figure-2")
        await one.press("enter")
        await one.until(lambda: "good" in str(row_of(seeded, "runs", 4)["tags"]))
        await one.press("N")
        await one.type("look again")
        await one.press("enter")
        await one.until(lambda: [note["text"] for note in row_of(seeded, "runs", 5)["notes"]] == ["look again"])
        await one.press("u", "u")
        await one.until(lambda: row_of(seeded, "runs", 4)["tags"] is None)
        assert row_of(seeded, "runs", 5)["notes"] == []
        await one.press("u")
        await one.until(lambda: not row_of(seeded, "runs", 5)["starred"])

    play(seeded, use)


def test_a_tag_that_is_none_is_told_and_nothing_written(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("t")
        await one.type("a,b")
        await one.press("enter")
        await one.until(lambda: "cannot be a tag" in one.told)
        assert not one.browser.view.undoable
        await one.press("t")
        await one.type("a,b")
        await one.press("enter")
        await one.until(lambda: one.told.count("cannot be a tag") == 2)  # whoever tries again is told again

    play(seeded, use)


def test_cancelling_asks_first_and_no_is_the_answer_of_a_bare_enter(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("x")
        assert "Cancel run 5?" in one.shown
        await one.press("enter")
        assert row_of(seeded, "runs", 5)["state"] == "queued"
        await one.press("x", "y")
        await one.until(lambda: row_of(seeded, "runs", 5)["state"] == "cancelled")
        await one.until(lambda: "- cancelled" in one.shown)

    play(seeded, use)


def test_deleting_asks_and_what_others_stand_on_is_refused(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("4", "D", "n")
        assert one.ids == [1]
        await one.press("D", "y")
        await one.until(lambda: not one.ids)
        await one.press("2", "G", "D", "y")
        await one.until(lambda: "path" in one.told)
        assert one.ids == [2, 1]

    play(seeded, use)


IMPOSSIBLE = [
    ("x", "Only queued and running", ("j",)),
    ("x", "Only runs", ("2",)),
    ("c", "Mark 2 to 12", ()),
    ("u", "nothing to undo", ()),
    ("backspace", "nowhere to go back", ()),
]


@pytest.mark.parametrize(("key", "why", "before"), IMPOSSIBLE, ids=str)
def test_a_key_that_cannot_be_used_now_says_why(key: str, why: str, before: tuple[str, ...], seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press(*before)
        assert not one.screen.active_bindings[key].enabled
        await one.press(key)
        assert why in one.told

    play(seeded, use)


def test_an_empty_catalogue_says_what_to_do_and_refuses_what_needs_a_row(home: Path) -> None:
    async def use(one: Sitting) -> None:
        assert "quickstart" in one.shown
        for key in ("*", "t", "enter", "p", "L", "o", "y", "D", "j", "space", "v", "a", "G", "s"):
            await one.press(key)
        assert "No row is selected." in one.told

    play(home / "c.db", use)


def copied(one: Sitting, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    assert one.app._driver is not None
    monkeypatch.setattr(one.app._driver, "write", sent.append)
    return sent


@pytest.mark.parametrize(("key", "text"), [("i", "5"), ("c", "5"), ("m", "list runs --sort -id"), ("r", "· queued\t")])
def test_what_is_copied_goes_to_the_terminal_and_to_a_file(
    key: str, text: str, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(one: Sitting) -> None:
        sent = copied(one, monkeypatch)
        await one.press("y", key)
        await one.until(lambda: any("]52;c;" in piece for piece in sent))
        (found,) = [match[1] for piece in sent if (match := re.search(r"\]52;c;([^\a]*)\a", piece))]
        assert text in base64.b64decode(found).decode()
        file = Path(re.search(r"\S+copied.txt", one.told)[0])  # type: ignore[index]
        assert text in file.read_text()

    play(seeded, use)


def test_the_command_of_a_form_is_copied_like_everything_else(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(one: Sitting) -> None:
        sent = copied(one, monkeypatch)
        await one.press("n", "t", "ctrl+y")
        assert any("]52;c;" in piece for piece in sent)
        file = Path(re.search(r"\S+copied.txt", one.told)[0])  # type: ignore[index]
        assert " train" in file.read_text()

    play(seeded, use)


def test_every_command_that_is_copied_calls_a_program_that_is_not_on_the_path_by_its_file(
    seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THALWEG_CATALOGUE", str(seeded.with_name("usual.db")))
    monkeypatch.setenv("PATH", str(seeded.parent))
    monkeypatch.setattr("sys.argv", ["my env/bin/thalweg"])
    begun = f"'my env/bin/thalweg' --catalogue {shlex.quote(str(seeded))} "
    commands: list[str] = []

    async def use(one: Sitting) -> None:
        commands.append(listing_command(one.browser))
        await one.press("n", "t")
        form = one.app.screen
        assert isinstance(form, LaunchScreen)
        commands.append(form.command(form.texts))

    play(seeded, use)
    assert [one.removeprefix(begun).split()[0] for one in commands] == ["list", "train"], commands


def test_in_tmux_the_sequence_is_handed_through(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sequence("a", {}) == "\x1b]52;c;YQ==\a"
    assert sequence("a", {"TMUX": "x"}) == "\x1b]52;c;YQ==\a\x1bPtmux;\x1b\x1b]52;c;YQ==\a\x1b\\"
    assert sequence("a" * (LONGEST + 1), {}) is None


def test_the_command_that_is_copied_lists_what_the_table_shows(seeded: Path, thalweg: Run) -> None:
    commands: list[str] = []

    async def use(one: Sitting) -> None:
        one.browser.filter_by('cause~"could not"')
        one.browser.sort_by("seconds")
        one.browser.change_columns(["id", "cause or message"])
        await one.settled()
        commands.append(listing_command(one.browser))

    play(seeded, use)
    _, *words = shlex.split(commands[0])
    said = thalweg(*words)
    assert said.status == 0, said.err
    assert said.out.split()[:4] == ["id", "cause", "message", "3"]


@pytest.mark.parametrize("name", ["t.csv", "t.json"])
def test_the_table_is_exported_as_shown_and_as_the_command_line_does_it(name: str, seeded: Path, thalweg: Run) -> None:
    async def use(one: Sitting) -> None:
        one.browser.filter_by("state=done")
        one.browser.sort_by("-seconds")
        one.browser.change_columns(["id", "what", "seconds"])
        await one.settled()
        await one.press(":")
        await one.type(f"export {seeded.parent / name}")
        await one.press("enter")
        await one.until(lambda: f"3 runs written to {seeded.parent / name}" in one.told)

    play(seeded, use)
    how = ("runs", "--where", "state=done", "--sort", "-seconds", "--columns", "id,network,data,method,name,seconds")
    said = thalweg("export", *how, *(["--json"] if name.endswith("json") else []))
    assert said.out.replace("\r", "") == (seeded.parent / name).read_text().replace("\r", "")


def test_the_export_form_writes_everything_when_asked_to(seeded: Path) -> None:
    target = seeded.parent / "all.csv"

    async def use(one: Sitting) -> None:
        one.browser.filter_by("state=failed")
        await one.press("e", *["backspace"] * len("runs.csv"))
        await one.type(str(target))
        await one.press("tab", "tab", "enter")
        await one.until(lambda: "5 runs written" in one.told)

    play(seeded, use)
    rows = csv.DictReader(target.read_text().splitlines())
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5"]


def test_no_file_is_written_over_unless_that_was_agreed_to(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(seeded.parent)
    target = seeded.parent / "runs.csv"
    target.write_text("mine")

    async def use(one: Sitting) -> None:
        await one.press("e")
        assert "runs-2.csv" in one.shown
        await one.press("escape")
        for answer, kept in (("n", "mine"), ("y", "id,")):
            await one.press(":")
            await one.type(f"export {target}")
            await one.press("enter")
            await one.until(lambda: "already exists" in one.said)
            assert target.read_text() == "mine"
            await one.press(answer)
            await one.until(lambda kept=kept: target.read_text().startswith(kept))

    play(seeded, use)


def test_a_place_that_cannot_be_written_is_told(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press(":")
        await one.type(f"export {seeded.parent}/nowhere/at.csv")
        await one.press("enter")
        await one.until(lambda: "no folder" in one.told)

    play(seeded, use)


COMMANDS = [
    ("filter state=failed", lambda one: one.ids == [3]),
    ("sort id", lambda one: one.ids == [1, 2, 3, 4, 5]),
    ("columns id,seed", lambda one: [column.name for column in one.browser.table.columns] == ["id", "seed"]),
    ("view paths", lambda one: one.browser.kind == "paths"),
    ("theme nord", lambda one: one.app.theme == "nord"),
    ("2", lambda one: one.browser.table.row_id == 2),
    ("star", lambda one: "★" in one.lines[2]),
    ("tag good", lambda one: "good" in one.told),
    ("help", lambda one: isinstance(one.app.screen, HelpScreen)),
]


@pytest.mark.parametrize(("line", "true"), COMMANDS, ids=lambda given: given if isinstance(given, str) else "")
def test_commands_can_be_typed(line: str, true: Callable[[Sitting], bool], seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press(":")
        await one.type(line)
        await one.press("enter")
        await one.until(lambda: true(one))

    play(seeded, use)


WRONG = [
    ("fitler a=1", "Did you mean 'filter'"),
    ("compare", "Mark 2 to 12 rows"),
    ("sort colour", "colour"),
    ("columns colour", "colour"),
    ("view houses", "houses"),
    ("export table", ".csv or .json"),
    ("theme nowhere", "nowhere"),
]


@pytest.mark.parametrize(("line", "why"), WRONG)
def test_a_wrong_command_is_refused_beside_it(line: str, why: str, seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press(":")
        await one.type(line)
        await one.press("enter")
        assert why in " ".join(one.shown.split())

    play(seeded, use, size=(160, 24))


def test_help_lists_every_key_searches_and_runs(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("?")
        assert isinstance(one.app.screen, HelpScreen)
        listed = {action for _, _, action, _ in one.app.screen._keys}
        for binding in (*ACTIONS, *APP_ACTIONS):
            assert any(told.startswith(binding.label) for told in listed), binding
        await one.type("columns choose")
        assert "C" in one.shown
        await one.press("enter")
        await one.until(lambda: "Columns (" in one.shown)

    play(seeded, use)


def test_the_palette_runs_actions_filters_and_themes(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("ctrl+p")
        await one.type("Theme: nord")
        await one.until(lambda: "Theme: nord" in one.shown.replace("Theme: nord", "", 1))
        await one.press("enter")
        await one.until(lambda: one.app.theme == "nord")

    play(seeded, use)


def test_the_palette_shows_keys_and_filters_as_they_are(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        one.browser.session.filters = ["cause~[red]x[/red]\x1b[31m"]
        await one.press("ctrl+p")
        await one.type("relaunch")
        await one.until(lambda: "from scratch  (r)" in one.shown)
        await one.press(*["backspace"] * len("relaunch"))
        await one.type("Filter: ")
        await one.until(lambda: "Filter: cause~[red]x[/red]\\x1b[31m" in one.shown)

    play(seeded, use, size=(120, 30))


def test_escape_asks_before_it_throws_a_note_away(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("N", "escape")
        assert one.app.screen is one.screen
        await one.press("N")
        await one.type("look")
        await one.press("escape")
        assert "What you typed will be lost" in one.shown
        await one.press("n")
        await one.type(" again")
        await one.press("enter")
        await one.until(lambda: [note["text"] for note in row_of(seeded, "runs", 5)["notes"]] == ["look again"])

    play(seeded, use)


class Stub(Screen[Any]):
    """Stands for a screen of another part, remembering what it was given."""

    given: list[tuple[Any, ...]]

    def __init__(self, client: Client, *given: Any) -> None:
        super().__init__()
        assert isinstance(client, Client)
        self.given.append(given)


SCREENS = [
    (("p",), "plots", "PlotScreen", ("runs", [5])),
    (("a", "c"), "plots", "CompareScreen", ("runs", [1, 2, 3, 4, 5])),
    (("j", "L"), "logs", "LogScreen", (4,)),
    (("3", "L"), "logs", "LogScreen", (3,)),
    (("f",), "logs", "FaultsScreen", ("",)),
    (("n", "t"), "new_runs", "LaunchScreen", ("train", {"network": "fcn:8", "data": "digits"})),
    (("n", "i"), "new_runs", "LaunchScreen", ("import", {"network": "fcn:8", "data": "digits"})),
    (("2", "a", "n", "c"), "new_runs", "LaunchScreen", ("connect", {"a": "1", "b": "2"})),
    (("2", "n", "b"), "new_runs", "LaunchScreen", ("bound", {"model": "2"})),
    (("3", "n", "c"), "new_runs", "LaunchScreen", ("connect", {"a": "1", "b": "2"})),
    (("G", "n", "c"), "new_runs", "LaunchScreen", ("connect", {"a": "1", "b": "2"})),
    (("3", "n", "v"), "new_runs", "LaunchScreen", ("certify", {"path": "2"})),
    (("j", "j", "n", "v"), "new_runs", "LaunchScreen", ("certify", {"path": "2"})),
    (("3", "a", "n", "v"), "new_runs", "LaunchScreen", ("certify", {"path": "1 2"})),
    (("2", "n", "v"), "new_runs", "LaunchScreen", ("certify", {})),
    (("4", "n", "d"), "new_runs", "LaunchScreen", ("descend", {"model": "1"})),
    (("j", "j", "r"), "new_runs", "RelaunchScreen", ([3],)),
]


@pytest.mark.parametrize(("keys", "module", "name", "given"), SCREENS)
def test_keys_lead_to_the_other_screens_with_what_is_chosen(
    keys: tuple[str, ...], module: str, name: str, given: tuple[Any, ...], seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = type(name, (Stub,), {"given": []})
    monkeypatch.setattr(f"tui.app.screens.browse.{module}.{name}", stub)

    async def use(one: Sitting) -> None:
        await one.press(*keys)
        await one.until(lambda: stub.given == [given])

    play(seeded, use)


def test_of_several_marked_models_every_pair_is_offered(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        Models(session).add(1, {"position": 2})

    async def use(one: Sitting) -> None:
        await one.press("2", "a", "n", "c")
        await one.until(lambda: "Connect which two?" in one.shown)
        assert [line for line in ("1  1 to 2", "2  1 to 3", "3  2 to 3") if line in one.shown][2:] == ["3  2 to 3"]
        await one.pilot.press("3")
        await one.until(lambda: isinstance(one.app.screen, LaunchScreen))
        assert isinstance(one.app.screen, LaunchScreen)
        assert (one.app.screen.prefill["a"], one.app.screen.prefill["b"]) == ("2", "3")
        await one.pilot.press("escape")
        await one.pilot.press("n", "b")
        await one.until(lambda: "Which model?" in one.shown)
        await one.pilot.press("escape")
        assert one.app.screen is one.screen

    play(seeded, use)


def test_the_training_curves_of_models_are_drawn(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("2", "p")
        await one.until(lambda: "model 2: loss" in one.shown)
        assert "2 train_loss: 0.4 to 2" in one.shown

    play(seeded, use)


def test_every_key_of_the_footer_can_be_clicked(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        place = one.lines[-1].index("/ Filter")
        await one.pilot.click("Keys", offset=(place, 0))
        await one.settled()
        await one.until(lambda: one.lines[-3].strip() == "/")
        await one.press("escape")
        await one.pilot.click("Keys", offset=(one.lines[-1].index("? Help"), 0))
        await one.until(lambda: isinstance(one.app.screen, HelpScreen))

    play(seeded, use)


def test_a_catalogue_that_can_only_be_read_is_shown_and_not_written(home: Path) -> None:
    path = home / "c.db"
    with Catalogue.open(path) as catalogue:
        fill(catalogue)
    path.chmod(0o400)
    if Catalogue.open(path).readonly is False:
        pytest.skip("nothing is read-only for this user")

    async def use(one: Sitting) -> None:
        await one.press("*")
        assert "can only be read" in one.told

    play(path, use)


@pytest.fixture
def working(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue whose agent works; it is ended afterwards."""
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(seeded.parent / "state"))
    yield seeded
    end_agent(seeded)


def test_a_run_is_seen_to_run_and_to_end_and_goes_on_when_the_screen_is_left(working: Path) -> None:
    async def use(one: Sitting) -> None:
        client = one.browser.client
        client.enqueue(Train(network="fcn:8", data="digits,limit=100", epochs=200_000, lr=0.01))
        await one.until(lambda: "5  ✓ done" in one.lines[3], 60)  # the one that waited, number 5
        await one.until(lambda: "6  ▸ running" in one.lines[2], 60)
        await one.until(lambda: "agent works" in one.shown)  # the line on the machine has a pace of its own
        await one.press("q")

    play(working, use)
    assert row_of(working, "runs", 6)["state"] == "running"

    async def cancel(one: Sitting) -> None:
        await one.press("g", "x", "y")
        await one.until(lambda: "- cancelled" in one.lines[2], 60)

    play(working, cancel)
    with Catalogue.open(working) as catalogue, catalogue.read() as session:
        assert Runs(session).get(6).state == "cancelled"


WRITTEN = {"escape": "Esc", "enter": "Enter", "backspace": "Backspace", "minus": "-", "plus": "+", "slash": "/"}
WRITTEN |= {"left": "←", "right": "→", "up": "↑", "down": "↓"}
KEYED = (BrowseScreen, ThalwegApp, PlotScreen, BeadsScreen, CompareScreen, LaunchScreen, RelaunchScreen, FaultsScreen)


@pytest.mark.parametrize("keyed", [*KEYED, LogScreen, CurvePlot, RowTable, LogView])
def test_the_documentation_names_every_key(keyed: Any) -> None:
    text = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text().lower()
    named = set(re.findall(r"`([^`]+)`", text)) | {"home", "end", "pageup", "pagedown", "space"}
    for binding in keyed.BINDINGS:
        keys = binding.key.split(",")
        assert any(WRITTEN.get(key, key).lower() in named for key in keys), binding


def test_marked_rows_that_are_not_in_memory_count_too(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new order keeps the marks and reads its first rows alone: logs, new runs and copies are about all marked."""

    async def use(one: Sitting) -> None:
        await one.press("2", "a")
        await one.until(lambda: len(one.browser.table.chosen) == 2)
        monkeypatch.setattr(one.browser.table, "row", lambda _: None)
        assert [row["id"] for row in await one.browser.chosen_rows(12)] == one.browser.table.chosen
        await one.press("L")
        await one.until(lambda: isinstance(one.app.screen, LogScreen))

    play(seeded, use)


def test_a_typed_command_is_refused_as_its_key_is(home: Path) -> None:
    async def use(one: Sitting) -> None:
        for line in ("tag good", "note seen"):
            await one.press("colon", *(one_key(letter) for letter in line), "enter")
            await one.until(lambda: "No row is selected." in one.said or one.told)
            await one.press("escape")

    play(home / "c.db", use)


def one_key(letter: str) -> str:
    return {" ": "space"}.get(letter, letter)
