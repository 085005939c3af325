"""What a form asks of torch: of one process, which ends with the form, and never the same twice."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from showing import play, until
from test_screens_forms import row, said_of
from textual.pilot import Pilot
from textual.widgets import Input

from tui.app.screens.form_engine import PAUSE
from tui.app.screens.launch import LaunchScreen

SLOW = """
from pathlib import Path
from time import sleep
from torch import nn

with open("asked", "a") as file:
    file.write("x")

def quick(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))

def endless(shape, outputs):
    sleep(600)
"""


def probes() -> int:
    """How many helper processes are alive."""
    found = 0
    for child in psutil.Process().children(recursive=True):
        try:
            found += "core.engine.worker.probe" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            continue
    return found


def gone_soon() -> None:
    """What was killed is given a moment to die."""
    ends = time.monotonic() + 5
    while probes():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def net(home: Path) -> Path:
    (home / "net.py").write_text(SLOW)
    return home / "net.py"


@pytest.mark.parametrize("leave", ["escape", "exit"])
def test_four_quick_keys_leave_one_process_and_leaving_waits_for_none(leave: str, net: Path, seeded: Path) -> None:
    seen, left = [], []

    async def type_quickly(pilot: Pilot[Any]) -> None:
        for limit in ("1", "12", "123", "1234"):
            row(pilot.app.screen, "data").query_one(Input).value = f"digits,limit={limit}"
            for _ in range(8):
                await pilot.pause(2 * PAUSE / 8)
                seen.append(probes())
        await until(pilot, (net.parent / "asked").exists)
        seen.append(probes())
        left.append(time.monotonic())
        if leave == "exit":
            pilot.app.exit()
        else:
            await pilot.press("escape", "y")  # what was typed is lost

    play(seeded, lambda client: LaunchScreen(client, "train", {"network": f"file:{net}:endless"}), type_quickly)
    assert time.monotonic() - left[0] < 60, "the process would have slept for 10 minutes; the rest is a busy machine's"
    lasting = [min(two) for two in pairwise(seen)]  # one that was killed may still be going at a single look
    assert max(lasting) == 1
    gone_soon()


def test_what_was_asked_once_is_known_when_it_is_launched(net: Path, seeded: Path) -> None:
    async def launch(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "✓ ready" in said_of(pilot.app, "verdict"))
        row(pilot.app.screen, "lr").query_one(Input).value = "0.5"
        await pilot.pause(2 * PAUSE)
        await until(pilot, lambda: "✓ ready" in said_of(pilot.app, "verdict"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: pilot.app.answers)  # type: ignore[attr-defined]

    prefill = {"network": f"file:{net}:quick", "data": "digits"}
    assert play(seeded, lambda client: LaunchScreen(client, "train", prefill), launch).answers == [[6]]
    assert (net.parent / "asked").read_text() == "x"
    gone_soon()
