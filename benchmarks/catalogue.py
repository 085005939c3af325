"""How fast the catalogue is at 100,000 runs and 3 million metric points, beside bare sqlite3.

python benchmarks/catalogue.py [RUNS] [POINTS PER CURVE]
"""

import csv
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.dialects import sqlite

from store import COLUMNS, Catalogue, Metrics, list_rows, write_csv
from store.base import table
from store.listing import cells, select_cells

REPEATS = 21
METHODS = ("straight", "string", "bezier", "dropout-halves", "neb", None)
NETWORKS = ("fcn:245x10", "fcn:300-100", "vgg11", "torchvision:resnet18")
CAUSES = (("could not connect: level 0.31 above 0.1", "could not connect"), ("killed by signal 9", "killed"))
SPEC = '{"version": 1, "kind": "connect", "method": {"name": "string", "beads": 17, "steps": 2000}}'
PAGES: tuple[tuple[str | None, str | None], ...] = (
    (None, "-id"),
    ("state=failed", "-id"),
    ("state=done method=string", "-created_at"),
    ("state=failed,stale", "-finished_at"),
    ("state=done seconds<100", "seconds"),
    ("network~resnet state=done", "-seconds"),
    ('cause~"could not" created_at>2026-10-01', "-created_at"),
    ("data=mnist seed<50", "method,-id"),
    ("state=running", "eta_seconds"),
    ("state=running", "-id"),
    ("state=cancelled", "-seconds"),
    ("kind=train", "-created_at"),
    ("seed=7 method=neb", "-seconds"),
    ("seconds>1000", "created_at"),
    ("tag=good", "-id"),
)
START = "import sys, pathlib, store; opened = store.Catalogue.open(pathlib.Path(sys.argv[1])); "
LIST = START + "s = opened.read().__enter__(); print(len(store.list_rows(s, 'runs', 'state=failed', '-id', 100)))"
FAILED = "SELECT * FROM runs WHERE state = 'failed' ORDER BY id DESC LIMIT 100"
BARE = f"import sys, sqlite3; print(len(sqlite3.connect(sys.argv[1]).execute({FAILED!r}).fetchall()))"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    points = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.sqlite"
        with Catalogue.open(path) as catalogue:
            fill(catalogue, runs, points)
        with Catalogue.open(path) as catalogue, closing(sqlite3.connect(path)) as bare:
            print(f"{runs} runs, {runs * points} points: {path.stat().st_size / 1e6:.0f} MB")
            pages(catalogue, bare)
            curve(catalogue, bare, runs // 2)
            export(catalogue, bare, Path(folder))
            cold(path)


def fill(catalogue: Catalogue, runs: int, points: int) -> None:
    draw = random.Random(0)
    with catalogue.write() as session:
        rows = [run(draw, number) for number in range(1, runs + 1)]
        session.execute(insert(table("runs")), rows)
        tags = [{"kind": "run", "owner_id": number, "tag": "good"} for number in range(1, runs, 50)]
        session.execute(insert(table("tags")), tags)
    begun, batch = time.perf_counter(), 1000
    for first in range(1, runs + 1, batch):
        with catalogue.write() as session:
            metrics = Metrics(session)
            for number in range(first, min(first + batch, runs + 1)):
                curve = [("train_loss", step, draw.random(), step * 0.1) for step in range(points)]
                metrics.add(number, curve)
    rate = runs * points / (time.perf_counter() - begun)
    print(f"metric points taken in: {rate:,.0f} per second")


def run(draw: random.Random, number: int) -> dict[str, object]:
    state = draw.choices(("done", "failed", "cancelled", "queued", "running"), (85, 10, 3, 1.9, 0.1))[0]
    created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=270 * number)
    seconds = draw.expovariate(1 / 400)
    ended = state in {"done", "failed", "cancelled"}
    cause, cause_kind = draw.choice(CAUSES) if state == "failed" else (None, None)
    method = draw.choice(METHODS)
    return {
        "kind": "connect" if method else "train",
        "state": state,
        "network": draw.choice(NETWORKS),
        "data": draw.choice(("mnist", "digits", "cifar10")),
        "method": method,
        "seed": draw.randrange(1000),
        "spec": SPEC,
        "resume": "scratch",
        "fraction": 1.0 if state == "done" else None,
        "cause": cause,
        "cause_kind": cause_kind,
        "created_at": created,
        "started_at": created if state != "queued" else None,
        "finished_at": created + timedelta(seconds=seconds) if ended else None,
        "seconds": seconds if ended else None,
    }


def pages(catalogue: Catalogue, bare: sqlite3.Connection) -> None:
    print(f"{'first page of 100':58} {'ms':>7} {'bare':>7} {'ratio':>6}")
    for where, sort in PAGES:
        query = select_cells("runs", where, sort, cells(COLUMNS["runs"])).limit(100)
        sql = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
        with catalogue.read() as session:
            ours = median(partial(list_rows, session, "runs", where, sort, 100))
        line(f"{where or 'all'} by {sort}", ours, median(lambda sql=sql: bare.execute(sql).fetchall()))


def curve(catalogue: Catalogue, bare: sqlite3.Connection, number: int) -> None:
    sql = "SELECT step, value, seconds FROM metrics WHERE run_id = ? AND name = 'train_loss' ORDER BY step"
    with catalogue.read() as session:
        ours = median(lambda: Metrics(session).curve(number, "train_loss"))
    line("one curve", ours, median(lambda: bare.execute(sql, (number,)).fetchall()))


def export(catalogue: Catalogue, bare: sqlite3.Connection, folder: Path) -> None:
    with catalogue.read() as session, (folder / "ours.csv").open("w", newline="") as stream:
        ours = once(lambda: write_csv(session, "runs", stream))
    with (folder / "bare.csv").open("w", newline="") as stream:
        theirs = once(lambda: csv.writer(stream).writerows(bare.execute("SELECT * FROM runs")))
    line("CSV of all runs", ours, theirs)
    with catalogue.read() as session:
        ours = once(lambda: list_rows(session, "runs"))
    line("all runs as dicts", ours, once(lambda: bare.execute("SELECT * FROM runs").fetchall()))


def cold(path: Path) -> None:
    def started(code: str) -> float:
        return median(lambda: subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True), 7)

    line("a process that lists 100 runs", started(LIST), started(BARE))


def median(call: Callable[[], object], repeats: int = REPEATS) -> float:
    return statistics.median(once(call) for _ in range(repeats))


def once(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def line(what: str, ours: float, bare: float) -> None:
    print(f"{what:58} {ours * 1e3:7.2f} {bare * 1e3:7.2f} {ours / bare:6.1f}")


if __name__ == "__main__":
    main()
