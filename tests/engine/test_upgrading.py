"""An agent under which other code is installed finishes what runs, claims nothing more, and hands over."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.engine import client as client_module
from core.engine import installed
from core.engine.client import Client
from core.engine.installed import InstalledCode
from core.specs.runs import Train
from store import Catalogue, Runs
from tests.engine.conftest import TINY, long_training, until

ROOT = Path(installed.__file__).parents[2]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The code of today in a place of its own, from which an agent can be started, and which can be changed."""
    for package in ("core", "store"):
        shutil.copytree(ROOT / package, tmp_path / "old" / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "old"


def test_an_agent_hands_over_to_the_code_that_was_installed_under_it(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THALWEG_AGENT_IDLE", "1")
    monkeypatch.setattr(client_module, "start_agent", lambda *_: None)  # but for the old one, none is started here
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        client = Client(catalogue)

        def state(run_id: int) -> str:
            with catalogue.read() as session:
                return Runs(session).get(run_id).state

        first = client.enqueue(long_training())
        agent = subprocess.Popen(
            [sys.executable, "-P", "-m", "core.engine.agent", "--catalogue", str(catalogue.path), "--cpu-jobs", "2"],
            env={**os.environ, "PYTHONPATH": str(old)},
        )
        until(lambda: state(first) == "running")
        with (old / "core" / "engine" / "agent.py").open("a") as file:
            file.write("# newer\n")
        time.sleep(3 * installed.LOOK_SECONDS)
        second = client.enqueue(Train(**{**TINY, "epochs": 1}))
        time.sleep(1)
        assert (state(first), state(second), agent.poll()) == ("running", "queued", None)
        client.cancel([first])
        until(lambda: state(second) == "done")
        assert state(first) == "cancelled"
        assert agent.wait(timeout=30) == 0


def test_code_has_changed_once_its_files_differ_in_content_and_rest(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "ROOT", old)
    monkeypatch.setattr(installed, "LOOK_SECONDS", 0.0)
    code, file = InstalledCode(), old / "store" / "runs.py"
    os.utime(file)
    assert [code.changed() for _ in range(3)] == [False] * 3, "touched, but the same"
    file.write_text(f"{file.read_text()}# newer\n")
    assert not code.changed(), "it may be written still"
    assert code.changed()
