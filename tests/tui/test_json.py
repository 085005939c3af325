"""Every command takes --json and prints one document then, whatever else it says; what is in it."""

import json
from hashlib import sha256
from pathlib import Path

import click
import pytest
from commanding import Run

from tui.main import COMMANDS, cli

WITHOUT = {"completion"}  # a script for a shell is no data
KEYS = {
    "cancel 5": [{"kind", "id", "state"}],
    "delete path 1 --yes": [{"kind", "id", "deleted"}],
    "tag run 1 good": [{"kind", "id", "tags"}],
    "note run 1 so": [{"kind", "id", "note"}],
    "plot path 1": {"kind", "ids", "title", "x", "y", "curves"},
    "plot run 1 --to {home}/a.svg": {"kind", "ids", "title", "file", "sha256"},
    "log 5": [],
    "log 1": [{"at", "text"}],
    "agent --drain": {"runs_done", "runs_failed", "seconds"},
    "compare runs 1 2": {"kind", "ids", "differences", "results"},
    "train fcn:8 digits --detach": [{"id", "run_id", "state"}],
    "bound run:5 --kind rank --detach": {"id", "run_id", "state"},
    "quickstart --detach": [{"id", "run_id", "state"}] * 4,
    "relaunch 1 --detach": [{"id", "run_id", "state"}],
    "relaunch 3 --dry-run": [{"run_id", "resume", "spec"}],
}


def test_every_command_takes_json() -> None:
    def takes(name: str) -> bool:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        return any("--json" in one.opts for one in command.params)

    assert {name for name in COMMANDS if not takes(name)} == WITHOUT


@pytest.mark.parametrize("command", KEYS)
def test_json_is_one_document_with_the_keys_that_are_promised(
    command: str, thalweg: Run, seeded: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.agent.run", lambda *_, **__: None)  # it works until the queue is empty
    log = Path(f"{seeded}.files/runs/1/log.txt")
    log.parent.mkdir(parents=True)
    log.write_text("2026-11-01T12:34:56Z Trains.\n")
    said = thalweg(*command.format(home=home).split(), "--json")
    assert said.status == 0, said
    document = json.loads(said.out)
    keys = [set(one) for one in document] if isinstance(document, list) else set(document)
    assert keys == KEYS[command]


def test_a_file_that_was_drawn_to_is_named_with_its_content_s_hash(thalweg: Run, seeded: Path, home: Path) -> None:
    document = json.loads(thalweg("plot", "paths", 1, 2, "--to", home / "a.svg", "--json").out)
    assert (document["kind"], document["ids"]) == ("paths", [1, 2])
    assert document["file"] == str(home / "a.svg")
    assert document["sha256"] == sha256((home / "a.svg").read_bytes()).hexdigest()


def test_curves_in_json_are_broken_where_a_value_is_missing(thalweg: Run, seeded: Path) -> None:
    curves = json.loads(thalweg("plot", "path", 2, "--json").out)["curves"]
    assert curves[0]["points"] == [[0.0, 0.01], [1 / 3, 3.0], None, [1.0, 0.015]]


def test_what_was_done_is_what_is_told(thalweg: Run, seeded: Path) -> None:
    assert json.loads(thalweg("cancel", 5, "--json").out) == [{"kind": "runs", "id": 5, "state": "cancelled"}]
    assert json.loads(thalweg("tag", "path", 1, "b", "a", "--json").out)[0]["tags"] == ["a", "b"]
    deleted = json.loads(thalweg("delete", "paths", 1, 2, "--yes", "--json").out)
    assert deleted == [{"kind": "paths", "id": path_id, "deleted": True} for path_id in (1, 2)]


LOG = "2026-11-01T12:34:56Z Reads the data.\r\nno time\n2026-11-01T12:34:57Z \x1b[31mred\n2026-11-01T12:34:58Z half"


def test_a_log_in_json_has_a_time_for_every_line_and_texts_as_they_are(thalweg: Run, seeded: Path) -> None:
    file = Path(f"{seeded}.files/runs/1/log.txt")
    file.parent.mkdir(parents=True)
    file.write_text(LOG, newline="")
    lines = [
        {"at": "2026-11-01T12:34:56Z", "text": "Reads the data."},
        {"at": None, "text": "no time"},
        {"at": "2026-11-01T12:34:57Z", "text": "\x1b[31mred"},
        {"at": "2026-11-01T12:34:58Z", "text": "half"},
    ]
    assert json.loads(thalweg("log", 1, "--json").out) == lines
    assert json.loads(thalweg("log", 1, "--json", "--tail", 2).out) == lines[2:]
    followed = thalweg("log", 1, "--json", "--follow").out
    assert [json.loads(line) for line in followed.splitlines()] == lines
    assert "\x1b" not in followed


def test_a_run_without_a_log_says_why_and_what_to_do(thalweg: Run, seeded: Path) -> None:
    said = thalweg("log", 5)
    assert (said.status, said.out) == (0, "")
    hint = "`thalweg log 5 --follow` waits for it."
    assert said.err == f"Run 5 is queued and has no log yet: it waits for a device. {hint}\n"
    assert thalweg("log", 1).err == "Run 1 is done and left no log.\n"
    assert "It had not started, so there is no log." in thalweg("log", 3).err
    assert thalweg("bound", "run:5", "--kind", "rank", "--detach").out == "run:6\n"
    assert "it waits for run 5" in thalweg("log", 6).err
