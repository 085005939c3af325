"""The command line run within this process, and a catalogue of its own for every test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from commanding import Run, Said, fill
from idle import idle

from store import Catalogue, Runs
from tui.main import main


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """Pilots wait for what is to happen, not for a time."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("textual.app", "textual.pilot"):
            patch.setattr(f"{module}.wait_for_idle", idle)
        yield


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody's own settings. Afterwards, no error that the screen survived was kept."""
    for name in ("data", "state", "config"):
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path / name))
    yield
    kept = tmp_path / "state" / "thalweg" / "error.txt"
    assert not kept.exists(), kept.read_text()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own; no catalogue, no agent."""
    monkeypatch.setenv("THALWEG_CATALOGUE", str(tmp_path / "c.db"))
    monkeypatch.setattr("tui.shared.location.DEFAULT", tmp_path / "c.db")  # the usual one: the screen need not name it
    monkeypatch.setattr("core.engine.client.start_agent", lambda *_: None)
    return tmp_path


@pytest.fixture
def thalweg(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line within this process."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        status = main([str(one) for one in arguments])
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the catalogue that `seeded` copies: made once, read by nobody."""
    folder = tmp_path_factory.mktemp("filled")
    with Catalogue.open(folder / "c.db") as catalogue:
        fill(catalogue)
    return folder


@pytest.fixture
def seeded(home: Path, filled: Path) -> Path:
    """The catalogue at `home`, filled; its path."""
    shutil.copytree(filled, home, dirs_exist_ok=True)
    return home / "c.db"


@pytest.fixture
def ended(seeded: Path) -> Path:
    """The same, and nothing waits: an application of its own starts no agent for it."""
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        Runs(session).request_cancel([5])
    return seeded
