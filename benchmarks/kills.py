"""Jobs and agents killed inside certifying and writing, until 20 of each were: is anything lost?

Workers are forked from a process that has torch, so that a kill costs no start. The kernel ends them, by an alarm
that nobody handles, at a moment drawn from the duration of the phase. After each kill the run must have ended, with
its result or as killed, nothing in the catalogue may be half there, and a relaunch must leave the path.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

from core.engine import agent as agent_module
from core.engine import client as client_module
from core.engine import supervision
from core.engine.agent import Agent
from core.engine.client import Client
from core.engine.folders import log_of
from core.engine.worker import __main__ as worker
from core.engine.worker import connecting, jobs  # noqa: F401 - torch is loaded once, here
from core.methods import connect as connect_module
from core.specs.methods import Sparse
from core.specs.runs import Connect, ModelRef, Train
from store import Catalogue, Run, Runs, examine, list_rows

KILLS = 20
PATH = Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=Sparse(draws=1, epochs=2), points=9)
FORK = get_context("fork")
armed: list[Callable[[], None]] = [lambda: None]  # done by a worker before it begins


class Forked:
    """A process with what the agent asks of a Popen."""

    def __init__(self, work: Callable[[], int]) -> None:
        def run() -> None:
            os.setsid()
            os._exit(work())

        self._process = FORK.Process(target=run)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> None:
        self._process.join()


def start_worker(folder: Path) -> Forked:
    def work() -> int:
        os.chdir(folder)
        log = os.open(log_of(folder), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 1), os.dup2(log, 2)
        armed[0]()
        return worker.main(folder)

    return Forked(work)


def before(module: Any, name: str, do: Callable[[], object]) -> None:
    """From now on something is done before each call of this function."""
    inner = getattr(module, name)

    def entered(*given: Any, **named: Any) -> Any:
        do()
        return inner(*given, **named)

    setattr(module, name, entered)


def alarm_inside(module: Any, name: str, most: float) -> None:
    """The process dies at most `most` seconds after it came to this function."""
    seconds = max(random.Random(os.getpid()).uniform(0, most), 1e-6)
    before(module, name, lambda: signal.setitimer(signal.ITIMER_REAL, seconds))


def until_ended(agent: Agent, client: Client, run_id: int) -> Run:
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        agent.tick()
        with client.catalogue.read() as session:
            run = Runs(session).get(run_id)
        if run.finished_at is not None:
            return run
        time.sleep(0.01)
    return run


def paths_of(catalogue: Catalogue, run_id: int) -> int:
    with catalogue.read() as session:
        rows = list_rows(session, "paths", f"run_id={run_id}")
    for row in rows:
        catalogue.artifacts.verified(str(row["artifact"]))
    return len(rows)


def whole(client: Client, run: Run) -> str:
    """How a run ended; "LOST" where it hangs, or left something by halves."""
    damaged = [one for one in examine(client.catalogue) if one.level == "error"]
    paths = paths_of(client.catalogue, run.id)
    if run.finished_at is None or damaged or (run.state == "done") > paths:
        return f"LOST ({run.state}, {paths} paths, {damaged})"
    return f"{run.cause_kind or run.state}, {paths} path" if paths else str(run.cause_kind or run.state)


def kill_workers(phase: str, arm: Callable[[], None], agent: Agent, client: Client) -> None:
    seen: Counter[str] = Counter()
    killed = 0
    while killed < KILLS:
        armed[0] = arm
        run = until_ended(agent, client, client.enqueue(PATH))
        seen[whole(client, run)] += 1
        armed[0] = lambda: None
        if run.state != "done":
            killed += 1
            (again,) = client.relaunch(client.plan_relaunch([run.id], resume="scratch", changes={}))
            repeated = until_ended(agent, client, again)
            seen["relaunched: " + whole(client, repeated)] += 1
    print(f"worker killed inside {phase}: {dict(seen)}", flush=True)


def kill_agents(name: str, arm: Callable[[], None], agent: Agent, client: Client) -> None:
    """The worker has ended and nobody has read what it left; an agent that begins to is killed."""
    seen: Counter[str] = Counter()
    while seen["agent killed"] < KILLS:
        run_id = client.enqueue(PATH)
        agent.tick()
        agent.supervision.children[max(agent.supervision.children)].wait()  # type: ignore[call-arg]

        def work() -> int:
            with Catalogue.open(client.catalogue.path) as catalogue:
                arm()
                Agent(catalogue).tick()
            return 0

        other = Forked(work)
        other.wait()
        seen[f"agent {'killed' if other.returncode else 'was quicker'}"] += 1
        seen[whole(client, until_ended(agent, client, run_id))] += 1
    print(f"agent killed inside {name}: {dict(seen)}", flush=True)


def durations(agent: Agent, client: Client) -> tuple[float, float, float]:
    """Seconds from certifying to writing, from there to the worker's end, and from there to the end of the run."""
    files = [Path(tempfile.gettempdir()) / f"kills-{os.getpid()}-{name}" for name in ("examine", "write")]

    def arm() -> None:
        before(connect_module, "examine", lambda: files[0].write_text(str(time.time())))
        before(connecting, "write_whole", lambda: files[1].write_text(str(time.time())))

    armed[0] = arm
    run_id = client.enqueue(PATH)
    agent.tick()
    agent.supervision.children[max(agent.supervision.children)].wait()
    ended = time.time()
    until_ended(agent, client, run_id)
    certifying, writing = (float(file.read_text()) for file in files)
    for file in files:
        file.unlink()
    armed[0] = lambda: None
    return writing - certifying, ended - writing, time.time() - ended


def main() -> int:
    agent_module.start_worker = start_worker  # type: ignore[assignment]
    agent_module.threads = lambda *_: 1
    client_module.start_agent = lambda *_: None
    with tempfile.TemporaryDirectory() as place, Catalogue.open(Path(place) / "catalogue.db") as catalogue:
        client, agent = Client(catalogue), Agent(catalogue)
        training = Train(network="fcn:10x2", data="digits,limit=60", epochs=5, count=2, lr=0.02)
        assert until_ended(agent, client, client.enqueue(training)).state == "done"
        certifying, writing, taking = durations(agent, client)
        print(f"certifying {certifying:.3f} s, writing {writing:.3f} s, taking in {taking:.3f} s", flush=True)
        kill_workers("certifying", lambda: alarm_inside(connect_module, "examine", certifying), agent, client)
        kill_workers("writing", lambda: alarm_inside(connecting, "write_whole", writing / 4), agent, client)
        kill_agents("taking in", lambda: alarm_inside(supervision, "ingest", taking / 4), agent, client)
    return 0


if __name__ == "__main__":
    sys.exit(main())
