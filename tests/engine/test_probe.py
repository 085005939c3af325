"""A probe has one process that answers: the newest question, each once, and none that nobody waits for."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from core.engine.checks import network_question
from core.engine.probe import Answer, Ask, OutdatedError, Probe, ask
from core.errors import RunError, UsageError
from core.specs.networks import read_network
from tests.engine.conftest import until

NETWORK = """
import os
from pathlib import Path
from time import sleep
from torch import nn

with open("asked", "a") as file:
    print(os.getpid(), file=file)

def quick(shape, outputs):
    print(input() if False else "said")
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, outputs))

def endless(shape, outputs):
    Path("begun").touch()
    sleep(600)

def deadly(shape, outputs):
    os.kill(os.getpid(), 9)

def curious(shape, outputs):
    return input()
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "net.py"
    file.write_text(NETWORK)
    return file


@pytest.fixture
def probe() -> Iterator[Probe]:
    with Probe() as one:
        yield one
    until(lambda: not probes())


def probes() -> list[psutil.Process]:
    """The helper processes that are alive."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "core.engine.worker.probe" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def of(net: Path, factory: str) -> dict[str, Any]:
    return network_question(read_network(f"file:{net}:{factory}"), "digits", None)


class Asking(Thread):
    """Somebody who waits for an answer."""

    def __init__(self, ask: Ask, question: Answer) -> None:
        super().__init__()
        self.ask, self.question, self.came = ask, question, None
        self.start()

    def run(self) -> None:
        try:
            self.came: Any = self.ask(self.question)
        except (OutdatedError, UsageError, RunError) as error:
            self.came = error


def test_one_process_answers_each_question_once_until_the_file_changes(probe: Probe, net: Path) -> None:
    answers = [probe.new_asker()(of(net, "quick")) for _ in range(3)]
    assert [one["hidden_widths"] for one in answers] == [[5]] * 3
    net.write_text(NETWORK.replace("5", "6"))
    assert probe.new_asker()(of(net, "quick"))["hidden_widths"] == [6]
    asked = (net.parent / "asked").read_text().split()
    assert len(asked) == 2
    assert len(set(asked)) == 1, "the process was kept"
    assert [str(one.pid) for one in probes()] == asked[:1]


def test_what_was_refused_is_asked_again_by_the_next_asker(probe: Probe, net: Path) -> None:
    asker = probe.new_asker()
    for _ in range(2):
        with pytest.raises(UsageError):
            asker(of(net, "missing"))
    assert len((net.parent / "asked").read_text().split()) == 1, "the same asker keeps a refusal"
    with pytest.raises(UsageError):
        probe.new_asker()(of(net, "missing"))
    assert len((net.parent / "asked").read_text().split()) == 2


def test_a_new_question_ends_the_one_at_work_and_who_waits_for_that_is_told(probe: Probe, net: Path) -> None:
    first = Asking(probe.new_asker(), of(net, "endless"))
    until((net.parent / "begun").exists)
    (busy,) = probes()
    assert probe.new_asker()(of(net, "quick"))["hidden_widths"] == [5]
    first.join(5)
    assert isinstance(first.came, OutdatedError)
    until(lambda: busy not in probes())
    assert len(probes()) == 1


def test_questions_that_come_while_torch_is_imported_start_nothing(probe: Probe, net: Path) -> None:
    waiting = []
    for _ in range(4):
        waiting.append(Asking(probe.new_asker(), of(net, "endless")))
        time.sleep(0.05)
        assert len(probes()) == 1
    last = Asking(probe.new_asker(), of(net, "quick"))
    last.join(60)
    for one in waiting:
        one.join(5)
    assert last.came["hidden_widths"] == [5]
    assert all(isinstance(one.came, OutdatedError) for one in waiting)
    assert len((net.parent / "asked").read_text().split()) == 1


def test_the_same_question_of_a_newer_asker_is_not_put_again(probe: Probe, net: Path) -> None:
    first = Asking(probe.new_asker(), of(net, "endless"))
    until((net.parent / "begun").exists)
    before = probes()
    second = Asking(probe.new_asker(), of(net, "endless"))
    first.join(5)
    assert isinstance(first.came, OutdatedError)
    assert probes() == before
    begun = time.monotonic()
    probe.close()
    second.join(5)
    assert time.monotonic() - begun < 1
    assert isinstance(second.came, OutdatedError)


def test_a_process_that_dies_fails_its_question_and_the_next_begins_a_new_one(probe: Probe, net: Path) -> None:
    with pytest.raises(RunError, match="The helper process ended with status -9"):
        probe.new_asker()(of(net, "deadly"))
    assert probe.new_asker()(of(net, "quick"))["hidden_widths"] == [5]


def test_a_network_can_neither_read_questions_nor_write_answers(net: Path) -> None:
    with pytest.raises(UsageError, match=r"curious of .* fails with EOFError"):
        ask(of(net, "curious"))
    until(lambda: not probes())
