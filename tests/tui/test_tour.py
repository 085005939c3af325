"""A tour of the whole application in a real terminal: tmux, with keys only, and with the mouse."""

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest

pytestmark = pytest.mark.skipif(which("tmux") is None, reason="there is no tmux")
SIZE = (100, 30)


class Terminal:
    """A tmux of its own, with one window. Its socket has a name within `home`, since whole paths may be too long."""

    def __init__(self, home: Path, command: str) -> None:
        self.home = home
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(SIZE[0]), "-y", str(SIZE[1]), command)
        self.tmux("set-option", "-g", "escape-time", "0")

    def tmux(self, *words: str) -> str:
        return self.ask(*words, check=True).stdout

    def ask(self, *words: str, check: bool = False) -> "subprocess.CompletedProcess[str]":
        command = ["tmux", "-S", "tmux", *words]
        return subprocess.run(command, cwd=self.home, capture_output=True, text=True, check=check)

    @property
    def shown(self) -> str:
        """The screen, line by line."""
        return self.tmux("capture-pane", "-p")

    @property
    def said(self) -> str:
        """What is on the screen; where the terminal broke a line, it goes on."""
        return self.tmux("capture-pane", "-p", "-J")

    def see(self, *texts: str, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while not all(text in (said := self.said) for text in texts):
            assert time.monotonic() < until, f"{texts} never came; there is\n{said}"
            time.sleep(0.1)

    def press(self, keys: str, *seen: str) -> None:
        """Press keys, separated by spaces, and wait until all texts are seen."""
        self.tmux("send-keys", *keys.split())
        self.see(*seen)

    def type(self, text: str, *seen: str) -> None:
        self.tmux("send-keys", "-l", text)
        self.see(*seen)

    def click(self, text: str, *seen: str) -> None:
        """Click where a text stands, and wait."""
        self.see(text)
        lines = self.shown.splitlines()
        y = next(place for place, line in enumerate(lines) if text in line)
        x = lines[y].index(text) + len(text) // 2
        for state in "Mm":
            self.tmux("send-keys", "-l", f"\x1b[<0;{x + 1};{y + 1}{state}")
        self.see(*seen)

    def ended(self) -> bool:
        return self.ask("has-session").returncode != 0


@pytest.fixture
def terminal(ended: Path) -> Iterator[Terminal]:
    with opened(ended.parent, ended) as one:
        yield one


@contextmanager
def opened(home: Path, catalogue: Path) -> Iterator[Terminal]:
    """The application in a terminal of its own, which is closed afterwards."""
    own = {"THALWEG_CATALOGUE": catalogue, "XDG_STATE_HOME": home / "state", "XDG_CONFIG_HOME": home / "config"}
    words = ["env", *(f"{key}={value}" for key, value in own.items()), sys.executable, "-m", "tui.main"]
    one = Terminal(home, shlex.join(map(str, words)))
    try:
        yield one
    finally:
        one.ask("kill-server")


def left(terminal: Terminal) -> bool:
    until = time.monotonic() + 20
    while not terminal.ended() and time.monotonic() < until:
        time.sleep(0.1)
    return terminal.ended()


@pytest.mark.parametrize(("answer", "made"), [("n", False), ("y", True)])
def test_a_catalogue_that_is_not_there_is_made_only_if_somebody_wants_it(answer: str, made: bool, home: Path) -> None:
    path = home / "mistyped" / "c.db"
    with opened(home, path) as terminal:
        terminal.see("mistyped", "nor is its folder", "[y/N]")
        terminal.press(f"{answer} Enter")
        if made:
            terminal.see("Nothing here yet", "/c.db")
        else:
            assert left(terminal)
    assert path.exists() is made


def test_a_tour_with_keys(terminal: Terminal, seeded: Path) -> None:
    terminal.see("○ finding", "memory", "q Quit")
    for key, seen in (("2", "train loss"), ("3", "certif"), ("4", "summary"), ("1", "fcn:8 digits")):
        terminal.press(key, seen)
    terminal.press("/")
    terminal.type("state=failed", "/state=failed 1")
    terminal.press("Enter", "/state=failed")
    terminal.press("f", "Runs with state=failed: 1 not connected")
    terminal.press("Escape", "/state=failed")
    terminal.press("L", "run 3")
    terminal.press("Escape", "/state=failed")
    terminal.press("Escape", "bound of 1")
    terminal.press("G r", "1 of 1 would be enqueued")
    terminal.press("Escape", "bound of 1")
    terminal.press("s", "id ▲")
    terminal.press("3", "linear")
    terminal.press("Space Space", "2 marked")
    terminal.press("c", "results")
    terminal.press("Escape", "2 marked")
    terminal.press("p", "paths 1, 2", "over t along the path")
    terminal.press("Escape", "1 to 2")
    terminal.press("n", "Start what?")
    terminal.press("t", "Train models", "still needed: network")
    terminal.press("Escape", "q Quit", "1 to 2")
    terminal.press(":", "esc Discard")
    terminal.type(f"export {seeded.parent}/out.csv", "out.csv")
    terminal.press("Enter", "paths", "written")
    terminal.press("y", "Copy what?")
    terminal.press("i", "clipboard")
    terminal.press("?", "search; Enter runs the line")
    terminal.press("Escape", "q Quit")
    terminal.press("q")
    assert left(terminal)
    assert (seeded.parent / "out.csv").read_text().count("\n") == 3
    assert (seeded.parent / "state" / "thalweg" / "copied.txt").read_text() == "1 2"


def test_a_tour_with_the_mouse_and_escape(terminal: Terminal) -> None:
    terminal.see("○ finding", "memory", "q Quit")
    terminal.click("Paths", "certif")
    terminal.click("highest", "highest ▲")
    terminal.click("p Plot", "over t along the path")
    terminal.press("Escape", "1 to 2")
    terminal.click("Runs", "fcn:8 digits")
    terminal.click("n New", "Start what?")
    terminal.click("train models", "Train models")
    terminal.press("Escape", "q Quit")
    terminal.click("q Quit")
    assert left(terminal)
