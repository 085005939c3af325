"""What saying 5,000 metric points a second costs a job: the same work with and without, in turn.

An agent's ingestion runs beside it, as it does for a real job, and every point has to be in the catalogue.
"""

import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import torch

from core.engine.folders import attempt_folder
from core.engine.ingest import ingest
from core.engine.machines import this_machine
from core.engine.worker.journal import Journal
from store import Catalogue, Device, Metrics, NewRun, Runs

SECONDS = 3.0
RATE = 5000


def work(journal: Journal | None, seconds: float, first: int) -> tuple[int, int]:
    """Steps done in `seconds`, and points said at RATE a second beside them."""
    weights = torch.randn(128, 128)
    begun, steps, said = time.perf_counter(), 0, 0
    while (now := time.perf_counter() - begun) < seconds:
        weights = torch.tanh(weights @ weights)
        steps += 1
        if journal is not None:
            while said < now * RATE:
                journal.metric("loss", first + said, 0.5, unit="epoch", family="loss")
                said += 1
    return steps, said


def tend(path: Path, run_id: int, folder: Path, ending: Event) -> None:
    """What an agent does for one job, in a process of its own."""
    with Catalogue.open(path) as catalogue:
        while not ending.wait(0.1):
            with catalogue.read() as session:
                attempt = Runs(session).attempts(run_id)[-1]
            ingest(catalogue, attempt, folder)


def main() -> None:
    multiprocessing.set_start_method("spawn")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name, Catalogue.open(Path(name) / "catalogue.db") as catalogue:
        with catalogue.write() as session:
            run_id = Runs(session).add(NewRun(kind="train", spec="{}"))
            claim = Runs(session).claim(this_machine(), 1, [Device("cpu")])
        assert claim is not None
        folder = attempt_folder(catalogue.files / "runs", run_id, 1)
        folder.mkdir(parents=True)
        ending = multiprocessing.Event()
        agent = multiprocessing.Process(target=tend, args=(catalogue.path, run_id, folder, ending))
        journal = Journal(folder)
        work(None, 1.0, 0)
        ratios, total = [], 0
        agent.start()
        for _ in range(5):
            silent, _ = work(None, SECONDS, 0)
            speaking, said = work(journal, SECONDS, total)
            total += said
            ratios.append(speaking / silent)
        journal.close()
        time.sleep(1.0)
        ending.set()
        agent.join()
        with catalogue.read() as session:
            kept = len(Metrics(session).curve(run_id, "loss"))
    print(f"{total} points said at {RATE} a second, {kept} kept")
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    print(f"steps with against without: median {middle:.3f} (of {len(ratios)}: {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
