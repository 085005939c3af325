"""Dynamic string sampling (Freeman and Bruna 2017, arXiv:1611.01540, section 3 and Algorithm 1).

Given models a and b (P,) whose loss is below a threshold L0, the string is a chain of models from a to b. Where
the straight line between two neighbours rises above L0 (a *gap*), a new model, a *bead*, is started on that line
at t* (the midpoint, or the line's maximum), trained to alpha L0, and put between them; both halves are looked
at again. The string connects when no gap is left. It may stop before: then it is no proof that a and b are
disconnected, only that this search did not connect them.

*Greedy* takes the leftmost of the deepest gaps, which is Algorithm 1's recursion; *breadth* takes all gaps of
the lowest depth, and trains their beads in one batch. *Constrained* brings all beads down together, level
by level, on springs (core.methods.string.constrained). Between the points of a grid, refined at its maxima, the
loss is not known. Where the path has to be proven, a line without a proof below the threshold is a gap as well
(core.methods.string.lines).
"""

import time
from collections.abc import Iterator, Sequence

import torch
from safetensors.torch import load_file

from core.methods.method import Construction, Premise, Task
from core.methods.string import constrained
from core.methods.string.beads import Beads
from core.methods.string.halving import halve
from core.methods.string.search import StringSearch, values_of
from core.methods.string.snapshots import Snapshots
from core.methods.string.telling import report_depths
from core.path import Path
from core.problem import part_of
from core.progress import Reporter, plural
from core.specs.methods import String, metric_text
from core.training import TrainingState

DEFAULT_FACTOR = 1.5  # threshold without `below`: this times the larger endpoint value


def threshold(task: Task, ends: list[float]) -> float:
    """L0: `below`, or by default 1.5 times the larger end's value."""
    return task.below if task.below is not None else DEFAULT_FACTOR * max(ends)


def premises(options: String, task: Task) -> Iterator[Premise]:
    yield Premise("the two models have equally many parameters", task.a.shape == task.b.shape)
    part = part_of(options.on)
    split = task.problem.part(part)
    yield Premise(f"the data set has {part} samples", split is not None)
    classes = not options.on.endswith("error") or task.problem.graded
    yield Premise("the data has classes, as a threshold on errors needs", classes)
    ends = values_of(task.problem, torch.stack([task.a, task.b]), options.on)
    below = threshold(task, ends)
    if options.on.endswith("loss"):
        zero = f"{DEFAULT_FACTOR:g} times the larger end's loss is 0, and nothing is proven at 0: give --below"
        yield Premise("the threshold is above 0", below != 0, zero)
    for label, value in zip("ab", ends, strict=True):
        yield Premise.at_most(f"the {metric_text(options.on)} of model {label} is below the threshold", value, below)


def build(options: String, task: Task) -> Construction:
    """Grow the string until no gap is left or a limit is reached."""
    (made,) = build_all(options, [task], task.reporter)
    return made


def build_all(options: String, tasks: Sequence[Task], reporter: Reporter) -> list[Construction]:
    """Grow the strings of several pairs, which share the time; `reporter` hears of what they have in common."""
    deadline = time.monotonic() + 60 * options.minutes
    strings = [_begun(options, task, deadline) for task in tasks]
    snapshots = [Snapshots(task.problem) if options.snapshots else None for task in tasks]
    if options.order == "constrained":
        failures = [constrained.lower(*one, kept) for one, kept in zip(strings, snapshots, strict=True)]
    else:
        failures = halve(strings, reporter)
        for (_, beads), kept in zip(strings, snapshots, strict=True):
            if kept is not None:
                kept.take_depths(beads)
    for search, beads in strings:
        report_depths(search, beads)
    for search, beads in strings[-1:]:
        search.task.reporter.keep(beads.save)  # where there are several, the states of all
    made = zip(strings, failures, snapshots, strict=True)
    return [_construction(*string, failure, kept) for string, failure, kept in made]


def _construction(search: StringSearch, beads: Beads, failure: str | None, snapshots: Snapshots | None) -> Construction:
    return Construction(
        Path.chain(beads.knots),
        search.below,
        search.options.on,
        failure,
        beads.count,
        beads.passes,
        beside={} if snapshots is None else snapshots.tensors,
    )


def _begun(options: String, task: Task, deadline: float) -> tuple[StringSearch, Beads]:
    """The string between the ends of a task, or what an earlier run left of it."""
    ends = values_of(task.problem, torch.stack([task.a, task.b]), options.on)
    search = StringSearch(options, task, threshold(task, ends), deadline)
    goal = f"the threshold is {search.below:.4g}, beads are trained to {options.alpha * search.below:.4g}"
    task.reporter.say(f"The {metric_text(options.on)} of the ends is {ends[0]:.4g} and {ends[1]:.4g}; {goal}.")
    beads = resumed_beads(search, ends) or Beads([task.a, task.b], ends, [0])
    task.reporter.checkpoint(beads.save)
    return search, beads


def resumed_beads(search: StringSearch, ends: list[float]) -> Beads | None:
    """The beads that an earlier run left between the same ends; those above the threshold are trained on.

    Those of a constrained string wait for their level.
    """
    task = search.task
    if task.reporter.left is None:
        return None
    tensors = load_file(task.reporter.left)
    knots = list(tensors["knots"].to(task.a))
    if not (torch.equal(knots[0], task.a) and torch.equal(knots[-1], task.b)):
        task.reporter.say("The beads in the checkpoint join other models, so the search starts from scratch.")
        return None
    values = values_of(task.problem, torch.stack(knots), search.options.on)
    values[0], values[-1] = ends  # as the premise saw them: in another batch they may be rounded otherwise
    beads = Beads(knots, values, tensors["depths"].tolist())
    if "passes" in tensors:  # files of the first editions have none
        beads.passes, beads.spent = tensors["passes"].tolist()
        if task.prover is not None:
            task.prover.budget.spent += beads.spent
    stuck = beads.stuck(search.below)
    task.reporter.say(f"Resumes with {plural(beads.count, 'bead')}; {len(stuck)} of them above the threshold.")
    if stuck and search.options.order != "constrained":
        starts, seeds = [beads.knots[i] for i in stuck], search.seeds(len(stuck), beads.count)

        def doing(state: TrainingState) -> str:
            return f"{plural(beads.count, 'bead')}, training {len(stuck)} of them on, epoch {state.epoch}"

        again = search.train_beads(starts, seeds, doing, task.reporter)
        beads.passes += 3 * sum(bead.epochs for bead in again)
        for i, bead in zip(stuck, again, strict=True):
            beads.knots[i], beads.values[i] = bead.theta, bead.value
    return beads
