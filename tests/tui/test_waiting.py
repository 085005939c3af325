"""Waiting for runs that is broken off: what is said of those that go on."""

from pathlib import Path

import click
import pytest

from core.engine.client import Client
from store import Catalogue, NewRun, Runs
from tui.cli.location import CommandLocation
from tui.cli.progress import wait


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C as soon as the runs have been looked at once."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.engine.client.time.sleep", interrupt)


def broken_off(path: Path, run_ids: list[int]) -> None:
    with Catalogue.open(path) as catalogue, pytest.raises(click.exceptions.Exit) as status:
        wait(Client(catalogue), run_ids, CommandLocation(path))
    assert status.value.exit_code == 130


@pytest.mark.usefixtures("interrupted")
def test_a_wait_broken_off_counts_and_names_the_runs_that_are_left(
    seeded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        left = [Runs(session).add(NewRun(kind="train", spec="{}")) for _ in range(2)]
    broken_off(seeded, [1, *left])  # run 1 is done
    said = capsys.readouterr().err
    assert "2 runs continue: " in said
    assert f"log {left[0]} --follow` what run {left[0]} does" in said
    assert f"cancel {left[0]} {left[1]}` stops them." in said


@pytest.mark.usefixtures("interrupted")
def test_a_study_broken_off_is_stopped_by_its_name(seeded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        left = [Runs(session).add(NewRun(kind="train", spec="{}", study="fb17-e1")) for _ in range(2)]
    broken_off(seeded, [1, *left])  # run 1 is of no study, and done
    assert "cancel --where study=fb17-e1` stops them." in capsys.readouterr().err
