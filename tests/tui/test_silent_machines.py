"""Machines that nobody hears of, agents that are silent or wait: as commands and the screen tell of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commanding import Run
from piloting import Sitting, play
from sqlalchemy import update

from core.engine.client import Client
from store import Catalogue, Device, NewRun, Runs
from store import Run as RunRecord
from store.run_tables import AttemptRow
from tests.store.filling import machine
from tui.cli.progress import Lines

QUEUED = 5  # the run that waits in a seeded catalogue


def hear(path: Path, ago: timedelta) -> None:
    """The waiting run is begun by a laptop that was heard of some time ago."""
    with Catalogue.open(path) as catalogue, catalogue.write() as session:
        claim = Runs(session).claim(machine("laptop"), 1, [Device("cpu", 9)])
        assert claim is not None
        assert claim.run.id == QUEUED
        mine = update(AttemptRow).where(AttemptRow.id == claim.attempt.id)
        session.execute(mine.values(heartbeat_at=datetime.now(UTC) - ago))


def test_the_doctor_names_a_run_that_nobody_hears_of_and_force_gives_it_up(thalweg: Run, seeded: Path) -> None:
    hear(seeded, timedelta(hours=5, minutes=1))
    said = thalweg("doctor")
    where = "Run 5 is at work on laptop, of whose agent nothing has been heard for 5 hours"
    assert f"note: {where}; `thalweg cancel 5 --force` gives it up.\n" in said.out
    assert said.status == 0
    assert thalweg("cancel", 5).out == "run 5: asked to stop\n"
    assert thalweg("cancel", 5, "--force").out == "run 5: cancelled\n"
    assert "given up: it was at work on laptop" in thalweg("show", "run", 5).out
    assert "--force" not in thalweg("doctor").out


def test_force_is_refused_with_a_sentence_while_a_machine_is_heard_of(thalweg: Run, seeded: Path) -> None:
    hear(seeded, timedelta(minutes=9))
    said = thalweg("cancel", 5, "--force")
    assert said.status == 2
    assert said.out == ""
    assert said.err == (
        "thalweg: Run 5 is not given up: it is at work on laptop, whose agent gave a sign of life 9 minutes ago; "
        "--force is for machines silent for 10 minutes, `thalweg cancel 5` asks it to stop.\n"
    )
    assert thalweg("cancel", 1, "--force").status == 2


def test_the_screen_s_line_and_the_doctor_say_that_the_agent_is_silent(
    thalweg: Run, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "agent_status", lambda _: "the agent has been silent for 40 seconds")
    assert "the agent has been silent for 40 seconds" in thalweg("doctor").out

    async def look(one: Sitting) -> None:
        await one.until(lambda: "the agent has been silent for 40 seconds" in one.shown)

    play(seeded, look, size=(140, 30))


def test_whoever_waits_is_told_why_nothing_goes_on_and_when_it_does(
    seeded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def waiting(message: str | None) -> list[RunRecord]:
        with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
            run_id = Runs(session).add(NewRun(kind="train", spec="{}"))
            run = Runs(session).get(run_id)
        return [RunRecord(**{**vars(run), "id": 9, "message": message})]

    lines = Lines()
    for message, trouble in (
        (None, ""),
        ("waits for cuda: the agent of vm has cpu", ""),
        ("waits for cuda: the agent of vm has cpu", "The disk is full: waiting for room."),
        ("waits for cuda: the agent of vm has cpu", ""),
    ):
        lines.show(waiting(message), trouble)
    assert capsys.readouterr().err.splitlines() == [
        "run 9 (train): queued",
        "run 9 (train): queued, waits for cuda: the agent of vm has cpu",
        "The disk is full: waiting for room.",
        "It continues.",
    ]
