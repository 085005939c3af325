"""The table: views, filters, order, marks, columns, details; what others write meanwhile."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from commanding import HOSTILE, add
from piloting import Sitting, play

from core.engine.client import Client
from core.engine.locks import AgentLock
from core.engine.machines import this_machine
from core.specs.runs import Train
from store import COLUMNS, Catalogue, Device, Runs, list_rows
from store.catalogue import companion
from tests.store.filling import machine
from tui.app.app import ThalwegApp
from tui.app.catalogue_reader import Order, Reader
from tui.app.screens.browse.browser import Browser
from tui.app.session import load, session_file
from tui.app.widgets.details_pane import DetailsPane
from tui.app.widgets.prompt import Prompt
from tui.shared.details import read
from tui.shared.location import Location

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.mark.parametrize(("width", "told"), [(50, ""), (80, "there/c.db"), (300, "elsewhere and there/c.db")])
def test_the_first_line_says_which_catalogue_is_open(width: int, told: str, seeded: Path) -> None:
    other = seeded.parent / "elsewhere and there" / "c.db"
    other.parent.mkdir()
    seeded.rename(other)

    async def use(one: Sitting) -> None:
        assert told in one.lines[0]
        assert ("c.db" in one.lines[0]) == bool(told)
        assert one.lines[0].endswith("5")

    play(other, use, size=(width, 24))


def test_each_view_shows_what_the_command_line_lists(seeded: Path) -> None:
    async def look(one: Sitting) -> None:
        for key, kind in enumerate(("runs", "models", "paths", "bounds"), start=1):
            await one.press(str(key))
            with Catalogue.open(seeded) as catalogue, catalogue.read() as session:
                rows = list_rows(session, kind, sort="-id")
            assert one.ids == [row["id"] for row in rows]
            for row, line in zip(rows, one.lines[2:], strict=False):
                assert re.match(rf"\s*{row['id']}\s", line)

    play(seeded, look)


def test_a_run_tells_its_network_and_its_state_in_80_columns(seeded: Path) -> None:
    async def look(one: Sitting) -> None:
        (line,) = [line for line in one.lines if re.match(r"\s+1\s\s", line)]
        assert "✓ done" in line
        assert "fcn:8 digits x2" in line

    play(seeded, look)


def test_typing_a_filter_filters_at_once_and_escape_brings_everything_back(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        everything = one.ids
        await one.press("/")
        await one.type("state=failed")
        await one.until(lambda: one.ids == [3])
        await one.press("escape")
        await one.until(lambda: one.ids == everything)
        await one.press("/")
        await one.type("state=done kind=bound")
        await one.press("enter")
        await one.until(lambda: one.ids == [4])
        assert "/state=done kind=bound" in one.shown
        await one.press("escape")
        await one.until(lambda: one.ids == everything)

    play(seeded, use)


def test_a_filter_that_is_none_is_refused_beside_it_and_stays_to_be_mended(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("/")
        await one.type("stat=failed")
        await one.press("enter")
        assert "did you mean state?" in " ".join(one.shown.split())
        assert one.screen.query_one(Prompt).open
        await one.press(*["backspace"] * len("=failed"))
        await one.type("e=failed")
        await one.press("enter")
        await one.until(lambda: one.ids == [3])

    play(seeded, use)


def test_the_filter_given_at_the_start_is_the_first_that_is_shown(seeded: Path) -> None:
    async def look(one: Sitting) -> None:
        assert one.ids == [3]

    play(seeded, look, where="state=failed")


def test_a_wrong_filter_at_the_start_is_told_and_everything_shown(seeded: Path) -> None:
    async def look(one: Sitting) -> None:
        await one.until(lambda: len(one.ids) == 5)
        assert "colour" in one.told

    play(seeded, look, where="colour=red")


def test_every_column_sorts_both_ways_as_the_command_line_does(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        for place, column in enumerate(one.browser.table.columns):
            one.browser.table.column = place
            for sort in (column.made_of[0], f"-{column.made_of[0]}"):
                await one.press("s")
                with Catalogue.open(seeded) as catalogue, catalogue.read() as session:
                    wanted = [row["id"] for row in list_rows(session, "runs", sort=sort)]
                await one.until(lambda wanted=wanted: one.ids == wanted)
            await one.press("s")

    play(seeded, use)


def test_a_new_order_is_shown_from_its_top_and_the_cursor_can_move_while_it_is_read(home: Path) -> None:
    with Catalogue.open(home / "c.db") as catalogue:
        for _ in range(250):
            add(catalogue, Train(network="fcn:8", data="digits"), "queued")

    async def use(one: Sitting) -> None:
        await one.until(lambda: len(one.ids) == 250)
        await one.press("j", "j")
        one.browser.sort_by("id")
        await one.until(lambda: one.ids[0] == 1)
        assert one.browser.table.row_id == 1
        await one.pilot.press("j")
        await one.until(lambda: len(one.ids) == 250)
        assert one.browser.table.row_id == 2

    play(home / "c.db", use)


def test_a_click_on_a_heading_sorts_and_one_on_a_tab_turns_to_its_view(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.pilot.click("CatalogueTable", offset=(5, 0))  # the id's heading
        await one.settled()
        assert one.ids == [1, 2, 3, 4, 5]
        await one.pilot.click("Views", offset=(22, 0))
        await one.settled()
        assert one.browser.kind == "paths"

    play(seeded, use)


def test_marks_are_made_by_space_by_range_by_all_and_by_the_mouse(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        table = one.browser.table
        await one.press("space", "space")
        assert table.chosen == [4, 5]
        assert "2 marked" in one.shown
        await one.press("escape")
        assert table.chosen == [3]
        await one.press("g", "v", "j", "j", "v")
        assert table.chosen == [3, 4, 5]
        await one.press("a")
        assert table.chosen == [1, 2, 3, 4, 5]
        await one.press("a")
        assert not table.marked
        await one.pilot.click("CatalogueTable", offset=(0, 2))
        await one.settled()
        assert table.marked == {4}

    play(seeded, use)


def test_a_filter_takes_marks_away_from_rows_it_hides(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("a")
        one.browser.filter_by("state=failed")
        await one.until(lambda: one.browser.table.marked == {3})

    play(seeded, use)


def test_columns_are_chosen_moved_hidden_and_brought_back(seeded: Path) -> None:
    def names(one: Sitting) -> list[str]:
        return [column.name for column in one.browser.table.columns]

    async def use(one: Sitting) -> None:
        at_first = names(one)
        await one.press(">")
        assert names(one)[:2] == [at_first[1], at_first[0]]
        await one.press("-")
        assert names(one) == [at_first[1], *at_first[2:]]
        await one.press("u", "u")
        await one.until(lambda: names(one) == at_first)
        one.browser.change_columns(["id", "seed", "tags", "attempts"])
        await one.settled()
        assert "seed" in one.lines[1]
        await one.press("C", "space", "s")
        assert names(one) == ["seed", "tags", "attempts"]

    play(seeded, use)


@pytest.mark.parametrize("kind", ["runs", "models", "paths", "bounds"])
def test_every_column_of_the_catalogue_can_be_shown(kind: str, seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        one.browser.open_view(kind)
        await one.settled()
        one.browser.change_columns([column.name for column in COLUMNS[kind]])
        await one.settled()
        for _ in COLUMNS[kind]:
            await one.pilot.press("right")
        await one.settled()
        assert COLUMNS[kind][-1].name in one.lines[1]

    play(seeded, use, size=(100, 30))


def test_the_pane_tells_cause_log_lineage_spec_and_notes(seeded: Path) -> None:
    folder = seeded.with_name("c.db.files") / "runs" / "3" / "1"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("first\n\x1b[31mthe last line\n")

    async def use(one: Sitting) -> None:
        await one.press("j", "j", "enter")
        await one.until(lambda: one.screen.query_one(DetailsPane).details is not None)
        await one.settled()
        told = (
            "run 3",
            "○ not connected",
            "could not connect",
            "made path 2",
            "--below 0.02",
            "facts",
            "the last line",
        )
        places = [one.shown.find(text) for text in told]
        assert -1 not in places, one.shown
        assert places[2:] == sorted(places[2:]), "the log, which may end with a traceback, comes after all else"
        assert "\\x1b[31mthe last line" in one.shown

    play(seeded, use, size=(140, 50))


def test_the_pane_tells_of_earlier_attempts(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue:
        with catalogue.write() as session:
            claim = Runs(session).claim(machine("elsewhere"), 1, [Device("cpu", 1)])
            assert claim is not None
            assert Runs(session).requeue(claim.attempt.id, "killed by signal 9")
        details = read(Client(catalogue), "runs", claim.run.id)
        assert not any(name.startswith("attempt ") for name, _ in details.facts)
        with catalogue.write() as session:
            assert Runs(session).claim(machine("elsewhere"), 1, [Device("cpu", 1)]) is not None
        details = read(Client(catalogue), "runs", claim.run.id)
    assert ("attempt 1", "failed: killed by signal 9") in details.facts


def test_related_rows_are_jumped_to_and_left_again(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("3", "o", "2")
        await one.until(lambda: (one.browser.kind, one.browser.table.row_id) == ("models", 1))
        await one.press("o", "1")
        await one.until(lambda: (one.browser.kind, one.browser.table.row_id) == ("runs", 1))
        await one.press("backspace")
        await one.until(lambda: (one.browser.kind, one.browser.table.row_id) == ("models", 1))
        await one.press("backspace")
        await one.until(lambda: (one.browser.kind, one.browser.table.row_id) == ("paths", 2))

    play(seeded, use)


def test_a_link_in_the_pane_is_clicked(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("j", "j", "d")
        await one.until(lambda: "made path 2" in one.shown)
        (y,) = [y for y, line in enumerate(one.lines) if "made path 2" in line]
        await one.pilot.click(offset=(one.lines[y].index("made path 2") + len("made path "), y))
        await one.until(lambda: (one.browser.kind, one.browser.table.row_id) == ("paths", 2))

    play(seeded, use, size=(130, 40))


def test_what_others_write_appears_and_the_cursor_stays_on_its_row(seeded: Path) -> None:
    code = (
        "import sys, pathlib; from commanding import add; from store import Catalogue, star\n"
        "from core.specs.runs import Train\n"
        "with Catalogue.open(pathlib.Path(sys.argv[1])) as c:\n"
        "    for _ in range(20): add(c, Train(network='fcn:8', data='digits', name='later'), 'queued')\n"
        "    with c.write() as s: star(s, 'run', [3], True)\n"
    )

    async def look(one: Sitting) -> None:
        await one.press("j", "j")
        assert one.browser.table.row_id == 3
        here = Path(__file__).parent
        paths = {**os.environ, "PYTHONPATH": str(here.parents[1])}
        done = subprocess.run([sys.executable, "-c", code, str(seeded)], cwd=here, env=paths, check=False)
        assert done.returncode == 0
        await one.until(lambda: len(one.ids) == 25)
        assert one.browser.table.row_id == 3
        await one.until(lambda: (one.browser.table.row(3) or {})["starred"])
        await one.until(lambda: "21 queued" in one.shown)

    play(seeded, look)


def test_long_tables_are_read_as_they_are_scrolled(home: Path) -> None:
    with Catalogue.open(home / "c.db") as catalogue:
        for _ in range(450):
            add(catalogue, Train(network="fcn:8", data="digits"), "queued")

    async def use(one: Sitting) -> None:
        await one.until(lambda: len(one.ids) == 450)
        await one.press("G")
        await one.until(lambda: re.search(r"^\s+1  ·", one.shown, re.M))
        await one.press("pageup")
        assert one.browser.table.row_id == 21
        await one.until(lambda: "…" not in "".join(one.lines[2:20]))
        await one.press("g")
        assert one.browser.table.row_id == 450

    play(home / "c.db", use)


def hold_orders(monkeypatch: pytest.MonkeyPatch, until: threading.Event) -> None:
    """From now on the whole order of a table is read once something has happened, or 20 s later."""
    order = Reader.order

    def slow(reader: Reader, asked: Any) -> Order:
        until.wait(20)
        return order(reader, asked)

    monkeypatch.setattr(Reader, "order", slow)


def test_the_last_row_is_gone_to_once_it_is_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long order comes in two parts; whoever wants its end right after a sort does not stop at the first."""
    with Catalogue.open(home / "c.db") as catalogue:
        for _ in range(250):
            add(catalogue, Train(network="fcn:8", data="digits"), "queued")
    known = threading.Event()

    async def use(one: Sitting) -> None:
        hold_orders(monkeypatch, known)
        one.browser.sort_by("id")
        await one.until(lambda: one.ids[:1] == [1])
        await one.pilot.press("G")
        await one.until(lambda: one.browser.table.at == 199)
        known.set()
        await one.until(lambda: one.browser.table.row_id == 250)

    play(home / "c.db", use)


def test_a_kill_loses_no_more_than_seconds_of_where_the_cursor_was(
    seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.screens.browse.screen.REMEMBER_SECONDS", 0.1)

    async def use(one: Sitting) -> None:
        await one.press("j", "j")
        await one.until(lambda: load(session_file(seeded))[0].view_of("runs").cursor == 3)

    play(seeded, use)


def test_no_number_is_cut_where_the_window_ends(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        def whole() -> bool:
            row = next((line for line in one.lines[2:] if line.split()[:1] == ["1"]), "5")
            return {word for word in row.split() if word[0].isdigit()} <= {"1", "0.02", "0.005"}

        one.browser.change_columns(["id", "level", "barrier", "max_test_loss", "method"])
        for width in range(20, 60):
            await one.pilot.resize_terminal(width, 24)
            await one.until(whole)  # a resized window is drawn once more when the table has found its widths

    async def paths(one: Sitting) -> None:
        await one.press("3")
        await use(one)

    play(seeded, paths)


@pytest.mark.skipif(os.geteuid() != 0 or not which("mount"), reason="needs root to mount")
def test_a_catalogue_on_a_disk_that_can_only_be_read_is_shown(seeded: Path) -> None:
    folder = seeded.parent / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        shutil.copy(seeded, folder)
        shutil.copytree(companion(seeded), companion(folder / "c.db"))
        with AgentLock(companion(folder / "c.db"), this_machine()) as lock:  # leaves the file of one that ended
            lock.take()
        with AgentLock(companion(folder / "c.db"), this_machine()) as lock:  # leaves the file of an agent that ended
            lock.take()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)

        async def look(one: Sitting) -> None:
            assert "1 queued" in one.shown
            assert "memory" in one.shown

        play(folder / "c.db", look)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_hostile_texts_are_shown_and_never_sent_or_read_as_markup(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue:
        for name in ("[bold]漢字[/bold] 🎉👩‍👩‍👧", "[@click=app.quit]x[/]", HOSTILE, "é" * 300):
            add(catalogue, Train(network="fcn:8", data="digits", name=name), "queued")

    async def look(one: Sitting) -> None:
        assert "[@click=app.quit]" in one.shown
        for _ in range(9):
            await one.press("enter")
            await one.until(lambda: one.screen.query_one(DetailsPane).details is not None)
            await one.settled()
            assert not CONTROL.search(one.shown.replace("\n", ""))
            await one.press("escape", "j")
        assert "[red]x[/red]" in one.shown

    play(seeded, look, size=(150, 40))


def test_how_the_screen_is_left_is_how_it_opens_again(seeded: Path) -> None:
    async def leave(one: Sitting) -> None:
        await one.press("3")
        one.browser.filter_by("method=string")
        one.browser.sort_by("beads")
        one.browser.change_columns(["id", "beads"])
        one.app.theme = "nord"
        await one.settled()
        await one.press("q")

    async def look(one: Sitting) -> None:
        assert one.browser.kind == "paths"
        assert one.ids == [1]
        assert one.lines[1].split() == ["id", "beads", "▲"]
        assert one.app.theme == "nord"
        assert "method=string" in one.shown

    play(seeded, leave)
    play(seeded, look)


@pytest.mark.parametrize("content", [b"", b"{", b'{"kind": 3}', b"\xff\xfe", b'{"views": {"runs": {"where": "a=1"}}}'])
def test_a_session_file_that_is_damaged_is_set_aside_and_named(content: bytes, seeded: Path) -> None:
    file = session_file(seeded)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)

    async def look(one: Sitting) -> None:
        await one.until(lambda: len(one.ids) == 5)
        assert file.stem in one.told or "column 'a'" in one.told

    play(seeded, look)


def test_a_kill_while_the_session_is_written_leaves_a_whole_one(seeded: Path) -> None:
    code = (
        "import sys, pathlib; from tui.app.session import Session, save\n"
        "file = pathlib.Path(sys.argv[1]); print('on', flush=True)\n"
        "while True: save(Session(filters=['x' * 1000] * 30), file)"
    )
    file = session_file(seeded)
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        while not file.exists():
            pass
        writer.kill()
        writer.communicate()
        session, warning = load(file)
        assert warning is None
        assert len(session.filters) == 30
        assert json.loads(file.read_bytes())


def test_all_rows_are_marked_also_those_that_are_still_being_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalogue.open(home / "c.db") as catalogue:
        for _ in range(450):
            add(catalogue, Train(network="fcn:8", data="digits"), "queued")
    held = threading.Event()

    async def use(one: Sitting) -> None:
        await one.until(lambda: len(one.ids) == 450)
        hold_orders(monkeypatch, held)
        one.browser.filter_by("id<=440")
        await one.until(lambda: len(one.ids) == 200)
        await one.pilot.press("a")
        assert one.screen.unable("delete") == "The rows are still being read; they will be marked then."
        held.set()
        await one.until(lambda: one.browser.table.marked == set(range(1, 441)))
        assert one.screen.unable("delete") is None
        await one.until(lambda: "440, 440 marked" in one.lines[0])
        await one.press("a")
        assert not one.browser.table.marked

    play(home / "c.db", use)


def test_another_view_has_no_marks_and_says_so(seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.press("a")
        await one.until(lambda: "5 marked" in one.lines[0])
        await one.press("2")
        await one.until(lambda: one.ids == [2, 1])
        assert not one.browser.table.marked
        assert "marked" not in one.lines[0]

    play(seeded, use)


def test_all_rows_are_marked_before_the_catalogue_has_been_opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalogue.open(home / "c.db") as catalogue:
        for _ in range(150):  # more than the first look shows
            add(catalogue, Train(network="fcn:8", data="digits"), "queued")
    open_, held = Reader.open, threading.Event()

    def slow(place: Any, trust: Any) -> Reader:
        held.wait(10)
        return open_(place, trust)

    async def used() -> None:
        app = ThalwegApp(Location(home / "c.db"))
        async with app.run_test() as pilot:
            one = Sitting(app, pilot)
            await one.until(lambda: len(one.ids) == 100)
            one.browser.table.action_mark_all()
            held.set()
            await one.until(lambda: len(one.browser.table.marked) == 150)

    monkeypatch.setattr(Reader, "open", slow)
    asyncio.run(used())


def test_no_row_of_the_last_sitting_is_painted_under_another_filter(
    seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leave(one: Sitting) -> None:
        one.browser.filter_by("state=done")
        await one.until(lambda: one.ids == [4, 2, 1])
        await one.press("ctrl+q")

    painted: list[list[int]] = []
    glance = Browser.glance
    monkeypatch.setattr(Browser, "glance", lambda one: (glance(one), painted.append(list(one.table.ids))))

    async def look(one: Sitting) -> None:
        await one.until(lambda: one.ids)

    play(seeded, leave)
    for where in (None, "state=done", "state=failed", ""):
        play(seeded, look, where=where)
    assert painted == [[5, 4, 3, 2, 1], [4, 2, 1], [4, 2, 1], [], [5, 4, 3, 2, 1]]
