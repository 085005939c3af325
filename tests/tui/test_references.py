"""Models named by the run that was to make them, and networks of one's own files, as people see them."""

from pathlib import Path

import pytest
from commanding import Run, add
from piloting import Sitting, play
from showing import play as show
from showing import text

from core.specs.methods import METHODS
from core.specs.runs import Connect, ModelRef
from store import Catalogue, Models, Runs
from tui.app.screens.compare import CompareScreen
from tui.app.screens.faults import FaultsScreen
from tui.app.screens.relaunch import RelaunchScreen
from tui.shared.columns import network

FILE = f"file:/somebody/a long way off/net.py:make,sha256={'0' * 64}"


def connect(a: ModelRef, b: ModelRef) -> Connect:
    return Connect(a=a, b=b, method=METHODS["linear"]())


@pytest.fixture
def planned(seeded: Path) -> Path:
    """Runs 6 and 7 join models that run 1 has made, run 8 one that run 5 has not; 6 and 7 failed."""
    with Catalogue.open(seeded) as catalogue:
        with catalogue.write() as session:
            Runs(session).request_cancel([5])
        add(catalogue, connect(ModelRef(run=1), ModelRef(run=1, position=1)), "failed")
        add(catalogue, connect(ModelRef(run=1, position=1), ModelRef(run=1)), "failed")
        add(catalogue, connect(ModelRef(model=1), ModelRef(run=5, position=1)), "queued")
    return seeded


def test_a_model_that_exists_is_shown_by_its_id_wherever_its_run_was_named(planned: Path, thalweg: Run) -> None:
    listed = {line.split()[0]: line for line in thalweg("list", "runs").out.splitlines()}
    assert "1 to 2, linear" in listed["6"]
    assert "2 to 1, linear" in listed["7"]
    assert "1 to run:5:1, linear" in listed["8"]
    assert "a.model=1" in thalweg("show", "run", 6).out
    compared = thalweg("compare", "runs", 6, 7).out
    assert ["a", "1", "2"] in [line.split() for line in compared.splitlines()]
    assert "run:1" not in compared

    async def use(one: Sitting) -> None:
        await one.until(lambda: "1 to 2, linear" in one.shown)
        assert "run:1" not in one.shown
        assert "1 to run:5:1, linear" in one.shown
        await one.press("j", "j", "enter")
        await one.until(lambda: "thalweg connect 1 2 --method linear" in one.shown)

    play(planned, use, size=(140, 60))
    for make in (
        FaultsScreen,
        lambda client: RelaunchScreen(client, [6]),
        lambda one: CompareScreen(one, "runs", [6, 7]),
    ):
        said = text(show(planned, make, size=(120, 40)))
        assert "run:1" not in said
        assert "1 to 2" in said or ("  1 " in said and "  2 " in said)


def test_a_reference_becomes_the_model_while_somebody_looks(planned: Path) -> None:
    async def use(one: Sitting) -> None:
        await one.until(lambda: "1 to run:5:1, linear" in one.shown)
        with Catalogue.open(planned) as catalogue, catalogue.write() as session:
            Models(session).add(5, {"position": 1})
        await one.until(lambda: "1 to 3, linear" in one.shown)

    play(planned, use)


def test_what_is_stored_stays_as_it_was_asked_for(planned: Path, thalweg: Run) -> None:
    assert '"run": 1' in thalweg("show", "run", 6, "--json").out
    assert '"run": 1' in thalweg("list", "runs", "--json").out


@pytest.mark.parametrize(
    ("given", "told"),
    [(FILE, "file:net.py:make"), ("file:net.py:make", "file:net.py:make"), ("fcn:8", "fcn:8"), (None, "-")],
)
def test_a_network_of_ones_own_is_told_by_its_file_and_what_makes_it(given: str | None, told: str) -> None:
    assert network(given) == told


def test_a_networks_sha256_stands_in_the_details_alone(seeded: Path, thalweg: Run) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        for position in (2, 3):
            Models(session).add(1, {"position": position, "network": FILE.replace("net.py", f"net{position}.py")})

    async def use(one: Sitting) -> None:
        await one.press("2")
        assert "file:net3.py:make" in one.shown
        assert "sha256" not in one.shown
        await one.press("enter")
        await one.until(lambda: "sha256" in one.shown)

    play(seeded, use, size=(100, 60))
    assert "sha256" not in thalweg("list", "models").out + thalweg("compare", "models", 3, 4).out
    assert "sha256" in thalweg("show", "model", 3).out


def test_networks_that_differ_in_what_is_left_out_are_compared_in_full(seeded: Path, thalweg: Run) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        for position, digit in ((2, "0"), (3, "1")):
            Models(session).add(1, {"position": position, "network": FILE.replace("0" * 64, digit * 64)})
    assert "1" * 64 in thalweg("compare", "models", 3, 4).out
