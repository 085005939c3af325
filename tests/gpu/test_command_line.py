"""The whole way on a GPU: command line, agent and worker processes; and what is said where it can't go on."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from core.engine.machines import this_machine
from core.engine.worker.causes import cause_of
from core.specs.runs import Train, to_json
from store import Catalogue, Models, NewRun, Runs
from tests.tui.commanding import Said, end_agent, process

pytestmark = pytest.mark.gpu

Thalweg = Callable[..., Said]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "c.db"
    yield path
    end_agent(path)


@pytest.fixture
def thalweg(place: Path) -> Thalweg:
    return lambda *arguments: process(arguments, place)


@pytest.fixture
def on(device: torch.device) -> list[str]:
    """The words that ask for the card."""
    return ["--device", device.type]


def attempts(place: Path) -> list[tuple[str, dict[str, object]]]:
    """Device and environment of the newest attempt of every run."""
    with Catalogue.open(place) as catalogue, catalogue.read() as session:
        runs = Runs(session)
        found = [runs.attempts(one)[-1] for one in (1, 2) if runs.attempts(one)]
    return [(one.device, json.loads(one.environment or "{}")) for one in found]


def test_train_connect_verify_and_list(thalweg: Thalweg, on: list[str], place: Path, device: torch.device) -> None:
    trained = thalweg("train", "fcn:24-16", "digits", "--epochs", 12, "--count", 2, "-o", "lr=0.01", *on, "--json")
    assert trained.status == 0, trained.err
    assert [one["id"] for one in json.loads(trained.out)] == [1, 2]
    connected = thalweg("connect", 1, 2, "--method", "sparse", "-o", "epochs=5", "-o", "draws=2", *on, "--json")
    assert connected.status == 0, connected.err
    path = json.loads(connected.out)
    assert (path["certificate"], path["certified"]) == ("exact", True)
    for used, facts in attempts(place):
        assert used == str(device)
        assert facts["device"] == str(device)
        assert device.type == "cpu" or facts["gpu"] == torch.cuda.get_device_name(device)
    verified = thalweg("verify", 1, "--json")  # on the CPU, in float64
    assert verified.status == 0, verified.err + verified.out
    again = json.loads(verified.out)
    assert again["verified"]
    assert again["level"] == pytest.approx(path["level"], rel=1e-12)
    listed = thalweg("list", "paths", "--json")
    assert [one["level"] for one in json.loads(listed.out)] == [path["level"]]


def test_the_same_command_twice_makes_the_same_model_bit_for_bit(thalweg: Thalweg, on: list[str], place: Path) -> None:
    for _ in range(2):
        done = thalweg("train", "fcn:24-16", "digits,limit=320", "--epochs", 4, "-o", "lr=0.01", *on)
        assert done.status == 0, done.err
    with Catalogue.open(place) as catalogue, catalogue.read() as session:
        first, second = (Models(session).get(one) for one in (1, 2))
    assert first.artifact == second.artifact, "files go by the hash of what is in them"
    assert first.train_loss == second.train_loss


def test_a_relaunch_from_a_checkpoint_ends_where_a_longer_run_does(thalweg: Thalweg, on: list[str]) -> None:
    short = thalweg("train", "fcn:24-16", "digits,limit=320", "--epochs", 4, "-o", "lr=0.01", *on, "--json")
    assert short.status == 0, short.err
    longer = thalweg("relaunch", 1, "--from", "checkpoint", "-o", "epochs=8", "--json")
    assert longer.status == 0, longer.err
    whole = thalweg("train", "fcn:24-16", "digits,limit=320", "--epochs", 8, "-o", "lr=0.01", *on, "--json")
    assert whole.status == 0, whole.err
    losses = {row["run_id"]: row["train_loss"] for row in json.loads(thalweg("list", "models", "--json").out)}
    assert losses[2] == losses[3]
    assert losses[1] != losses[2]


def test_memory_that_runs_out_is_the_cause_and_the_next_run_goes_well(
    thalweg: Thalweg, on: list[str], device: torch.device
) -> None:
    if device.type == "cpu":
        pytest.skip("the CPU's memory is not ours to fill")
    models, samples = 250, 1500
    memory = torch.cuda.get_device_properties(device).total_memory
    width = int(0.55 * memory / (4 * models * samples))  # features of one layer are half of it, and a gradient as large
    wide = ("train", f"fcn:{width}", "digits", "--epochs", 1, "--count", models, "-o", f"batch={samples}")
    failed = thalweg(*wide, *on)
    assert failed.status == 1, failed.err
    assert "try a smaller count, batch or network" in failed.err
    (run,) = json.loads(thalweg("list", "runs", "--json").out)
    assert (run["state"], run["cause_kind"]) == ("failed", "out of memory")
    assert thalweg("train", "fcn:8", "digits", "--epochs", 1, *on).status == 0


def test_torch_s_own_errors_are_told_as_want_of_memory(device: torch.device) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50, dtype=torch.uint8, device=device)
    kind, sentence = cause_of(caught.value)
    assert kind == "out of memory"
    assert "try a smaller count, batch or network" in sentence


def test_a_run_for_a_second_card_waits_where_there_is_one(
    thalweg: Thalweg, on: list[str], place: Path, device: torch.device
) -> None:
    absent = f"cuda:{torch.cuda.device_count()}"
    with Catalogue.open(place) as catalogue, catalogue.write() as session:
        spec = Train(network="fcn:8", data="digits", epochs=1)
        waits = Runs(session).add(NewRun(kind="train", spec=to_json(spec), device_requested=absent))
    done = thalweg("train", "fcn:8", "digits,limit=320", "--epochs", 1, *on)
    assert done.status == 0, done.err
    with Catalogue.open(place) as catalogue, catalogue.read() as session:
        assert Runs(session).get(waits).state == "queued"
        assert Runs(session).get(2).state == "done"
        assert Runs(session).attempts(2)[-1].device == str(device)
        assert not Runs(session).active(this_machine())


def test_a_card_that_is_not_there_is_refused_with_those_that_are(thalweg: Thalweg, device: torch.device) -> None:
    # When runs for a card that this machine hasn't got wait instead, the sentence will say so: names will be the same.
    absent = f"cuda:{torch.cuda.device_count()}"
    said = thalweg("train", "fcn:8", "digits", "--epochs", 1, "--device", absent)
    assert said.status == 2
    assert absent in said.err
    assert str(device) in said.err
