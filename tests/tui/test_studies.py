"""Studies as people run them: files, what is refused, and going on after everything was killed."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from commanding import Run, process

from core.studies.plan import Panel, PanelCurve
from tui.shared.charts import panels

# A study like figure 3(a), of seconds; a process of its own knows it by this.
TINY = """
import sys
from core.studies import STUDIES, nbm21
from core.studies.nbm21_settings import small
tiny = small("digits", "fcn:8x2", "digits,limit=100", models=MODELS, epochs=300, sparse_epochs=2)
STUDIES["tiny"] = nbm21.layers("a tiny study", dict.fromkeys(("small", "medium", "paper"), [tiny]))
from tui.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, with a catalogue; whatever process works for it is killed afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THALWEG_CATALOGUE", str(tmp_path / "c.db"))
    yield tmp_path
    kill_all(tmp_path)


def processes(place: Path) -> list[psutil.Process]:
    """Agent and workers: those that name the folder."""
    found = []
    for one in psutil.process_iter(["cmdline", "cwd"]):
        words = [*(one.info["cmdline"] or []), one.info["cwd"] or ""]
        if one.pid != os.getpid() and "core.engine" in " ".join(words) and any(str(place) in word for word in words):
            found.append(one)
    return found


def kill_all(place: Path) -> int:
    killed = 0
    while found := processes(place):
        for one in found:
            one.kill()
            killed += 1
        psutil.wait_procs(found, timeout=10)
    return killed


def command(models: int, *arguments: str) -> "subprocess.Popen[str]":
    code = TINY.replace("MODELS", str(models))
    return subprocess.Popen(
        [sys.executable, "-c", code, "study", "tiny", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(running: "subprocess.Popen[str]", status: int = 0) -> tuple[str, str]:
    out, err = running.communicate(timeout=150)
    assert running.returncode == status, err
    return out, err


def test_a_study_goes_on_after_command_agent_and_worker_were_killed(place: Path) -> None:
    first = command(1, "--to", "found")
    assert first.stderr is not None
    while "running" not in first.stderr.readline():
        assert first.poll() is None
    until = time.monotonic() + 60
    while not list(place.glob("c.db.files/runs/1/1/owner")):
        assert time.monotonic() < until
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert kill_all(place) >= 2, "the agent and its worker"
    out, err = finished(command(1, "--to", "found", "--json"))
    assert "started again" in err
    found = json.loads(out)
    assert found["run_ids"] == [4, 5, 6], "each of the three runs was repeated once"
    assert [row["layer"] for row in found["rows"]] == [0, 1, 2]
    assert "the sparse bound exceeds a model's own train loss by at most" in found["sentence"]

    again, err = finished(command(1, "--to", "found", "--json"))
    assert "3 runs, of which 3 are done" in err
    assert json.loads(again) == found

    table = list(csv.DictReader(io.StringIO((place / "found" / "table.csv").read_text())))
    assert [float(row["sparse"]) for row in table] == [row["sparse"] for row in found["rows"]]
    assert (place / "found" / "figure.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert (place / "found" / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert min((place / "found" / f"figure.{one}").stat().st_size for one in ("png", "pdf")) > 5000
    about = json.loads((place / "found" / "study.json").read_text())
    assert [run["spec"]["run"]["kind"] for run in about["runs"]] == ["train", "bound", "bound"]
    assert about["machines"][0]["device"]
    assert about["seconds"] > 0


def test_a_study_with_runs_missing_leaves_what_there_is(place: Path) -> None:
    out, _ = finished(command(2, "--detach"))
    assert out.split() == [f"run:{i}" for i in range(1, 6)]
    assert process(["cancel", 3, 4, 5], place / "c.db").status == 0
    until = time.monotonic() + 120
    while len(json.loads(process(["list", "runs", "--where", "state=done", "--json"], place / "c.db").out)) < 2:
        assert time.monotonic() < until
        time.sleep(0.5)
    out, err = finished(command(2, "--partial", "--scale", "small"), status=1)
    assert "Of 5 runs: 3 missing." in out
    assert "Written to tiny-small: table.csv, figure.png, figure.pdf, study.json" in err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("study nbm21-fig3a --to {file}", "is not a folder"),
        ("study nbm21-fig3a --to {file}/below", "is not a folder"),
        ("study nbm21-fig3a --partial --fresh", "--partial"),
        ("study nbm21-fig3a --data-root {folder}", "train-images-idx3"),
        ("study nbm21-fig3", "nbm21-fig3a"),
    ],
)
def test_what_cannot_work_is_refused_with_nothing_enqueued(line: str, hint: str, thalweg: Run, home: Path) -> None:
    (home / "file").write_text("")
    said = thalweg(*line.format(file=home / "file", folder=home).split())
    assert (said.status, said.out) == (2, "")
    assert hint in said.err
    assert thalweg("list", "runs", "--json").out.strip() == "[]"


def test_panels_are_drawn_at_any_scale_with_and_without_intervals(tmp_path: Path) -> None:
    curves = [
        PanelCurve("sparse", [0, 1], [[0.1, 0.5, 0.0], [0.2, 0.3]]),
        PanelCurve("one point", [1], [[1e-9]]),
        PanelCurve("nothing yet", [], []),
        PanelCurve("along", [i / 99 for i in range(100)], [[1.0]] * 100),
        PanelCurve("models $x$", [0, 1], [[0.0], [0.0]], reference=True),
    ]
    targets = [tmp_path / "a.png", tmp_path / "a.pdf"]
    for count, logarithmic in ((1, True), (3, False)):
        panels.save([Panel("a $title", "x", "y", curves)] * count, targets, logarithmic=logarithmic)
        assert [file.read_bytes()[:4] for file in targets] == [b"\x89PNG", b"%PDF"]
        assert min(file.stat().st_size for file in targets) > 5000
