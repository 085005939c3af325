"""Connecting through sparse subnetworks: Nguyen et al. 2021, Theorem 4.1, with an exact certificate.

Kept sets I_l and subnetworks xi_l are chosen for both models (`core.subnetworks`), and joined by the path of
`construction`. The level is max(loss a, loss b, losses of the subnetworks used); the theorem's bound is its infimum
over all choices. xi_0, which reads the input and so fits both models, is the better of the two that were found.
How many neurons are kept is free (their equation (6)); with `search` several shares are tried.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import torch

from core.errors import UsageError
from core.methods.method import Construction, Premise, Task
from core.methods.sparse.checkpoint import Store
from core.methods.sparse.construction import End, theorem_path
from core.methods.sparse.premises import layered_premises, sizes_premise
from core.specs.methods import Sparse
from core.specs.names import write_widths
from core.specs.subnetworks import kept_sizes
from core.subnetworks import Goal, Level, Subnetwork, Weights, trained_levels

MOST = 0.75  # the largest share of kept neurons that a search tries


@dataclass(frozen=True)
class SubnetworkChoice:
    """Subnetworks xi_1..xi_{L-1} of both models, and xi_0."""

    of_a: list[Subnetwork]
    of_b: list[Subnetwork]
    xi_0: Subnetwork

    @classmethod
    def of(cls, of_a: list[Level], of_b: list[Level]) -> "SubnetworkChoice":
        xi_0 = min((of_a[0].best, of_b[0].best), key=lambda xi: xi.loss)
        return cls([level.best for level in of_a[1:]], [level.best for level in of_b[1:]], xi_0)

    @property
    def loss(self) -> float:
        return max(xi.loss for xi in (*self.of_a, *self.of_b, self.xi_0))


def premises(options: Sparse, task: Task) -> Iterator[Premise]:
    yield from layered_premises(task)
    claim = "every hidden layer is wide enough for its kept set"
    yield sizes_premise(claim, lambda widths: kept_sizes(options, widths), task)


def build(options: Sparse, task: Task) -> Construction:
    """Find subnetworks for a and for b, the input's for both, and lay the path through the best choice."""
    ends = float(task.problem.losses(torch.stack([task.a, task.b])).max())
    store = Store.of(options, task)
    if store.found:
        task.reporter.say(f"Resumes with {len(store.found)} subnetworks of the checkpoint.")
    widths = Weights.of(task.problem, task.a).widths[1:-1]
    choices: list[SubnetworkChoice] = []
    for sizes in sizes_tried(options, widths):
        task.reporter.say(f"Kept neurons: {sizes} of {'-'.join(map(str, widths))}; the ends reach {ends:.6g}.")
        choices.append(find_choice(options, task, store, sizes, ends))
        if choices[-1].loss <= ends:
            break
    task.reporter.keep(store.save)
    best = min(choices, key=lambda choice: choice.loss)
    path = theorem_path(task.problem, End(task.a, best.of_a), End(task.b, best.of_b), best.xi_0)
    return Construction(path, task.below, beads=len(best.of_a) + len(best.of_b) + 1)


def sizes_tried(options: Sparse, widths: tuple[int, ...]) -> list[str]:
    """The kept sizes to try, as `sizes` is written: those asked for, then shares up to MOST that fit."""
    found = [write_widths(tuple(kept_sizes(options, widths)))]
    for i in range(1, options.search):
        ratio = options.ratio + (MOST - options.ratio) * i / (options.search - 1)
        with suppress(UsageError):  # layers too narrow for this share
            changed = msgspec.structs.replace(options, sizes=None, ratio=ratio)
            found.append(write_widths(tuple(kept_sizes(changed, widths))))
    return list(dict.fromkeys(found))


def find_choice(options: Sparse, task: Task, store: Store, sizes: str, ends: float) -> SubnetworkChoice:
    """Both models' subnetworks for one choice of sizes."""
    given = msgspec.structs.replace(options, sizes=sizes)
    levels = []
    for i, (name, theta) in enumerate((("a", task.a), ("b", task.b))):
        goal = Goal(ends if options.stop_early else None, store.of_model(sizes, name), store.same)
        found = trained_levels(given, task.problem, theta, 2 * task.seed + i, progress_reporter(task, name), goal)
        levels.append(reported_levels(task, name, stored_levels(store, (sizes, name), found, task)))
    return SubnetworkChoice.of(*levels)


def stored_levels(store: Store, key: tuple[str, str], levels: Iterable[Level], task: Task) -> Iterator[Level]:
    """The same levels, stored one by one."""
    for level in levels:
        store.found[*key, level.level] = level.best
        task.reporter.checkpoint(store.save)
        yield level


def reported_levels(task: Task, name: str, levels: Iterable[Level]) -> list[Level]:
    """All levels, each reported when it is there."""
    found = []
    for level in levels:
        task.reporter.metric(
            f"subnetwork loss of model {name}", level.level, level.best.loss, unit="layer", family="loss"
        )
        task.reporter.say(f"Model {name}, {level.summary}.")
        found.append(level)
    return found


def progress_reporter(task: Task, name: str) -> Callable[[float, str], None]:
    """Progress on model a is the first half of the work, on b the second."""
    return lambda done, what: task.reporter.progress((done + (name == "b")) / 2, f"model {name}: {what}")
