"""What goes wrong around an agent: full disks, devices that aren't there, runs and folders that were deleted."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest
from sqlalchemy import event, update

from core.engine import agent as agent_module
from core.engine import devices, supervision
from core.engine.agent import Agent
from core.engine.checks import check_device
from core.engine.client import Client
from core.engine.folders import GONE, Owner, attempt_folder, make_folder, take
from core.engine.locks import NO_ROOM, AgentLock
from core.engine.machines import this_machine
from core.engine.worker import folder_watch
from core.errors import UsageError, is_disk_full
from core.results import Beat, Ended, to_line
from core.specs.runs import Train
from store import ArtifactError, Attempt, Catalogue, Device, Runs, StoreError
from store.run_tables import AttemptRow
from tests.engine.conftest import TINY, Engine, long_training, until
from tests.store.filling import enqueue


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.setattr("core.engine.client.start_agent", lambda *_: None)
    return Catalogue.open(tmp_path / "catalogue.db")


def at_work(catalogue: Catalogue, *said: bytes) -> Attempt:
    """An attempt of this machine whose worker is this very process, and what that has said."""
    with catalogue.write() as session:
        enqueue(session)
        claim = Runs(session).claim(this_machine(), 1, [Device("cpu", 9)])
    assert claim is not None
    folder = attempt_folder(catalogue.files / "runs", claim.run.id, 1)
    make_folder(folder)
    assert take(folder, Owner.me())
    (folder / "events.jsonl").write_bytes(b"".join(said))
    return claim.attempt


def run_state(catalogue: Catalogue, run_id: int) -> str:
    with catalogue.read() as session:
        return Runs(session).get(run_id).state


def test_an_agent_writes_nothing_while_nothing_happens(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work(catalogue)
    with catalogue.write() as session:
        enqueue(session)
        enqueue(session, device_requested="cuda")
    agent = Agent(catalogue)
    agent.devices = [Device("cpu")]
    agent.tick()
    begun: list[str] = []
    event.listen(catalogue._engine, "begin", lambda c: begun.append(str(c.get_execution_options().get("write"))))
    for _ in range(20):
        agent.tick()
    assert agent.troubles == []
    assert begun
    assert begun.count("True") == 0


def test_one_attempt_s_trouble_is_that_attempt_s(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [at_work(catalogue, to_line(Ended(state="done"))).run_id for _ in range(4)]
    wrongs = {
        ids[0]: OSError(5, "Input/output error"),
        ids[1]: psutil.AccessDenied(1),
        ids[2]: ArtifactError("It cannot be kept."),
    }
    look = supervision.owner

    def broken(folder: Path) -> Owner | None:
        if (wrong := wrongs.get(int(folder.parent.name))) is not None:
            raise wrong
        return look(folder)

    agent = Agent(catalogue)
    monkeypatch.setattr(supervision, "owner", broken)
    agent.tick()
    assert agent.troubles == list(wrongs.values())
    assert [run_state(catalogue, one) for one in ids] == ["running"] * 3 + ["done"]
    wrongs.clear()
    agent.tick()
    assert [run_state(catalogue, one) for one in ids] == ["done"] * 4


def test_an_agent_survives_whatever_its_standard_error_does(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work(catalogue, to_line(Beat(at=time.time())))

    def full(*_: object) -> NoReturn:
        raise StoreError("The catalogue cannot be written: the disk is full; make room.")

    agent = Agent(catalogue)
    pauses: list[float] = []

    def slept(seconds: float) -> None:
        pauses.append(seconds)
        told.append(Client(catalogue).agent_status())
        agent.ending = len(pauses) > 2

    told: list[str] = []
    monkeypatch.setattr(Catalogue, "write", full)
    monkeypatch.setattr(agent_module.time, "sleep", slept)
    with io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True) as errors:
        monkeypatch.setattr(sys, "stderr", errors)
        agent.run()
    assert pauses[:3] == [agent_module.PAUSE_SECONDS] * 3
    assert set(told) == {NO_ROOM}


def test_a_claimed_run_waits_for_room_and_costs_no_attempt(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = engine.enqueue(Train(**TINY, epochs=0))

    def full(folder: Path) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(supervision, "START_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(agent_module, "make_folder", full)
        for _ in range(3):
            engine.agent.tick()
            assert [is_disk_full(error) for error in engine.agent.troubles] == [True]
    (run,) = engine.finish(run_id)
    assert (run.state, engine.attempt(run_id).number) == ("done", 1)


def test_a_claimed_run_that_waits_for_room_can_be_cancelled(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(agent_module, "make_folder", full)
    monkeypatch.setattr(supervision, "START_SECONDS", 0.0)
    run_id = engine.enqueue(Train(**TINY, epochs=1))
    engine.until(lambda: engine.agent.unstarted)
    engine.client.cancel([run_id])
    (run,) = engine.finish(run_id, seconds=10)
    assert (run.state, run.cause) == ("cancelled", "cancelled before it began")
    assert not engine.agent.unstarted


def test_on_a_full_disk_the_agent_lives_and_those_who_wait_are_told(small_disk: Path) -> None:
    with Catalogue.open(small_disk / "catalogue.db") as catalogue:
        client = Client(catalogue)
        run_id = client.enqueue(long_training())
        until(lambda: run_state(catalogue, run_id) == "running", 60)
        lock = AgentLock(catalogue.files, this_machine())
        until(lock.is_held, 60)
        agent = psutil.Process(int(lock.file.read_text().split()[0]))
        fill(small_disk / "filled")
        until(lambda: client.agent_status() == NO_ROOM, 60)
        next(client.follow([run_id]))
        assert client.trouble == "The disk is full: waiting for room."
        time.sleep(2.0)
        assert agent.is_running()
        (small_disk / "filled").unlink()
        until(lambda: client.agent_status() == "works", 60)
        with suppress(StoreError):  # it may have ended of what could not be written
            client.cancel([run_id])
        (run,) = list(client.follow([run_id]))[-1]
        assert run.cause_kind in ("disk full", "cancelled"), run.cause
        assert lock.file.read_text().split()[0] == str(agent.pid), "the same agent did it"


def fill(file: Path) -> None:
    """To the last byte."""
    with file.open("wb", buffering=0) as opened, suppress(OSError):
        while True:
            opened.write(b"x" * 4096)


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["cuda:0", "cuda:1", "cpu"]),
        ("", ["cpu"]),
        ("-1", ["cpu"]),
        ("1", ["cuda:0", "cpu"]),
        ("0,5,1", ["cuda:0", "cpu"]),
        ("1, 0", ["cuda:0", "cuda:1", "cpu"]),
        ("GPU-8932f937", ["cuda:0", "cpu"]),
    ],
)
def test_an_agent_has_the_devices_that_cuda_lets_it_have_and_a_caller_asks_for_any_of_the_machine(
    visible: str | None, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_gpus", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [one.name for one in devices.devices()] == names
    check_device("cuda")
    check_device("cuda:1")
    with pytest.raises(UsageError, match="This machine has no device cuda:2: it has cuda:0, cuda:1, cpu"):
        check_device("cuda:2")


def test_a_run_for_a_device_that_the_agent_lacks_says_why_it_waits_and_starts_where_there_is_one(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with catalogue.write() as session:
        run_id = enqueue(session, device_requested="cuda:1")
        enqueue(session, device_requested="cpu")
    at_work(catalogue)
    agent = Agent(catalogue)
    agent.devices = [Device("cpu")]
    agent.tick()
    with catalogue.read() as session:
        first, second = Runs(session).several([run_id, run_id + 1])
    assert (
        first.message == f"waits for cuda:1: the agent of {this_machine().host} has cpu, with CUDA_VISIBLE_DEVICES=''"
    )
    assert second.message is None
    with catalogue.write() as session:
        claim = Runs(session).claim(this_machine(), 1, [Device("cuda:0"), Device("cuda:1")])
    assert claim is not None
    assert (claim.run.id, claim.run.message) == (run_id, None)


def gone_in_time(process: "subprocess.Popen[bytes]") -> int:
    return process.wait(timeout=60)


@pytest.mark.parametrize("what", ["folder", "catalogue"])
def test_a_worker_whose_folder_or_catalogue_is_gone_ends_soon(what: str, tmp_path: Path) -> None:
    catalogue = tmp_path / "c.db"
    catalogue.touch()
    folder = attempt_folder(tmp_path / "c.db.files" / "runs", 1, 1)
    folder.mkdir(parents=True)
    (folder / "owner").touch()
    code = "import sys, time; from pathlib import Path; from core.engine.log import Log; "
    code += "from core.engine.worker import folder_watch; folder_watch.LOOK_SECONDS = 0.05; "
    code += "folder = Path(sys.argv[1]); "
    code += "folder_watch.watch(folder, Log(folder.parent / 'log.txt')); print('on', flush=True); time.sleep(100)"
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        shutil.rmtree(folder) if what == "folder" else catalogue.unlink()
        assert gone_in_time(process) == GONE
    assert f"{folder / 'owner' if what == 'folder' else catalogue} is gone." in (folder.parent / "log.txt").read_text()


def test_a_place_that_does_not_answer_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(*_: Any, **__: Any) -> NoReturn:
        raise OSError(116, "Stale file handle")

    folder = attempt_folder(tmp_path / "c.db.files" / "runs", 1, 1)
    assert folder_watch.missing_folder(folder) == folder / "owner"
    monkeypatch.setattr(Path, "exists", stale)
    assert folder_watch.missing_folder(folder) is None


@pytest.mark.parametrize("status", [GONE, None])
def test_a_run_whose_folder_was_deleted_says_so(status: int | None, catalogue: Catalogue) -> None:
    attempt = at_work(catalogue)
    with catalogue.write() as session:
        session.execute(update(AttemptRow).values(pid=os.getpid()))
    agent = Agent(catalogue)
    shutil.rmtree(agent.supervision.folder(attempt))
    if status is not None:
        child = subprocess.Popen([sys.executable, "-c", f"import os; os._exit({status})"])
        child.wait()
        agent.supervision.children[attempt.id] = child
    agent.tick()
    with catalogue.read() as session:
        run = Runs(session).get(attempt.run_id)
    assert (run.state, run.cause_kind, run.outcome) == ("failed", "folder gone", "fault")
    assert str(run.cause).startswith("Its folder was deleted while it was at work")


def test_a_child_whose_run_was_deleted_is_not_left_behind(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "GRACE_SECONDS", 0.1)
    agent = Agent(catalogue)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], start_new_session=True) as child:
        agent.supervision.children[99] = child
        agent.tick()
        assert child.poll() is None, "it may be about to leave by itself"
        time.sleep(0.15)
        agent.tick()
        assert child.wait(timeout=30) == -signal.SIGKILL
    agent.tick()
    assert agent.supervision.children == {}


def test_an_agent_whose_folder_was_deleted_makes_room_for_another(catalogue: Catalogue) -> None:
    at_work(catalogue)
    agent = Agent(catalogue)
    assert agent.lock.take()
    assert not agent.lock.lost()
    agent.lock.file.unlink()
    assert agent.lock.lost()
    agent._work(drain=False)  # returns at once


def test_all_in_a_catalogue_s_folder_is_private(engine: Engine, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with AgentLock(engine.catalogue.files, this_machine()) as lock:
            assert lock.take()
            engine.finish(engine.enqueue(Train(**TINY, epochs=1)))
    finally:
        os.umask(before)
    seen = {file.name for file in tmp_path.rglob("*")}
    assert {"catalogue.db", "runs", "log.txt", "owner", "job.json", "events.jsonl", "upgrade.lock"} <= seen
    assert [str(file) for file in tmp_path.rglob("*") if file.stat().st_mode & 0o077] == []


def test_what_an_earlier_version_let_others_see_is_private_once_the_catalogue_was_opened(tmp_path: Path) -> None:
    files = tmp_path / "c.db.files"
    for folder in (files, files / "runs"):
        folder.mkdir(mode=0o755)
    (files / "agent.log").touch(mode=0o644)
    (files / "elsewhere").symlink_to(tmp_path)
    mode = tmp_path.stat().st_mode
    Catalogue.open(tmp_path / "c.db").close()
    assert [file for file in (files, *files.iterdir()) if file.lstat().st_mode & 0o077 and not file.is_symlink()] == []
    assert tmp_path.stat().st_mode == mode
