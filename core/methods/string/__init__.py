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
from collections.abc import Iterator

import torch
from safetensors.torch import load_file

from core.methods.method import Construction, Premise, Task
from core.methods.string import constrained
from core.methods.string.beads import Beads
from core.methods.string.search import StringSearch, values_of
from core.path import Path
from core.problem import Part
from core.progress import plural
from core.specs.methods import String, metric_text

DEFAULT_FACTOR = 1.5  # threshold without `below`: this times the larger endpoint value


def threshold(task: Task, ends: list[float]) -> float:
    """L0: `below`, or by default 1.5 times the larger end's value."""
    return task.below if task.below is not None else DEFAULT_FACTOR * max(ends)


def premises(options: String, task: Task) -> Iterator[Premise]:
    yield Premise("the two models have equally many parameters", task.a.shape == task.b.shape)
    part: Part = "train" if options.on.startswith("train") else "test"
    split = task.problem.part(part)
    yield Premise(f"the data set has {part} samples", split is not None)
    classes = not (options.on.endswith("error") and split is not None and split.y.is_floating_point())
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
    deadline = time.monotonic() + 60 * options.minutes
    ends = values_of(task.problem, torch.stack([task.a, task.b]), options.on)
    search = StringSearch(options, task, threshold(task, ends), deadline)
    goal = f"the threshold is {search.below:.4g}, beads are trained to {options.alpha * search.below:.4g}"
    task.reporter.say(f"The {metric_text(options.on)} of the ends is {ends[0]:.4g} and {ends[1]:.4g}; {goal}.")
    beads = resumed_beads(search, ends) or Beads([task.a, task.b], ends, [0])
    failure = constrained.lower(search, beads) if options.order == "constrained" else halve(search, beads)
    task.reporter.keep(beads.save)
    path = Path.chain(beads.knots)
    return Construction(path, search.below, options.on, failure, beads.count, beads.passes)


def halve(search: StringSearch, beads: Beads) -> str | None:
    """Put beads into gaps until none is left or a limit is reached; what is left then, as a part of a sentence."""
    reporter = search.task.reporter
    lines = search.find_gaps(beads, list(range(len(beads.depths))))
    for number, line in enumerate(lines if search.prover is not None else (), start=1):
        reporter.say(f"Line {number} of {len(lines)}: {line.told}.")
    reporter.say(search.state(beads))
    while (batch := search.choose(beads)) and time.monotonic() < search.deadline:
        search.grow(beads, batch)
        reporter.checkpoint(beads.save)
        search.report(beads)
    reporter.say(search.why_it_ends(beads))
    return search.describe(beads)


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
        again = search.train_beads([beads.knots[i] for i in stuck], beads.count)
        beads.passes += 3 * int(again.epochs.sum())
        values = values_of(task.problem, again.thetas, search.options.on)
        for i, bead, value in zip(stuck, again.thetas, values, strict=True):
            beads.knots[i], beads.values[i] = bead, value
    return beads
