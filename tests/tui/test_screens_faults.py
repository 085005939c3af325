"""What failed: why, its last lines, its log, and having it again; comparing rows."""

from pathlib import Path
from typing import Any

import pytest
from commanding import HOSTILE, Run, add, add_path
from hypothesis import example, given
from hypothesis import strategies as st
from showing import play, press, settle, text, until
from textual.pilot import Pilot
from textual.widgets import DataTable

from core.engine.client import Client
from core.engine.folders import attempt_folder, log_of
from core.specs.methods import METHODS
from core.specs.runs import Connect, ModelRef, Train
from store import Catalogue, NewRun, Runs
from store.base import table
from tui.app.screens.compare import CompareScreen
from tui.app.screens.faults import FaultsScreen
from tui.app.screens.log import LogScreen
from tui.app.screens.relaunch import RelaunchScreen
from tui.app.widgets.row_table import RowTable
from tui.shared.faults import Faults, faults, grouped


@pytest.fixture
def broken(home: Path) -> Path:
    """Three failed trainings, the last two with a finding; the first has a log."""
    path = home / "c.db"
    with Catalogue.open(path) as catalogue:
        for seed, kind in enumerate(("exception", "loss not reached", "could not connect")):
            add(catalogue, Train(network="fcn:8", data="digits", seed=seed), "failed", kind)
        folder = attempt_folder(catalogue.files / "runs", 1, 1)
        folder.mkdir(parents=True)
        log_of(folder).write_text(f"so far so good\n{HOSTILE}\n")
    return path


def test_faults_say_why_and_what_was_written_last(broken: Path) -> None:
    app = play(broken, FaultsScreen, lambda pilot: press(pilot, *"jjjjj"))
    said = text(app)
    assert "Runs: 1 not connected, 1 loss not reached, 1 failed" in said
    assert [" ".join(line.split()[:6]) for line in said.splitlines() if " × " in line] == [
        "▾ ○ finding 1 × could",
        "▾ ○ finding 1 × loss",
        "▾ ✗ failed 1 × exception:",
    ]
    assert [line.split()[0] for line in said.splitlines() if " train fcn:8" in line] == ["3", "2", "1"]
    assert "run 1: exception: [red]x[/red] \\x1b[31m\\x07 \\u202egnp.exe" in said
    assert "so far so good\n [red]x[/red] \\x1b[31m\\x07" in said


def test_the_log_of_a_fault_is_an_enter_away(broken: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, "j", "enter")
        assert isinstance(pilot.app.screen, LogScreen)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, FaultsScreen)

    play(broken, FaultsScreen, use)


@pytest.mark.parametrize(("keys", "runs"), [("r", [3]), ("space j j space r", [2, 3]), ("a", [1, 2, 3])])
def test_one_the_marked_or_all_are_relaunched_after_a_look_at_the_plan(
    keys: str, runs: list[int], broken: Path
) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, *keys.split())
        assert isinstance(pilot.app.screen, RelaunchScreen)
        assert pilot.app.screen.run_ids == runs
        await press(pilot, "ctrl+s")
        assert isinstance(pilot.app.screen, FaultsScreen)
        await settle(pilot)

    play(broken, FaultsScreen, use)
    with Catalogue.open(broken) as catalogue, catalogue.read() as session:
        assert [old for old in (1, 2, 3) if Runs(session).relaunches(old)] == runs
        assert Runs(session).counts()["failed"] == 3


def test_what_was_relaunched_says_as_what_and_is_not_relaunched_with_all(broken: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, "r", "ctrl+s")
        rows = pilot.app.screen.query_one(RowTable)
        assert str(rows.get_row_at(1)[-1]) == "4"
        await press(pilot, "a")
        assert pilot.app.screen.run_ids == [1, 2]  # type: ignore[attr-defined]

    play(broken, FaultsScreen, use)


@pytest.mark.parametrize("size", [(3, 2), (60, 20)])
def test_faults_work_in_small_terminals_and_empty_catalogues(size: tuple[int, int], home: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, "space", "r", "enter", "j", "a")

    app = play(home / "c.db", FaultsScreen, use, size)
    assert app.told == ["Every failed run was relaunched already."]  # type: ignore[attr-defined]
    assert size == (3, 2) or "No runs have failed" in text(app)


@pytest.fixture
def many(home: Path) -> Path:
    """Forty runs that missed their loss by different figures, three that were killed, a stale one."""
    path = home / "c.db"
    with Catalogue.open(path) as catalogue:
        for seed in range(43):
            add(catalogue, Train(network="fcn:8", data="digits", seed=seed), "failed", "killed")
        with catalogue.write() as session:
            runs = table("runs")
            session.execute(runs.update().values(cause="killed by signal 9"))
            for run_id in range(1, 41):
                cause = f"The train loss is {run_id / 7:.4g} after {run_id} epochs, above 0.1."
                missed = {"cause": cause, "cause_kind": "loss not reached", "outcome": "finding"}
                session.execute(runs.update().where(runs.c.id == run_id).values(**missed))
    return path


def test_faults_are_together_by_cause_with_counts_and_open_one_by_one(many: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        heads = [line for line in text(pilot.app).splitlines() if " × " in line]
        assert "▸" in heads[0]
        assert "40 × loss not reached: The train " in heads[0]
        assert "3 × killed by signal 9" in heads[1]
        assert "40 runs: loss not reached: The train loss is … after … epochs, above 0.1." in text(pilot.app)
        await press(pilot, "j", "enter")
        opened = [line for line in text(pilot.app).splitlines() if "train fcn:8" in line]
        assert [line.split()[0] for line in opened] == ["43", "42", "41"]
        await press(pilot, "enter")
        assert "train fcn:8" not in text(pilot.app)
        await press(pilot, "space", "k", "r")
        assert isinstance(pilot.app.screen, RelaunchScreen)
        assert pilot.app.screen.run_ids == [41, 42, 43]
        await press(pilot, "escape", "space", "r")
        assert pilot.app.screen.run_ids == list(range(1, 44))  # type: ignore[attr-defined]

    play(many, FaultsScreen, use)


def test_faults_are_those_that_the_filter_lets_through(many: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        assert "Runs with id>39: 1 loss not reached, 3 failed" in text(pilot.app)
        await press(pilot, "a")
        assert pilot.app.screen.run_ids == [40, 41, 42, 43]  # type: ignore[attr-defined]

    play(many, lambda client: FaultsScreen(client, "id>39"), use)
    said = text(play(many, lambda client: FaultsScreen(client, "state=done")))
    assert "No runs with state=done have failed or are stale." in said


@given(st.lists(st.tuples(st.sampled_from(["exception", "killed"]), st.text(max_size=12)), max_size=30))
@example([("killed", "a 1 b"), ("killed", "a … b")])
def test_every_run_is_in_one_group_of_its_own_kind(causes: list[tuple[str, str]]) -> None:
    rows = [
        {"id": place, "state": "failed", "outcome": "fault", "cause_kind": kind, "cause": cause}
        for place, (kind, cause) in enumerate(causes, start=1)
    ]
    groups = grouped(reversed(rows))
    assert sorted(run_id for one in groups for run_id in one.run_ids) == [row["id"] for row in rows]
    assert all(len({rows[run_id - 1]["cause_kind"] for run_id in one.run_ids}) == 1 for one in groups)
    assert [len(one.run_ids) for one in groups] == sorted((len(one.run_ids) for one in groups), reverse=True)


def test_paths_are_compared_by_what_differs_and_what_came_of_it(seeded: Path, thalweg: Run) -> None:
    told = thalweg("compare", "paths", 1, 2).out.splitlines()

    async def read(pilot: Pilot[Any]) -> None:
        table = pilot.app.screen.query_one(DataTable)
        rows = [[str(cell).strip() for cell in table.get_row_at(i)] for i in range(table.row_count)]
        names = [one[0] for one in rows]
        assert ["method", "string", "linear"] in rows
        assert ["max_train_loss", "0.02", "3"] in rows
        assert "model_a" not in names
        assert {line.split()[0] for line in told if line.startswith("max_")} <= set(names)

    said = text(play(seeded, lambda client: CompareScreen(client, "paths", [1, 2]), read, (120, 40)))
    assert "a━━ 1 string, train: 0.01 to 0.02" in said
    assert "b━━ 2 linear, train: 0.01 to 3" in said


@pytest.mark.parametrize(("kind", "ids"), [("runs", [1, 2]), ("models", [1, 2]), ("bounds", [1]), ("paths", [1, 99])])
def test_everything_can_be_compared_or_says_why_not(kind: str, ids: list[int], seeded: Path) -> None:
    app = play(seeded, lambda client: CompareScreen(client, kind, ids))
    if kind == "bounds":
        assert "at least two different bounds" in app.told[0]  # type: ignore[attr-defined]
    elif ids == [1, 99]:
        assert "There is no path 99" in app.told[0]  # type: ignore[attr-defined]
    else:
        assert "results" in text(app)


def test_more_than_can_be_told_apart_are_left_out(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        Runs(session).request_cancel([5])
    with Catalogue.open(seeded) as catalogue:
        method = METHODS["linear"]()
        for i in range(12):
            run_id = add(catalogue, Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=method), "done")
            add_path(catalogue, run_id, "linear", [0.01, 0.1 * i, 0.02])
    app = play(seeded, lambda client: CompareScreen(client, "paths", range(1, 15)))
    assert "2 more are left out" in app.told[0]  # type: ignore[attr-defined]


def test_what_cannot_be_read_is_no_crash(seeded: Path) -> None:
    """A spec of no known form, from a newer program say: compared as far as it goes, and not relaunched."""
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        strange = Runs(session).add(NewRun(kind="train", spec="{}", name="strange"))
        Runs(session).request_cancel([strange])

    async def read(pilot: Pilot[Any]) -> None:
        table = pilot.app.screen.query_one(DataTable)
        assert ["name", "-", "strange"] in [
            [str(one).strip() for one in table.get_row_at(i)] for i in range(table.row_count)
        ]

    play(seeded, lambda client: CompareScreen(client, "runs", [1, strange]), read)
    app = play(seeded, lambda client: RelaunchScreen(client, [strange]), lambda pilot: press(pilot, "ctrl+s"))
    assert "This is not a stored spec" in text(app)
    assert app.answers == []


def test_faults_are_read_again_only_where_somebody_wrote(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(client: Client, where: str, opened: set[int] | None, room: int) -> Faults:
        read.append(where)
        return faults(client, where, opened, room)

    monkeypatch.setattr("tui.app.screens.faults.POLL", 0.02)
    monkeypatch.setattr("tui.app.screens.faults.faults", counted)

    async def wait(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: len(read) == 1)
        await pilot.pause(0.5)
        assert len(read) == 1
        with Catalogue.open(broken) as catalogue:
            add(catalogue, Train(network="fcn:8", data="digits", seed=9), "failed", "killed")
        await until(pilot, lambda: "2 failed" in text(pilot.app))

    play(broken, FaultsScreen, wait)


def test_the_same_complaint_is_made_once(seeded: Path) -> None:
    async def wait(pilot: Pilot[Any]) -> None:
        await pilot.pause(1.0)

    assert len(play(seeded, lambda client: LogScreen(client, 99), wait).told) == 1  # type: ignore[attr-defined]
