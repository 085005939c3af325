"""Whatever a test leaves behind is ended, and the test is named."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

LEAVING = """
import subprocess
SLEEP = "sleep 654321"

def test_a_child(): subprocess.Popen(SLEEP.split())
def test_one_that_went_away(): subprocess.run(["sh", "-c", f"setsid {SLEEP} & sleep 0.3"], check=True)
def test_that_fails():
    subprocess.Popen(SLEEP.split())
    assert False
def test_that_ends_its_own(): subprocess.Popen(SLEEP.split()).kill()
"""


@pytest.fixture
def said(tmp_path: Path) -> list[str]:
    """What is said of tests that leave processes, run with the conftest of these."""
    (tmp_path / "test_it.py").write_text(LEAVING)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-rA", tmp_path]
    wide = os.environ | {"COLUMNS": "1000"}
    done = subprocess.run(command, capture_output=True, text=True, env=wide, check=False)
    return [line for line in done.stdout.splitlines() if line.startswith("ERROR ")]


def test_what_a_test_leaves_is_ended_and_the_test_is_named(said: list[str]) -> None:
    for line, name in zip(said, ("a_child", "one_that_went_away", "that_fails"), strict=True):
        assert f"::test_{name} - AssertionError: processes were left: " in line
        assert "sleep 654321" in line
    assert not [one.pid for one in psutil.process_iter(["cmdline"]) if "654321" in (one.info["cmdline"] or [])]
