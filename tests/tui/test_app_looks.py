"""How the screen looks: every size, with and without colours; what is loaded to show it; a real terminal."""

import asyncio
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from piloting import Sitting, play, sitting
from rich.color import Color

from store import Catalogue
from store.base import now, table
from tui.shared.formatting import COLOURS

SNAPSHOTS = Path(__file__).parent / "snapshots"
CLOCK = re.compile(r"(just now|\d+ (min|s) ago)( +)")
HOST = re.compile(r"(no agent|agent works).*")


SCREENS: dict[str, tuple[str, ...]] = {
    "runs": (),
    "models": ("2",),
    "paths": ("3",),
    "bounds": ("4",),
    "details": ("3", "j", "enter"),
    "failed": ("j", "j", "enter"),
    "marked": ("space", "space"),
    "filter": ("/", "s", "t"),
    "columns": ("C",),
    "help": ("?",),
    "jump": ("ctrl+o",),
    "new": ("n",),
    "copy": ("y",),
    "export": ("e",),
    "cancel": ("x",),
}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", SCREENS)
def test_the_screen_looks_as_it_did(name: str, size: tuple[int, int], seeded: Path) -> None:
    """To accept what changed: THALWEG_SNAPSHOTS=new pytest tests/tui/test_app_looks.py, and look at the difference."""
    long_ago(seeded)
    file = SNAPSHOTS / f"{name}-{size[0]}x{size[1]}.txt"

    async def look(one: Sitting) -> None:
        await one.press(*SCREENS[name])
        await one.settled()
        shown = "\n".join(HOST.sub("HOST", line) for line in one.lines) + "\n"
        if os.environ.get("THALWEG_SNAPSHOTS") == "new":
            file.parent.mkdir(exist_ok=True)
            file.write_text(shown)
        assert shown == file.read_text()

    play(seeded, look, size=size)


def long_ago(path: Path) -> None:
    """All times of the catalogue become one that is told as a date."""
    with Catalogue.open(path) as catalogue, catalogue.write() as session:
        for name in ("runs", "models", "paths", "bounds"):
            for column in table(name).columns:
                if column.name.endswith("_at") and column.name != "cancel_requested_at":
                    values = {
                        column.name: now().replace(year=2026, month=1, day=2, hour=3, minute=4, second=5, microsecond=0)
                    }
                    session.execute(table(name).update().where(column.is_not(None)).values(values))
        session.execute(table("runs").update().where(table("runs").c.seconds.is_not(None)).values(seconds=12.0))


def test_states_differ_in_colour_and_are_words_too(seeded: Path) -> None:
    async def look(one: Sitting) -> None:
        colours = {}
        for strip in one.app.screen._compositor.render_strips():
            for segment in strip:
                if (word := segment.text.strip()[2:]) in COLOURS and segment.style is not None:
                    colours[word] = segment.style.color
        assert colours["done"] != colours["finding"]

    play(seeded, look)


def test_without_colours_everything_is_grey(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    def grey(colour: Color | None) -> bool:
        return colour is None or colour.triplet is None or max(colour.triplet) - min(colour.triplet) <= 2

    async def look(one: Sitting) -> None:
        await one.press("j", "enter")
        for line in one.app.screen._compositor.render_strips():
            for segment in one.app._filters[-1].apply(list(line), one.app.screen.background_colors[1]):
                assert segment.style is None or (grey(segment.style.color) and grey(segment.style.bgcolor))
        assert "○ finding" in one.shown

    play(seeded, look)


@pytest.mark.parametrize("size", [(60, 20), (20, 5), (3, 2)])
def test_no_terminal_is_too_small_to_use_every_key(size: tuple[int, int], seeded: Path) -> None:
    async def use(one: Sitting) -> None:
        for key in ("j", "enter", "escape", "space", "d", "d", "G", "l", "/", "escape", "?", "escape", "C", "escape"):
            await one.press(key)
        for key in ("e", "escape", "y", "escape", "t", "escape", ":", "escape", "2", "3", "4", "1", "s"):
            await one.press(key)
        assert one.browser.table.ids

    play(seeded, use, size=size)


def test_60_columns_show_id_state_and_network(seeded: Path) -> None:
    async def look(one: Sitting) -> None:
        assert re.search(r"3  ○ finding  1 to 2", one.shown)
        assert "q Quit" in one.shown

    play(seeded, look, size=(60, 20))


def test_a_terminal_that_changes_its_size_is_followed(seeded: Path) -> None:
    async def use() -> None:
        async with sitting(seeded) as one:
            await one.press("enter")
            for size in ((200, 50), (1, 1), (60, 20), (120, 30)):
                await one.pilot.resize_terminal(*size)
                await one.settled()
            assert len(one.lines[0]) <= 120
            assert "run 5" in one.shown

    asyncio.run(use())


LOADED = """
import sys, asyncio
from pathlib import Path
from tui.app.app import ThalwegApp
from tui.shared.location import Location
first = set(sys.modules)
async def go():
    app = ThalwegApp(Location(Path(sys.argv[1])))
    async with app.run_test() as pilot:
        while app.screen.browser.live.reader is None:
            await pilot.pause(0.01)
asyncio.run(go())
print(*sorted(name for name in first if name in {unwanted} or name == "sqlalchemy"))
print(*sorted(name for name in sys.modules if name in {unwanted}))
"""


def test_the_first_frame_waits_for_no_database_and_nothing_loads_torch_or_numpy(ended: Path) -> None:
    unwanted = {"torch", "numpy", "scipy", "sklearn", "matplotlib", "alembic", "pandas"}
    code = LOADED.replace("{unwanted}", repr(unwanted))
    said = subprocess.run([sys.executable, "-c", code, ended], capture_output=True, text=True, check=True)
    assert said.stdout == "\n\n"


def in_terminal(path: Path, *arguments: str) -> tuple[int, int]:
    """Start the command in a terminal of its own; its pid and the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {**os.environ, "TERM": "xterm-256color", "THALWEG_CATALOGUE": str(path)}
        os.execve(sys.executable, [sys.executable, "-m", "tui.main", *arguments], environment)
    return pid, terminal


def read_until(terminal: int, text: bytes) -> None:
    """Read until the text has come, wherever a sentence as long as its path was wrapped."""
    seen = b""
    until = time.monotonic() + 60
    while text not in b" ".join(seen.split()) and time.monotonic() < until:
        if select.select([terminal], [], [], 1)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
    assert text in b" ".join(seen.split()), seen[-3000:]


def test_the_command_opens_the_screen_in_a_terminal_and_q_leaves_it(ended: Path) -> None:
    pid, terminal = in_terminal(ended, "--filter", "state=failed")
    read_until(terminal, b"memory")
    os.write(terminal, b"q")
    read_until(terminal, b"\x1b[?1049l")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


def test_a_screen_that_is_killed_leaves_a_session_that_opens(ended: Path) -> None:
    pid, terminal = in_terminal(ended)
    read_until(terminal, b"memory")
    os.write(terminal, b"3")
    read_until(terminal, b"barrier")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)

    async def look(one: Sitting) -> None:
        assert not one.told
        assert one.browser.kind == "paths"

    play(ended, look)


def test_what_is_no_catalogue_is_one_sentence_on_the_terminal(home: Path) -> None:
    (home / "c.db").write_text("hello")
    pid, terminal = in_terminal(home / "c.db")
    read_until(terminal, b"is not an SQLite file")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    os.close(terminal)
