"""The whole way with a real engine: train, connect, look, export, fail, relaunch, interrupt."""

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

import pytest
from commanding import Said, end_agent, process


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A catalogue's path; the agent that worked for it is ended afterwards."""
    path = tmp_path / "c.db"
    yield path
    end_agent(path)


def test_the_whole_way(place: Path, tmp_path: Path) -> None:
    def thalweg(*arguments: object) -> Said:
        return process(arguments, place)

    trained = thalweg("train", "fcn:16", "digits", "--epochs", 15, "--count", 2, "-o", "lr=0.01", "--json")
    assert trained.status == 0, trained.err
    models = json.loads(trained.out)
    assert [(one["id"], one["state"]) for one in models] == [(1, "done"), (2, "done")]

    failed = thalweg("connect", 1, 2, "--method", "linear", "--below", 0.001)
    assert failed.status == 1
    assert "highest train loss" in failed.out
    assert "could not connect" in failed.err
    assert "could not connect" not in failed.out

    again = thalweg("relaunch", "--failed", "-o", "below=100", "--json")
    assert again.status == 0, again.err
    assert json.loads(again.out)[0]["relaunch_of"] == 2

    paths = list(csv.DictReader(io.StringIO(thalweg("export", "paths").out)))
    assert [(row["id"], row["state"]) for row in paths] == [("1", "failed"), ("2", "done")]
    assert paths[0]["max_train_loss"] == paths[1]["max_train_loss"]

    target = tmp_path / "points.safetensors"
    assert thalweg("points", 2, "--count", 3, "--to", target).status == 0
    assert target.stat().st_size > 0
    written = thalweg("points", 2, "--knots", "--to", target, "--json")
    assert written.err == f"2 knots of path 2 written to {target}\n"
    assert json.loads(written.out).items() >= {"id": 2, "knots": 2, "dtype": "float32", "file": str(target)}.items()


def test_wide_networks_are_joined_and_descend(place: Path) -> None:
    def thalweg(*arguments: object) -> Said:
        return process(arguments, place)

    network = "fcn:24-16,activation=leaky_relu,slope=0.1"
    trained = thalweg("train", network, "digits,limit=16", "--epochs", 3, "--count", 2, "-o", "dtype=float64")
    assert trained.status == 0, trained.err

    descended = thalweg("descend", 1, "--to", 0.01, "--json")
    assert descended.status == 0, descended.err
    down = json.loads(descended.out)
    assert (down["model_a"], down["model_b"], down["method"], down["certificate"]) == (1, 3, "descend", "identity")
    assert down["train_loss_b"] <= 0.01 < down["train_loss_a"]
    assert down["level"] - down["drift"] == pytest.approx(down["train_loss_a"], rel=1e-12)
    joined = json.loads(thalweg("connect", 2, 3, "--method", "wide", "--json").out)
    assert joined["certificate"] == "identity"
    assert 0 <= joined["barrier"] < 1e-9
    assert thalweg("descend", 1, "--to", 0).status == 2


def test_an_interrupted_wait_leaves_the_job_running(place: Path) -> None:
    command = [sys.executable, "-m", "tui.main", "train", "fcn:16", "digits", "--epochs", "100000"]
    environment = {**os.environ, "THALWEG_CATALOGUE": str(place)}
    waiting = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert waiting.stderr is not None
    while "running" not in waiting.stderr.readline():
        assert waiting.poll() is None
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=20)
    assert (waiting.returncode, out) == (130, "")
    assert "thalweg cancel 1" in err
    assert state(place) == "running"
    assert process(["cancel", 1], place).out == "run 1: asked to stop\n"
    until = time.monotonic() + 30
    while state(place) == "running" and time.monotonic() < until:
        time.sleep(0.2)
    assert state(place) == "cancelled"


def state(place: Path) -> str:
    rows = json.loads(process(["list", "runs", "--json"], place).out)
    return str(rows[0]["state"])
