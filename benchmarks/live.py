"""The screen while ten jobs write: keys typed in a terminal of its own, their effects, frames; and the agent beside it.

python -m benchmarks.live [RUNS]
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from benchmarks.catalogue import fill
from benchmarks.frames import Frame, read
from benchmarks.screen import ended
from benchmarks.terminal import opened
from benchmarks.typist import PACE, Hand, Typist
from benchmarks.writers import JOBS, Jobs, running
from store import Catalogue
from store.base import table
from store.listing import every_id
from tui.app.session import session_file

RUNS = 5000
RATE = 5000.0  # points a second that each job says
FLAT_OUT = 0.0
ENDLESS = 1 << 40
ROUNDS = 3
BURST = 1_000_000  # points said at once, for the agent to be busy with
PAIRS = 5
MODELS = 100_000  # ids of models begin here, so that no run has them
PAGE = 20  # rows in the window
HEADING = f"{'':28}  keys  shown | median   95 %  worst | frames  median  worst    CPU"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory() as folder, Catalogue.open(Path(folder) / "live.db") as catalogue:
        os.environ["XDG_STATE_HOME"] = folder
        fill(catalogue, runs, 30)
        ended(catalogue)
        add_models(catalogue, runs // 10)
        print(f"load {os.getloadavg()[0]:.1f}; {runs:,} runs; {PACE:.0f} keys a second; milliseconds\n{HEADING}")
        tell("nobody writes", catalogue, ROUNDS)
        with running(catalogue) as jobs:
            jobs.ask(ENDLESS, RATE)
            tell(f"{JOBS} say {RATE:,.0f} points/s each", catalogue, ROUNDS)
            at_full_speed(jobs)
            compare(jobs)
            jobs.ask(0, RATE)
            jobs.drained()
            print(f"{jobs.said:,} points said, {jobs.counted():,} in the catalogue; runs are {jobs.end()}")
        tell("nobody writes", catalogue, ROUNDS)
        print(f"load {os.getloadavg()[0]:.1f}")


def add_models(catalogue: Catalogue, count: int) -> None:
    """Something to see in the second view."""
    row = {"position": 0, "network": "fcn:245x10", "data": "mnist", "train_loss": 0.01, "created_at": datetime.now(UTC)}
    rows = [{**row, "id": MODELS + number, "run_id": number} for number in range(1, count + 1)]
    with catalogue.write() as session:
        session.execute(insert(table("models")), rows)


def tell(name: str, catalogue: Catalogue, rounds: int) -> None:
    """Somebody sits down at the screen, types and leaves; print how that went."""
    with sitting(catalogue) as (typist, frames):
        typed = typist.type(rounds)
    times = sorted(one * 1e3 for one in typed.seconds)
    drawn = [frame for frame in frames if typed.begun <= frame.begun <= typed.ended]
    wall, cpu = ([getattr(frame, clock) * 1e3 for frame in drawn] for clock in ("wall", "cpu"))
    shown = typed.sent - len(typed.missed)
    print(
        f"{name:28} {typed.sent:5} {shown:6} {statistics.median(times):9.1f} {times[len(times) * 95 // 100]:6.1f}"
        f" {times[-1]:6.1f} {len(drawn):7} {statistics.median(wall):7.1f} {max(wall):6.1f} {max(cpu):6.1f}"
        f"{'   missed: ' + repr(''.join(typed.missed)) if typed.missed else ''}"
    )


@contextmanager
def sitting(catalogue: Catalogue) -> Iterator[tuple[Typist, list[Frame]]]:
    """The application in a terminal, somebody at it; when it has been left, its frames."""
    with catalogue.read() as session:
        ids: dict[str, Sequence[int]] = {
            key: list(every_id(session, kind)[::-1]) for key, kind in (("1", "runs"), ("2", "models"))
        }
    session_file(catalogue.path).unlink(missing_ok=True)
    file, frames = catalogue.path.with_name("frames.json"), list[Frame]()
    with opened("-m", "benchmarks.frames", str(catalogue.path), str(file)) as terminal:
        terminal.until(lambda: f"{len(ids['1']):,} " in terminal.lines[0])
        typist = Typist(terminal, Hand(ids, PAGE))
        yield typist, frames
        typist.leave()
    frames += read(file)


def at_full_speed(jobs: Jobs) -> None:
    """One job says points as fast as it can, the others as before."""
    one, before, begun = jobs.writers[0], jobs.writers[0].said.value, time.perf_counter()
    one.ask(ENDLESS, FLAT_OUT)
    tell("one of them at full speed", jobs.catalogue, 1)
    one.ask(0, FLAT_OUT)
    said, seconds = one.said.value - before, time.perf_counter() - begun
    print(f"  it said {said / seconds:,.0f} points/s for {seconds:.1f} s, taken in {jobs.drained():.1f} s later")


def compare(jobs: Jobs) -> None:
    """The agent with as much to take in as it can, without the screen and with it, in turn."""
    pairs = []
    for number in range(PAIRS):
        ways = (alone, beside) if number % 2 else (beside, alone)
        rates = {way: way(jobs) for way in ways}
        pairs.append((rates[alone], rates[beside]))
    print("points that the agent takes in     without    with the screen    ratio (lowest, highest)")
    for place, name in enumerate(("a second", "a second of its CPU time")):
        without, beside_it = ([one[place] for one in side] for side in zip(*pairs, strict=True))
        ratios = sorted(one / other for one, other in zip(beside_it, without, strict=True))
        medians = f"{statistics.median(without):11,.0f} {statistics.median(beside_it):18,.0f}"
        print(f"  {name:27} {medians} {statistics.median(ratios):8.3f} ({ratios[0]:.3f}, {ratios[-1]:.3f})")


def alone(jobs: Jobs) -> tuple[float, float]:
    """Points that the agent takes in while there are always some left, a second and a second of its own CPU time."""
    one, before, begun, cpu = jobs.writers[0], jobs.kept(), time.perf_counter(), jobs.agent_seconds()
    one.ask(BURST, FLAT_OUT)
    while jobs.kept_of(one) < one.goal.value:
        time.sleep(0.02)
    points = jobs.kept() - before
    return points / (time.perf_counter() - begun), points / (jobs.agent_seconds() - cpu)


def beside(jobs: Jobs) -> tuple[float, float]:
    """The same beside somebody who types at the screen."""
    with sitting(jobs.catalogue) as (typist, _), ThreadPoolExecutor() as threads:
        rates = threads.submit(alone, jobs)
        while not rates.done():
            typist.type(1)
        return rates.result()


if __name__ == "__main__":
    main()
