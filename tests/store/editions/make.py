"""Make an edition: a catalogue with every kind of row, written by the code of the day, and all this code says of it.

    python -m tests.store.editions.make 1

leaves `editions/1/`: `catalogue.db` with its files, the network file and the images that it names, and `said.json`,
every listing, `show` and CSV. Run it once for each schema, in a checkout of the code that has that schema, with this
folder in it; what it left is never changed. The rows hold absolute paths, so everything is made in one place that any
machine has. `commands.txt` are commands, "!" before those whose run has to fail (or which later code refuses at once),
behind "<" the models that they make.
"""

import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.engine.locks import AgentLock
from core.engine.machines import here
from store import Catalogue, Device, Machine, Models, Runs, show_row, star
from store.base import MANAGED
from store.catalogue import companion
from store.models import ROLES
from tests.store.editions.saying import in_lines, no_agent, said

HERE = Path(__file__).parent
PLACE = Path("/tmp/thalweg-edition")
CATALOGUE = PLACE / "catalogue.db"
ENVIRONMENT = {"THALWEG_CATALOGUE": str(CATALOGUE), "THALWEG_AGENT_IDLE": "3", "OMP_NUM_THREADS": "1"}
NOT_NEEDED = ("*.db-*", "*.lock", "agent.log", "events.jsonl", "job.json", "study")
SECONDS = 300.0  # the longest that anything here may take
ELSEWHERE = Machine(id="0" * 32, boot="another", began=datetime(2026, 1, 1, tzinfo=UTC), host="elsewhere")
LONG = "train fcn:8 digits -o batch=1 --epochs 100000"


def make(folder: Path) -> None:
    """An edition in `folder`, which must not be there yet, by way of PLACE."""
    PLACE.mkdir()
    shutil.copy(HERE / "net.py", PLACE)
    draw_images(PLACE / "images")
    for line in (HERE / "commands.txt").read_text().splitlines():
        run(line[1:].partition(" <")[0], fails=line.startswith("!"))
    change_files()
    end_by_force()
    leave_at_work()
    with no_agent(CATALOGUE):
        leave_waiting()
        leave_roles()
        leave_marks()
    with closing(sqlite3.connect(CATALOGUE)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(PLACE, folder, ignore=shutil.ignore_patterns(*NOT_NEEDED))
    (folder / "said.json").write_text(in_lines(said(CATALOGUE)))
    shutil.rmtree(PLACE)


def draw_images(folder: Path) -> None:
    """Two classes of 32x32 pixels in colour, dark and light."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("test", 1)):
        for k, name in enumerate(("dark", "light")):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 8, (32, 32, 3)) * 12 + 120 * k
                Image.fromarray(pixels.astype(np.uint8)).save(folder / split / name / f"{i}.png")


def run(command: str, *, fails: bool = False) -> str:
    """What a command prints, run as people do, in PLACE."""
    print(f"{'!' if fails else ' '} {command}", flush=True)
    thalweg = [sys.executable, "-P", "-m", "tui.main", *shlex.split(command)]
    done = subprocess.run(thalweg, cwd=PLACE, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, check=False)
    assert done.returncode in ((1, 2) if fails else (0,)), f"{command}: status {done.returncode}"
    return done.stdout.decode()


def change_files() -> None:
    """Images that are not those a model was trained on; a network file that changes while its run waits."""
    image, network = PLACE / "images" / "train" / "dark" / "0.png", PLACE / "net.py"
    kept = image.read_bytes(), network.read_bytes()
    shutil.copy(PLACE / "images" / "train" / "light" / "0.png", image)
    run("connect 14 15 --method linear", fails=True)
    image.write_bytes(kept[0])
    first = start(LONG)
    second = start("train file:net.py:chain digits,limit=40 --epochs 1")
    network.write_bytes(kept[1] + b"# changed\n")
    run(f"cancel {first}")
    until(second, "failed")
    network.write_bytes(kept[1])


def end_by_force() -> None:
    """A run that is killed, one that is cancelled, one that is cancelled before it begins, and what waits for that."""
    killed = start(LONG)
    os.killpg(worker(killed), signal.SIGKILL)
    until(killed, "failed")
    cancelled = start(LONG)
    worker(cancelled)
    never = start("train fcn:4 digits,limit=20 --count 2 --epochs 1")
    blocked = start(f"connect run:{never}:0 run:{never}:1 --method linear")
    run(f"cancel {never} {cancelled}")
    until(cancelled, "cancelled")
    until(blocked, "failed")


def leave_at_work() -> None:
    """Two runs whose processes are gone, which nobody has seen yet; one had been silent for a while."""
    lock = AgentLock(companion(CATALOGUE), here())
    wait(lambda: not lock.held(), "the agent's end")
    with no_agent(CATALOGUE):
        silent, other = start(LONG), start(LONG)
    agent = [sys.executable, "-P", "-m", "tui.main", "agent", "--cpu-jobs", "2"]
    with subprocess.Popen(agent, cwd=PLACE, env=os.environ | ENVIRONMENT) as process:
        workers = worker(silent), worker(other)
        os.killpg(workers[0], signal.SIGSTOP)
        until(silent, "stale")
        process.kill()
    for one in workers:
        os.killpg(one, signal.SIGKILL)


def leave_waiting() -> None:
    """Runs whose first try ended badly on other machines, one that was given up there, runs that wait, and a number
    that no run will have again."""
    full, again, lost, waits = (start(f"train fcn:4 digits,limit=20 --epochs 2 --seed {seed}") for seed in (5, 6, 8, 7))
    start(f"bound run:{waits} --kind rank")
    gone = start("train fcn:4 digits,limit=20")
    run(f"cancel {gone}")
    run(f"delete run {gone} --yes")
    with Catalogue.open(CATALOGUE) as catalogue, catalogue.write() as session:
        runs = Runs(session)
        tries = [runs.claim(ELSEWHERE, 1, [Device("cpu", 3)]) for _ in range(3)]
        first, second, third = (one.attempt.id for one in tries if one is not None)
        assert [one.run.id for one in tries if one is not None] == [full, again, lost]
        runs.finish(first, "failed", "The disk was full: make room, then relaunch.", "disk full")
        runs.requeue(second, "its agent died before the job began")
        runs.give_up(third, "given up: its machine elsewhere isn't heard of")


def leave_roles() -> None:
    """Copies of the first model, one for each role that no command gives yet."""
    with Catalogue.open(CATALOGUE) as catalogue, catalogue.write() as session:
        models = Models(session)
        first = models.get(1)
        values = {name: value for name, value in asdict(first).items() if name not in MANAGED}
        position = len(models.made_by(first.run_id))
        for role in ROLES:
            if role != first.role:
                models.add(first.run_id, {**values, "role": role, "position": position})
                position += 1


def leave_marks() -> None:
    with Catalogue.open(CATALOGUE) as catalogue, catalogue.write() as session:
        for kind, row_id in (("run", 1), ("model", 2), ("path", 3), ("bound", 1)):
            star(session, kind, [row_id], True)


def start(command: str) -> int:
    """Enqueue; the run."""
    found = json.loads(run(f"{command} --detach --json"))
    return int((found[0] if isinstance(found, list) else found)["run_id"])


def worker(run_id: int) -> int:
    """The process of a run, once that is well under way."""
    wait(lambda: of_run(run_id)["fraction"], f"the beginning of run {run_id}")
    return int(of_run(run_id)["attempt_list"][-1]["pid"])


def until(run_id: int, state: str) -> None:
    wait(lambda: of_run(run_id)["state"] == state, f"run {run_id} to be {state}")


def wait(there: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < ends, f"waited for {what}"
        time.sleep(0.1)


def of_run(run_id: int) -> dict[str, Any]:
    with Catalogue.open(CATALOGUE) as catalogue, catalogue.read() as session:
        return show_row(session, "run", run_id)


if __name__ == "__main__":
    make(HERE / sys.argv[1])
