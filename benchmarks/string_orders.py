"""Dynamic string sampling: breadth-first, greedy and constrained, the same pairs and thresholds.

On digits one pair at several thresholds; on a cubic, y = 8x^3 - 10x^2 + 3x, eight pairs of `fcn:4x2` with sigmoids,
whose strings turn: there springs have something to shorten.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from core.data.dataset import Split
from core.data.files import data_root
from core.data.load import load
from core.losses import loss_named
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.networks.architectures import build
from core.problem import Problem
from core.specs.data import read_data
from core.specs.descent import Descent
from core.specs.methods import String
from core.specs.networks import read_network
from core.training import Until, train

PAIRS = 8
BELOW = 0.02
ON_CUBIC = {
    "breadth": String(lr=0.01, epochs=1000, batch=100),
    "constrained, no springs": String(lr=0.01, epochs=1000, batch=100, order="constrained", zeta=0.0, kappa=0.0),
    "constrained": String(lr=0.01, epochs=1000, batch=100, order="constrained"),
}


def main() -> None:
    torch.set_num_threads(1)
    digits()
    cubic()


def problem_of(network: str, data: str) -> tuple[Problem, Tensor]:
    """A problem, and the starts (2 PAIRS, P) of its networks."""
    loaded = load(read_data(data), data_root(None))
    if data == "cubic":
        x = loaded.train.x
        loaded = replace(loaded, train=Split(x, 8 * x**3 - 10 * x**2 + 3 * x), test=None)
    architecture = build(read_network(network), tuple(loaded.train.x.shape[1:]), loaded.outputs)
    problem = Problem(architecture.module, loaded, loss_named(None, loaded.classes), architecture.layered)
    starts = torch.stack([architecture.initial(seed, torch.float32) for seed in range(2 * PAIRS)])
    return problem.to("cpu", torch.float32), starts


def digits() -> None:
    problem, starts = problem_of("fcn:32x2", "digits")
    ends = train(problem, starts[:2], [0, 1], Descent(lr=0.003, epochs=300), until=Until("train-loss", 0.01)).thetas
    print("below   order        seconds  beads  normalised length  level")
    for below in (0.05, 0.02, 0.012):
        seconds = {}
        for order in ("greedy", "breadth", "constrained"):
            task = Task(ends[0], ends[1], problem, below)
            begun = time.perf_counter()
            made = connect(String(order=order, lr=0.003, epochs=300), task)
            seconds[order] = time.perf_counter() - begun
            path, level = made.construction.path, made.examination.certificate.level
            print(
                f"{below:<7} {order:12} {seconds[order]:7.2f} {made.construction.beads:6} "
                f"{path.normalized_length():18.3f}  {level:.4g}{'' if made.failure is None else '  ' + made.failure}"
            )
        slower = {order: one / seconds["breadth"] for order, one in seconds.items() if order != "breadth"}
        print("        " + ", ".join(f"{order} {one:.2f} times as long as breadth" for order, one in slower.items()))


def cubic() -> None:
    problem, starts = problem_of("fcn:4x2,activation=sigmoid", "cubic")
    options = Descent(lr=0.01, epochs=6000, batch=100)
    ends = train(problem, starts, range(2 * PAIRS), options, until=Until("train-loss", 0.9 * BELOW)).thetas
    found = [
        {name: connect(how, Task(a, b, problem, BELOW)) for name, how in ON_CUBIC.items()}
        for a, b in zip(ends[::2], ends[1::2], strict=True)
    ]
    print(f"\n{PAIRS} pairs on a cubic, below {BELOW}: normalised lengths (beads, passes)")
    for number, row in enumerate(found, start=1):
        print(f"pair {number}  " + ", ".join(f"{name} {summary(one)}" for name, one in row.items()))
    both = [row for row in found if all(one.failure is None for one in row.values())]
    for name in ON_CUBIC:
        print(f"{name:24} mean of {len(both)} pairs that all connect: {mean(both, name):.3f}")


def summary(made: Connection) -> str:
    length, construction = made.construction.path.normalized_length(), made.construction
    failed = "" if made.failure is None else " fails"
    return f"{length:.3f} ({construction.beads}, {construction.passes:.0f}){failed}"


def mean(rows: Sequence[Mapping[str, Connection]], name: str) -> float:
    return sum(row[name].construction.path.normalized_length() for row in rows) / len(rows)


if __name__ == "__main__":
    main()
