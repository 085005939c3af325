"""How fast the screen is: from the command to the first painted table, and a table of 100,000 rows.

python -m benchmarks.screen [RUNS ...]
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.catalogue import fill
from benchmarks.terminal import SIZE, opened
from store import Catalogue, count_rows
from store.base import table
from tui.app.app import ThalwegApp
from tui.app.screens.browse.screen import BrowseScreen
from tui.shared.location import Location

STARTS = 11
REPEATS = 11


def main() -> None:
    sizes = [int(one) for one in sys.argv[1:]] or [10_000, 100_000]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        for runs in sizes:
            path = Path(folder) / f"{runs}.db"
            with Catalogue.open(path) as catalogue:
                fill(catalogue, runs, 1)
                ended(catalogue)
            measure(path, runs)


def ended(catalogue: Catalogue) -> None:
    """No run waits, so that no agent starts beside what is measured."""
    runs = table("runs")
    with catalogue.write() as session:
        waiting = runs.c.state.in_(("queued", "running"))
        session.execute(runs.update().where(waiting).values(state="cancelled"))


def measure(path: Path, runs: int) -> None:
    """Print what there is to know about a catalogue with this many runs."""
    starts = [first_paint(path, str(runs)) for _ in range(STARTS)]
    print(f"{runs:,} runs")
    print(f"  command to first table   {told([wall for wall, _ in starts])}")
    print(f"  its CPU time             {told([cpu for _, cpu in starts])}")
    here = [sys.executable, "-m", "benchmarks.screen", "--inside", str(path)]
    print(subprocess.run(here, check=True, capture_output=True, text=True).stdout, end="")


def first_paint(path: Path, sign: str) -> tuple[float, float]:
    """Seconds from starting the command in a terminal until the newest run's id is on it; CPU seconds till then."""
    begun = time.perf_counter()
    with opened("-m", "tui.main", "--catalogue", str(path)) as terminal:
        terminal.until(lambda: any(sign in line for line in terminal.lines))
        taken = time.perf_counter() - begun
        cpu = psutil.Process(terminal.pid).cpu_times()
        return taken, cpu.user + cpu.system


async def inside(path: Path) -> None:
    """Sort, filter, scroll and memory, measured in the application itself, without a terminal."""
    app = ThalwegApp(Location(path))
    async with app.run_test(size=SIZE[::-1]) as pilot:
        screen = app.screen
        assert isinstance(screen, BrowseScreen)
        browser, rows = screen.browser, screen.browser.table

        async def until(ready: Callable[[], bool]) -> None:
            while not ready():
                await asyncio.sleep(0.001)

        async def asked(change: Callable[[], object], ready: Callable[[], bool]) -> float:
            begun = time.perf_counter()
            change()
            await until(ready)
            return time.perf_counter() - begun

        with Catalogue.open(path) as catalogue, catalogue.read() as session:
            every = count_rows(session, "runs")
        await until(lambda: browser.live.reader is not None and len(rows.ids) == every)
        for name, turn in ((f"sort by {one}", one) for one in ("-seconds", "cause", "network")):
            times = []
            for _ in range(REPEATS):
                first = rows.ids[0]
                times.append(await asked(lambda turn=turn: browser.sort_by(turn), lambda f=first: rows.ids[0] != f))
                await until(lambda: len(rows.ids) == every)
                await asked(lambda: browser.sort_by("-id"), lambda: rows.ids[0] == every)
                await until(lambda: len(rows.ids) == every)
            print(f"  {name:24} {told(times)}")
        times = []
        for _ in range(REPEATS):
            times.append(await asked(lambda: browser.filter_by("state=failed"), lambda: 0 < len(rows.ids) < every))
            await until(lambda: len(rows.ids) > 200)
            await asked(lambda: browser.filter_by(""), lambda: len(rows.ids) == every)
        print(f"  {'filter state=failed':24} {told(times)}")
        times = []
        for _ in range(REPEATS):
            times.append(
                await asked(lambda: rows.action_page(1.0), lambda: None not in map(rows.row, rows.visible_ids()))
            )
        print(f"  {'scroll a page':24} {told(times)}")
        await pilot.pause()
        print(f"  {'resident memory':24} {psutil.Process().memory_info().rss / 1e6:.0f} MB")


def told(times: list[float]) -> str:
    return f"median {statistics.median(times) * 1e3:6.1f} ms, worst {max(times) * 1e3:6.1f} ms"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        asyncio.run(inside(Path(sys.argv[2])))
    else:
        main()
