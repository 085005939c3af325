"""How well paths of wide networks hold what the theorems say: every case of a grid, failures included.

    python -m benchmarks.wide_holds [--data FOLDER] [--only TEXT] [--threads N] [--cpu]

Pairs of one network: both at random; both trained; one of zeros; one with doubled neurons; one 30 times as large. For
each the outputs along every identity segment on 201 points (the others: 21), whose distance from the straight line
between those at the segment's ends is told relative to 1 + the largest; and the loss above the larger end, relative to
1 + that. A case is a row: the worst of its pairs, and how many float64 could follow.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.timing import Clock, begin, timed
from core.data.dataset import Dataset, Split
from core.data.files import data_root
from core.data.load import load
from core.errors import ThalwegError
from core.losses import loss_named
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.methods.wide.net import Net
from core.networks.architectures import Architecture, build
from core.path import Claim
from core.path import Path as ParameterPath
from core.problem import Problem
from core.specs.data import read_data
from core.specs.descent import Descent
from core.specs.methods import Wide
from core.specs.networks import Fcn
from core.training import train

PAIRS = ("random", "trained", "zero", "twins", "far")
LOSSES = ("cross-entropy", "square", "hinge")


@dataclass(frozen=True)
class Case:
    """One theorem on N samples with L layers."""

    theorem: str
    data: str
    N: int
    L: int
    slope: float

    def __str__(self) -> str:
        slope = f" slope {self.slope:g}" if self.activation == "leaky_relu" else ""
        return f"{self.theorem} {self.data} N={self.N} L={self.L} {self.activation}{slope}"

    @property
    def activation(self) -> str:
        return "leaky_relu" if self.slope else ("relu" if self.L % 2 else "elu")

    @property
    def widths(self) -> tuple[int, ...]:
        """Hidden widths."""
        if self.theorem == "6.1":
            return (2 * self.N,) * (self.L - 1)
        narrowing = [20 * (self.L - l) for l in range(1, self.L)]
        return (2 * self.N if self.theorem == "5.1" else narrowing[0] + 40, *narrowing[1:])


def cases() -> Iterator[Case]:
    """The small ones first; those that a theorem doesn't apply to are among them."""
    sizes = (("digits", 32), ("digits", 64), ("random", 64), ("mnist", 128), ("mnist", 400))
    for data, N in sizes:
        for L in (2, 3, 4, 5):
            yield from (Case(theorem, data, N, L, slope) for theorem in ("3.2", "5.1") for slope in (0.2, 0.01))
            yield Case("6.1", data, N, L, 0.0)


def built_of(case: Case, data: Dataset) -> Architecture:
    network = Fcn(widths=case.widths, activation=case.activation, slope=case.slope or 0.01)
    return build(network, tuple(data.train.x.shape[1:]), data.outputs)


@cache
def samples(data: str, N: int, root: Path) -> Dataset:
    if data != "random":
        return replace(load(read_data(f"{data},limit={N}"), root), test=None)
    generator = torch.Generator().manual_seed(N)
    x = torch.randn(N, 100, generator=generator)
    return Dataset("random", Split(x, torch.randint(10, (N,), generator=generator)), None, 10)


def problem_of(case: Case, root: Path, loss: str) -> Problem:
    data = samples(case.data, case.N, root)
    built = built_of(case, data)
    return Problem(built.module, data, loss_named(loss, 10), built.layered).to("cpu", torch.float64)


def pair(problem: Problem, case: Case, how: str) -> tuple[Tensor, Tensor]:
    built = built_of(case, problem.data)
    a, b = (built.initial(seed, torch.float64) for seed in (0, 1))
    if how == "trained":
        both = train(problem, torch.stack([a, b]), [0, 1], Descent(epochs=60, batch=32)).thetas
        return both[0], both[1]
    net = Net.of(problem, a)
    if how == "zero":
        return 0 * a, b
    if how == "far":
        return Net(problem, tuple(30 * W for W in net.W), net.b).theta, b
    if how == "twins":
        W, biases = [one.clone() for one in net.W], [one.clone() for one in net.b]
        for k in range(net.depth - 1):
            half = W[k].shape[1] // 2
            W[k][:, :half], biases[k][:half] = W[k][:, half : 2 * half], biases[k][half : 2 * half]
        return Net(problem, tuple(W), tuple(biases)).theta, b
    return a, b


def holds(problem: Problem, path: ParameterPath) -> tuple[float, float]:
    """The largest distance of outputs from their line, and of the loss above the larger end, both relative."""
    x, y = problem.data.train.x, problem.data.train.y
    losses, off = [], 0.0
    for segment in path:
        t = torch.linspace(0, 1, 201 if segment.claim is Claim.IDENTITY else 21, dtype=torch.float64)
        outputs = torch.cat([problem.outputs(segment.at(one), x) for one in t.split(3)])
        line = torch.lerp(outputs[:1], outputs[-1:], t[:, None, None])
        off = max(off, float((outputs - line).abs().max() / (1 + outputs.abs().max())))
        losses.append(problem.loss.samples(outputs, y[None]).mean(1))
    larger = max(float(losses[0][0]), float(losses[-1][-1]))
    return off, (float(torch.cat(losses).max()) - larger) / (1 + larger)


def look(case: Case, root: Path, clock: Clock) -> str:
    """A row of the table."""
    off, excess, took, segments = 0.0, -1.0, 0.0, 0
    failed, kinds = [], set()
    for i, how in enumerate(PAIRS):
        problem = problem_of(case, root, LOSSES[i % len(LOSSES)])
        a, b = pair(problem, case, how)
        begun = clock()
        try:
            made: Connection = connect(Wide(theorem=case.theorem), Task(a, b, problem), points=5)
        except ThalwegError as error:
            failed.append(f"{how}: {error}")
            continue
        took = max(took, clock() - begun)
        if made.failure is not None:
            failed.append(f"{how}: {made.failure}")
            continue
        kinds.add(made.examination.certificate.kind)
        segments = max(segments, len(made.construction.path))
        here, above = holds(problem, made.construction.path)
        off, excess = max(off, here), max(excess, above)
    done = f"{len(PAIRS) - len(failed)} of {len(PAIRS)}"
    if len(failed) == len(PAIRS):
        return f"| {case} | {done} | | | | | {failed[0]} |"
    kind = "/".join(sorted(kinds))
    return f"| {case} | {done} | {off:.1e} | {excess:.1e} | {segments} | {kind} | {took:.1f} s {'; '.join(failed)} |"


def main() -> None:
    options = timed(__doc__)
    options.add_argument("--data", type=Path, default=data_root(None))
    options.add_argument("--only", default="", help="cases whose name contains this")
    chosen, clock = begin(options)
    print("worst of the pairs")
    print("| case | joined | outputs off | loss above | segments | certificate | longest; failures |")
    print("|---|---|---|---|---|---|---|")
    for case in cases():
        if chosen.only in str(case):
            print(look(case, chosen.data, clock), flush=True)


if __name__ == "__main__":
    main()
