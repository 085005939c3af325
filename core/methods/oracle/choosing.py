"""The sweep over l and alpha: for each l the largest of the quantities, and the l and alpha where that is least."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from core.methods.method import Task
from core.methods.oracle.closed_form import closed_form
from core.methods.oracle.quantities import Compressed
from core.methods.oracle.route import Side
from core.methods.oracle.shallow import Head, Shallow, Target
from core.specs.compressing import angles
from core.specs.methods import Oracle

POINTS = 9  # of subpath 2 that are looked at
DEARER = 1.05  # as many times lower a path with turned units has to be: that is how tight its proof will be


@dataclass(frozen=True)
class Choice:
    """Units of the oracle, the angle, both sides and the oracle; `level` is how high the path is thought to be."""

    units: int
    alpha: float
    a: Side
    b: Side
    oracle: Shallow
    level: float


def choices(
    options: Oracle, task: Task, target: Target, a: Compressed, b: Compressed, oracles: Mapping[int, Shallow]
) -> Iterator[Choice]:
    """One for every l and every alpha that may do better than the best so far."""
    m, best = a.own.width, torch.inf
    ends = max(a.own.head.value, b.own.head.value)
    sides = {l: (a.side(m - l), b.side(m - l)) for l in oracles}
    for alpha in angles(options):
        for l, oracle in oracles.items():
            least = max(ends, oracle.head.value)
            first, second = sides[l]
            if alpha > 0:
                if options.alpha is None and least * DEARER >= best:
                    continue
                first = a.turned(target, m - l, alpha, first)
                second = b.turned(target, m - l, alpha, second)
                sides[l] = first, second
            choice = Choice(l, alpha, first, second, oracle, level(target, least, first, second))
            report(task, target, choice)
            best = min(best, choice.level)
            yield choice


def level(target: Target, least: float, a: Side, b: Side) -> float:
    """The largest quantity; where units turn, of what is seen on subpaths 2 and 5 too, and what a proof adds."""
    highest = max(least, a.kept.value, b.kept.value)
    turning = [side for side in (a, b) if side.turns]
    seen = [along(target, side) for side in turning]
    return DEARER * max(highest, *seen) if turning else highest


def along(target: Target, side: Side) -> float:
    """The largest F seen on subpath 2."""
    first, last = side.predictor, side.compressed
    found = []
    for t in torch.linspace(0, 1, POINTS, dtype=torch.float64).tolist():
        V = torch.lerp(first.head.V, last.head.V, t)
        c = None if first.head.c is None or last.head.c is None else torch.lerp(first.head.c, last.head.c, t)
        found.append(target.value(target.features(torch.lerp(first.W, last.W, t)), Head(V, c)))
    return max(found)


def report(task: Task, target: Target, choice: Choice) -> None:
    """delta(m - l, alpha; m) of both models, and the constant of subpath 2 where units turn."""
    for name, side in (("a", choice.a), ("b", choice.b)):
        quantities = {"delta": side.kept.value, "closed form": closed_form(target, side) if side.turns else None}
        for quantity, value in quantities.items():
            if value is not None:
                title = f"{quantity} of model {name}, alpha {choice.alpha:g}"
                task.reporter.metric(title, choice.units, value, unit="unit", family="loss")
