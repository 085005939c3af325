"""The log of a run: what is said and printed, with its time, up to a size, whatever the disk does."""

import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.log import FULL, LIMIT, Log
from core.engine.worker import journal as journal_module
from core.engine.worker.journal import Journal

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", re.MULTILINE)
PIECES = st.lists(st.tuples(st.booleans(), st.text("ab\r\nñ🌊", max_size=8)), max_size=12)


def unstamped(file: Path) -> str:
    """The log without times; every line must have one."""
    content = file.read_bytes().decode()
    lines = content.split("\n")
    assert all(STAMP.match(line) for line in lines if line)
    return "\n".join(STAMP.sub("", line) for line in lines)


@given(pieces=PIECES)
def test_what_is_said_and_printed_is_there_line_by_line_each_with_its_time(
    pieces: list[tuple[bool, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("log") / "log.txt"
    log, expected = Log(file), ""
    stream = log.stream()
    for said, text in pieces:
        if said:
            log.say(f"said {text.strip()}!")
            expected += ("" if expected.endswith("\n") or not expected else "\n") + f"said {text.strip()}!\n"
        else:
            stream.write(text)
            expected += text
    log.close()
    assert [line for line in unstamped(file).split("\n") if line] == [line for line in expected.split("\n") if line]


def test_a_log_of_five_megabytes_says_once_that_it_is_full_and_then_only_how_it_ended(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.txt")
    for i in range(60_000):
        log.say(f"{i} {'x' * 100}")
    print("too late", file=log.stream())
    log.end("Failed: at last.")
    log.close()
    again = Log(tmp_path / "log.txt")
    again.say("a second attempt")
    again.close()
    lines = unstamped(tmp_path / "log.txt").split("\n")[:-1]
    assert (tmp_path / "log.txt").stat().st_size <= LIMIT == 5_000_000
    assert [i for i, line in enumerate(lines) if line == FULL] == [len(lines) - 3, len(lines) - 1]
    assert lines[-2] == "Failed: at last."


@pytest.mark.parametrize("what", ["a folder that isn't there", "a folder", "a full disk"])
def test_a_log_that_cannot_be_written_is_no_error(what: str, tmp_path: Path) -> None:
    files = {
        "a folder that isn't there": tmp_path / "no" / "log.txt",
        "a folder": tmp_path,
        "a full disk": Path("/dev/full"),
    }
    if not files[what].exists() and what == "a full disk":
        pytest.skip("needs a disk that is always full")
    log = Log(files[what])
    log.say("something")
    print("and this", file=log.stream())
    log.end("Done.")
    log.close()


def test_a_job_that_says_nothing_for_long_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path / "log.txt")
    journal = Journal(tmp_path, log)
    journal.progress(0.1, "just begun")
    monkeypatch.setattr(journal_module, "QUIET_SECONDS", 0.0)
    journal.progress(0.5, "3 beads, training 1 more")
    journal.close()
    log.close()
    assert unstamped(tmp_path / "log.txt") == "So far: 3 beads, training 1 more.\n"


def test_threads_do_not_tear_each_other_s_lines(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.txt")

    def speak(name: str) -> None:
        for i in range(300):
            log.say(f"{name} {i}")

    threads = [threading.Thread(target=speak, args=(name,)) for name in "abcd"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    log.close()
    said = unstamped(tmp_path / "log.txt").split("\n")[:-1]
    assert sorted(said) == sorted(f"{name} {i}" for name in "abcd" for i in range(300))
