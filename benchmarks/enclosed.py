"""What proofs of straight segments cost: passes over the data, and how close a proven level is to what is seen.

    python -m benchmarks.enclosed [ROW …] [--device cuda:0]

Each row trains a pair of networks, joins it by its straight line and by a string, and proves both; then it grows the
string with a proof for every line, and says how soon lines that are too high were rejected. A pass is one evaluation of
all samples; the search counts what it does in these. `digits` rows are part of `make bench`; those of
MNIST take minutes on a GPU and up to an hour on two cores.
"""

import argparse
import time
from dataclasses import dataclass
from itertools import combinations

import torch

from core.certify.enclosed import Wanted
from core.data.files import data_root
from core.data.load import load
from core.examination import examine
from core.losses import loss_named
from core.methods.connect import connect
from core.methods.method import Task
from core.networks.architectures import build
from core.path import Path, Segment
from core.problem import Problem
from core.profile import look, peaks
from core.specs.data import read_data
from core.specs.methods import String
from core.specs.networks import read_network
from core.specs.runs import Train
from core.training import Until, train


@dataclass(frozen=True)
class Row:
    """A pair of networks: trained to a loss, and its string kept below another."""

    network: str
    data: str
    until: float
    below: float
    lr: float = 0.001
    line_slack: float = 0.01
    slack: float = 0.05
    proven_on: int | None = None  # of the samples; None: all


ROWS = {
    "digits-32x2": Row("fcn:32x2", "digits", 0.01, 0.03, lr=0.003),
    "digits-64x4": Row("fcn:64x4", "digits", 0.01, 0.05, lr=0.003),
    "digits-32x5": Row("fcn:32x5", "digits", 0.01, 0.05, lr=0.003),
    "mnist-300-100": Row("fcn:300-100", "mnist", 0.02, 0.05, line_slack=0.05),
    "mnist-cnn": Row("cnn", "mnist,limit=10000", 0.02, 0.05, line_slack=0.05),
    "mnist-245x10": Row("fcn:245x10", "mnist,limit=20000", 0.02, 0.05, proven_on=2000),
}

EPOCHS, BATCH = 300, 128


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("rows", nargs="*", default=[name for name in ROWS if name.startswith("digits")])
    options.add_argument("--device", default="cpu")
    options.add_argument("--passes", type=float, default=5000.0, help="that a proof may take")
    chosen = options.parse_args()
    print(
        "row            path    slack  segments  pieces  passes  a segment      seen     level  ratio  proving / making"
    )
    for name in chosen.rows:
        measure(name, ROWS[name], chosen.device, chosen.passes)


def measure(name: str, row: Row, device: str, passes: float) -> None:
    """Train, join, prove: two lines of the table, and what it costs where the string has to be proven."""
    problem, ends, seconds = trained(row, device)
    begun = time.perf_counter()
    task = Task(ends[0], ends[1], problem, row.below)
    made = connect(grown_as(row), task)
    grown = seconds + time.perf_counter() - begun
    if made.failure is not None:
        print(f"{name}: the string does not connect: {made.failure}")
    on = problem.on_first(row.proven_on)
    for what, path, slack in (
        ("line", Path.line(ends[0], ends[1]), row.line_slack),
        ("string", made.construction.path, row.slack),
    ):
        begun = time.perf_counter()
        found = examine(on, path, wanted=Wanted(slack, passes))
        took = time.perf_counter() - begun
        if found.proof is None or found.unproven is not None:
            print(f"{name:14} {what:7} {slack:5}  not proven: {found.unproven}", flush=True)
            continue
        pieces = sum(len(one.pieces) for one in found.proof.enclosures.values())
        cost, level = found.proof.passes, found.certificate.level
        print(
            f"{name:14} {what:7} {slack:5} {len(path):9} {pieces:7} {cost:7.0f} {cost / len(path):10.0f} "
            f"{found.max_train_loss:9.5g} {level:9.5g} {level / found.max_train_loss:6.3f} {took / grown:8.2f}",
            flush=True,
        )
    if row.proven_on is None:
        on_the_way(name, row, task, passes)
    rejected(name, task, made.construction.path)


def grown_as(row: Row) -> String:
    """How the string of a row is grown: its beads are trained as its ends are."""
    return String(lr=row.lr, epochs=EPOCHS, batch=BATCH)


def on_the_way(name: str, row: Row, task: Task, passes: float) -> None:
    """The string once more, with every line of it proven as it grows."""
    made = connect(grown_as(row), task, wanted=Wanted(0.05, passes), must_prove=True)
    proof = made.examination.proof
    print(
        f"{name:14} proven as it grows: {made.failure or 'connects'}, {made.construction.beads} beads, "
        f"{made.construction.passes:.0f} passes to grow it, {0 if proof is None else proof.passes:.0f} for all proofs",
        flush=True,
    )


def rejected(name: str, task: Task, path: Path) -> None:
    """Passes a gap, of all lines between two knots: looked at fully, and until they are too high."""
    assert task.below is not None
    gaps: dict[str, list[tuple[float, float, int]]] = {"above 10 L0": [], "2 to 10 L0": [], "up to 2 L0": []}
    for i, j in combinations(range(len(path) + 1), 2):
        start, end = path.knots[i], path.knots[j]
        full = peaks(task.problem, start[None], end[None], "train-loss", String().grid)
        early = look(task.problem, Segment(start, end), String().grid, task.below)
        if early.value > task.below:
            times = float(full.value) / task.below
            where = "above 10 L0" if times > 10 else "2 to 10 L0" if times > 2 else "up to 2 L0"
            gaps[where].append((float(full.points), early.passes, early.samples))
    for where, found in gaps.items():
        if found:
            before, after, samples = (sum(column) / len(found) for column in zip(*found, strict=True))
            print(
                f"{name:14} {len(found):3} gaps {where:11}: {before:5.1f} passes a gap, early {after:5.2f} "
                f"on {samples:.0f} of {len(task.problem.data.train)} samples",
                flush=True,
            )


def trained(row: Row, device: str) -> tuple[Problem, torch.Tensor, float]:
    """The problem, two trained networks (2, P), and the seconds that it took."""
    data = load(read_data(row.data), data_root(None))
    architecture = build(read_network(row.network), tuple(data.train.x.shape[1:]), data.outputs)
    problem = Problem(architecture.module, data, loss_named(None, data.classes), architecture.layered)
    problem = problem.to(device, torch.float32)
    starts = torch.stack([architecture.initial(seed, torch.float32) for seed in (0, 1)]).to(device)
    begun = time.perf_counter()
    options = Train(network="", data="", lr=row.lr, epochs=EPOCHS, batch=BATCH)
    ends = train(problem, starts, [0, 1], options, until=Until("train-loss", row.until)).thetas
    return problem, ends, time.perf_counter() - begun


if __name__ == "__main__":
    main()
