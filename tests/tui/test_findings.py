"""A finding is not a crash: told apart in lists, counts and sentences; a traceback comes after everything else."""

import json
from pathlib import Path

import pytest
from commanding import Run, add
from piloting import Sitting, play

from core.engine.folders import attempt_folder, log_of
from core.errors import FINDINGS
from core.specs.runs import Train
from store import Catalogue, NewRun, Runs
from tui.cli.run_command import say_failed
from tui.shared.formatting import COLOURS, SYMBOLS, count_words, counts_text, run_state_word, state_symbol
from tui.shared.location import Location

TRACEBACK = "Traceback (most recent call last):\n  in the middle of it\nRuntimeError: it broke\n"


@pytest.fixture
def mixed(home: Path) -> Path:
    """Three runs that failed with a finding, and one with a fault, which has a log."""
    path = home / "c.db"
    with Catalogue.open(path) as catalogue:
        for kind in ("could not connect", "premise", "could not connect", "exception"):
            add(catalogue, Train(network="fcn:8", data="digits"), "failed", kind)
        log = log_of(attempt_folder(catalogue.files / "runs", 4, 1))
        log.parent.mkdir(parents=True)
        log.write_text(f"Failed after 1 s: it broke.\n{TRACEBACK}")
    return path


def test_states_of_findings_and_faults_differ_by_sign_and_word_and_colour_in_every_encoding() -> None:
    for kind in FINDINGS:
        word = run_state_word("failed", "finding", kind)
        for encoding in ("utf-8", "ascii"):
            assert state_symbol(word, encoding)[0] != state_symbol("failed", encoding)[0]
        assert SYMBOLS[word] in state_symbol(word, "utf-8")
        assert COLOURS[word] != COLOURS["failed"]
    assert run_state_word("failed", "finding", "of a later edition") == "finding"
    assert run_state_word("failed", "fault", "exception") == "failed"
    assert run_state_word("done", None, None) == "done"


def test_counts_tell_findings_from_faults() -> None:
    counts = count_words({"done": 4, "failed": 4, "queued": 0}, {"could not connect": 2, "premise": 1})
    assert counts_text(counts) == "4 done, 2 not connected, 1 premise fails, 1 failed"


def test_a_waiting_command_says_what_was_found_and_what_broke(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Catalogue.open(mixed) as catalogue, catalogue.read() as session:
        runs = Runs(session).several([1, 2, 3, 4])
    say_failed(runs, Location(mixed))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Run 1 could not connect: [red]x[/red]")
    assert lines[1].startswith("Run 2 ended: premise: [red]x[/red]")
    assert lines[3].startswith("Run 4 failed: exception: ")
    assert lines[4] == "Of these 4 runs: 2 not connected, 1 premise fails, 1 failed."
    assert "relaunch 1 2 3 4` repeats" in lines[5]


def test_one_condition_finds_the_faults_and_a_relaunch_of_what_failed_takes_both(thalweg: Run, mixed: Path) -> None:
    found = json.loads(thalweg("list", "runs", "--where", "outcome=fault", "--columns", "id,state", "--json").out)
    assert found == [{"id": 4, "state": "failed"}]
    assert thalweg("list", "runs", "--where", "outcome=broken").status == 2
    rows = [line.split()[:3] for line in thalweg("list", "runs").out.splitlines()[1:]]
    assert rows == [["1", "○", "finding"], ["2", "○", "finding"], ["3", "○", "finding"], ["4", "✗", "failed"]]
    told = thalweg("relaunch", "--failed", "--dry-run", "--json")
    assert [one["run_id"] for one in json.loads(told.out)] == [1, 2, 3, 4]


def test_show_tells_how_it_ended_first_and_the_traceback_last(thalweg: Run, mixed: Path) -> None:
    lines = thalweg("show", "run", 4).out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["state", "outcome", "cause_kind", "cause"]
    assert "\n".join(lines).endswith(f"last lines of its log\nFailed after 1 s: it broke.\n{TRACEBACK.strip()}")
    assert "○ not connected" in thalweg("show", "run", 1).out


@pytest.mark.parametrize("options", [(), ("--follow",), ("--tail", "3")])
def test_a_log_ends_with_its_traceback_and_nothing_is_said_after_it(
    options: tuple[object, ...], thalweg: Run, mixed: Path
) -> None:
    said = thalweg("log", 4, *options)
    assert said.out.endswith(TRACEBACK)
    assert (said.status, said.err) == (0, "")


def test_a_run_that_never_began_says_why_to_those_who_follow_it(thalweg: Run, mixed: Path) -> None:
    with Catalogue.open(mixed) as catalogue, catalogue.write() as session:
        waits = Runs(session).add(NewRun(kind="train", spec=Runs(session).get(4).spec, needs=(4,)))
        Runs(session).fail_blocked()
    assert "input failed: run 4" in thalweg("log", waits, "--follow").err


def test_the_line_on_the_machine_counts_findings_apart(mixed: Path) -> None:
    async def look(one: Sitting) -> None:
        assert "○ 2 not connected   ○ 1 premise fails   ✗ 1 failed" in one.shown
        await one.press("/", *"outcome=fault", "enter")
        assert one.ids == [4]

    play(mixed, look, size=(120, 30))


def test_an_agent_says_what_came_of_its_runs_and_a_doctor_what_came_of_all(thalweg: Run, mixed: Path) -> None:
    assert thalweg("agent", "--drain").err.splitlines()[-1] == "Runs that ended meanwhile: none."
    told = next(line for line in thalweg("doctor").out.splitlines() if line.startswith("runs "))
    assert told.split(maxsplit=1)[1] == "2 not connected, 1 premise fails, 1 failed"
