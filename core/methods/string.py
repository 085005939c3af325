"""Dynamic string sampling (Freeman and Bruna 2017, arXiv:1611.01540, section 3 and Algorithm 1).

Given models a and b (P,) whose loss is below a threshold L0, the string is a chain of models from a to b. Where
the straight line between two neighbours rises above L0 (a *gap*), a new model, a *bead*, is started on that line
at t* (the midpoint, or the line's maximum), trained to alpha L0, and put between them; both halves are looked
at again. The string connects when no gap is left. It may stop before: then it is no proof that a and b are
disconnected, only that this search did not connect them.

*Greedy* takes the leftmost of the deepest gaps, which is Algorithm 1's recursion; *breadth* takes all gaps of
the lowest depth, and trains their beads in one batch. Between the points of a grid, refined at its maxima, the
loss is not known: every segment is `sampled`.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as File

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.files import write_whole
from core.methods.method import Construction, Premise, Task
from core.path import Path
from core.problem import Problem, part_of
from core.profile import peaks
from core.progress import plural
from core.specs.methods import Metric, String, metric_text
from core.training import TrainingResult, Until, train

DEFAULT_FACTOR = 1.5  # threshold without `below`: this times the larger endpoint value


@dataclass
class Gap:
    """Between knot `left` and the next one: the highest value on the line, where, and how often the gap was halved."""

    left: int
    depth: int
    value: float
    t: float

    def along(self, lines: int) -> float:
        """The position of its highest value on a string of this many lines, in [0, 1]."""
        return (self.left + self.t) / lines


@dataclass
class Beads:
    """The string as it grows: knots (a, beads, b), the metric at each, and the open gaps between them."""

    knots: list[Tensor]
    values: list[float]
    depths: list[int]  # of the line from each knot to the next
    gaps: list[Gap] = field(default_factory=list)
    passes: float = 0.0  # over the data, that looking and training took; a step of training counts for three

    @property
    def count(self) -> int:
        return len(self.knots) - 2

    @property
    def worst(self) -> Gap | None:
        """The highest gap, or None if there are none. A gap that is not a number counts as the highest."""
        return max(self.gaps, key=lambda one: math.inf if math.isnan(one.value) else one.value, default=None)

    @property
    def worst_text(self) -> str | None:
        """How high the worst gap is and where, such as `0.41 at t = 0.37`."""
        return None if (gap := self.worst) is None else f"{gap.value:.3g} at t = {gap.along(len(self.depths)):.3g}"

    def stuck(self, below: float) -> list[int]:
        """Knots that are themselves above the threshold: no bead beside them can help."""
        return [i for i, value in enumerate(self.values) if not value <= below]

    def save(self, file: File) -> None:
        tensors = {"knots": torch.stack(self.knots).cpu(), "depths": torch.tensor(self.depths)}
        write_whole(file, lambda draft: save_file(tensors, draft))


def threshold(task: Task, ends: list[float]) -> float:
    """L0: `below`, or by default 1.5 times the larger end's value."""
    return task.below if task.below is not None else DEFAULT_FACTOR * max(ends)


def values_of(problem: Problem, thetas: Tensor, on: Metric) -> list[float]:
    """The metric at parameters (K, P)."""
    found: list[float] = problem.metric(thetas, on).tolist()
    return found


def premises(options: String, task: Task) -> Iterator[Premise]:
    yield Premise("the two models have equally many parameters", task.a.shape == task.b.shape)
    part = part_of(options.on)
    split = task.problem.part(part)
    yield Premise(f"the data set has {part} samples", split is not None)
    classes = not (options.on.endswith("error") and split is not None and split.y.is_floating_point())
    yield Premise("the data has classes, as a threshold on errors needs", classes)
    ends = values_of(task.problem, torch.stack([task.a, task.b]), options.on)
    below = threshold(task, ends)
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
    search.find_gaps(beads, list(range(len(beads.depths))))
    task.reporter.say(search.state(beads))
    while (batch := search.choose(beads)) and time.monotonic() < deadline:
        search.grow(beads, batch)
        task.reporter.checkpoint(beads.save)
        search.report(beads)
    task.reporter.say(search.why_it_ends(beads))
    task.reporter.keep(beads.save)
    path = Path.chain(beads.knots)
    return Construction(path, search.below, options.on, search.describe(beads), beads.count, beads.passes)


def resumed_beads(search: "StringSearch", ends: list[float]) -> Beads | None:
    """The beads that an earlier run left between the same ends; those above the threshold are trained on."""
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
    stuck = beads.stuck(search.below)
    task.reporter.say(f"Resumes with {plural(beads.count, 'bead')}; {len(stuck)} of them above the threshold.")
    if stuck:
        again = search.train_beads([beads.knots[i] for i in stuck], beads.count).thetas
        values = values_of(task.problem, again, search.options.on)
        for i, bead, value in zip(stuck, again, values, strict=True):
            beads.knots[i], beads.values[i] = bead, value
    return beads


@dataclass(frozen=True)
class StringSearch:
    """One search for a string below the threshold."""

    options: String
    task: Task
    below: float
    deadline: float

    def find_gaps(self, beads: Beads, lefts: list[int]) -> list[float]:
        """Look along the lines that start at the knots `lefts`: those that rise above the threshold are gaps.

        The highest value on each.
        """
        starts = torch.stack([beads.knots[i] for i in lefts])
        stops = torch.stack([beads.knots[i + 1] for i in lefts])
        beads.passes += self.options.grid * len(lefts)
        highest = peaks(self.task.problem, starts, stops, self.options.on, self.options.grid)
        for i, value, t in zip(lefts, highest.value.tolist(), highest.t.tolist(), strict=True):
            if not value <= self.below:
                beads.gaps.append(Gap(i, beads.depths[i], value, t))
        beads.gaps.sort(key=lambda gap: gap.left)
        found: list[float] = highest.value.tolist()
        return found

    def choose(self, beads: Beads) -> list[Gap]:
        """The gaps to work on next, from left to right; none when connected or at a limit of depth or beads."""
        room = self.options.beads - beads.count
        stuck = set(beads.stuck(self.below))
        able = [gap for gap in beads.gaps if gap.depth < self.options.depth and not {gap.left, gap.left + 1} & stuck]
        if not able or room < 1:
            return []
        if self.options.order == "greedy":
            return [max(able, key=lambda gap: (gap.depth, -gap.left))]
        lowest = min(gap.depth for gap in able)
        return [gap for gap in able if gap.depth == lowest][:room]

    def grow(self, beads: Beads, batch: list[Gap]) -> None:
        """Train a bead for each gap of the batch, put them in, and look at the new halves."""
        starts = [self.middle(beads, gap, beads.count + i) for i, gap in enumerate(batch)]
        trained, lines = self.train_beads(starts, beads.count), len(beads.depths)
        values = values_of(self.task.problem, trained.thetas, self.options.on)
        beads.passes += 3 * int(trained.epochs.sum())
        beads.gaps = [gap for gap in beads.gaps if gap not in batch]
        new: list[int] = []
        for gap, bead, value in reversed(list(zip(batch, trained.thetas, values, strict=True))):
            beads.knots.insert(gap.left + 1, bead)
            beads.values.insert(gap.left + 1, value)
            beads.depths[gap.left : gap.left + 1] = [gap.depth + 1] * 2
            for other in beads.gaps:
                other.left += other.left > gap.left
            new = [gap.left, gap.left + 1, *(left + 1 for left in new)]
        highest = self.find_gaps(beads, new)
        for i, (gap, value) in enumerate(zip(batch, values, strict=True)):
            left, right = highest[2 * i : 2 * i + 2]
            place = f"in the gap of {gap.value:.4g} at t = {gap.along(lines):.3g}, depth {gap.depth}"
            missed = "" if bool(trained.reached[i]) else ", short of its goal"
            told = f"trained to {value:.4g} in {plural(int(trained.epochs[i]), 'epoch')}{missed}"
            number = beads.count - len(batch) + i + 1
            self.task.reporter.say(f"Bead {number}, {place}: {told}; its two lines reach {left:.4g} and {right:.4g}.")

    def middle(self, beads: Beads, gap: Gap, number: int) -> Tensor:
        """Where the bead `number` starts: theta(t*) on its gap's line, moved aside by `noise`.

        An end is no place to start, so t* stays inside. Between a network and itself with units exchanged the
        middle is symmetric, and descent never leaves that symmetry: there noise is needed.
        """
        left, right = beads.knots[gap.left], beads.knots[gap.left + 1]
        t = 0.5 if self.options.at == "midpoint" else min(max(gap.t, 0.05), 0.95)
        start = torch.lerp(left, right, t)
        if self.options.noise == 0:
            return start
        generator = torch.Generator().manual_seed(self.task.seed + number)
        aside = torch.randn(start.shape, generator=generator, dtype=torch.float64).to(start)
        moved: Tensor = start + self.options.noise * torch.dist(left, right) * aside / aside.norm()
        return moved

    def train_beads(self, starts: list[Tensor], made: int) -> TrainingResult:
        """Train beads, all in one batch, to alpha times the threshold."""
        seeds = [self.task.seed + made + i for i in range(len(starts))]
        return train(
            self.task.problem,
            torch.stack(starts),
            seeds,
            self.options,
            until=Until(self.options.on, self.options.alpha * self.below),
            on_epoch=lambda state: self.task.reporter.progress(
                None, f"{made} beads, training {len(starts)} more, epoch {state.epoch}"
            ),
            stop=lambda: time.monotonic() >= self.deadline,
        )

    def report(self, beads: Beads) -> None:
        worst = self.below if beads.worst is None else beads.worst.value
        self.task.reporter.metric("gaps", beads.count, len(beads.gaps), unit="beads", family="gaps")
        self.task.reporter.metric("worst_gap", beads.count, worst, unit="beads", family="worst_gap")
        lines = len(beads.depths)
        message = f"{beads.count} beads, {len(beads.gaps)} of {lines} lines too high, worst {worst:.4g}"
        self.task.reporter.progress(1 - len(beads.gaps) / lines, message)
        self.task.reporter.say(self.state(beads))

    def state(self, beads: Beads) -> str:
        """How far the string is, for the log."""
        gaps = f"{len(beads.gaps)} of {plural(len(beads.depths), 'line')} too high"
        worst = "" if beads.worst is None else f", the worst reaches {beads.worst_text}"
        left = max(self.options.beads - beads.count, 0)
        return f"{plural(beads.count, 'bead')}: {gaps}{worst}; {left} more may be tried."

    def why_it_ends(self, beads: Beads) -> str:
        """For the log: connected, or the limit that the search has come to."""
        if not beads.gaps:
            return "The search ends: no gap is left."
        if time.monotonic() >= self.deadline:
            return f"The search ends: its {self.options.minutes:g} minutes are over."
        if beads.count >= self.options.beads:
            return f"The search ends: {plural(beads.count, 'bead')} are all that was allowed."
        return f"The search ends: every gap is at depth {self.options.depth} or beside a bead above the threshold."

    def describe(self, beads: Beads) -> str | None:
        """`3 gaps left, worst 0.41 at t = 0.37`, or None when the string connects."""
        if not beads.gaps:
            return None
        text = f"{plural(len(beads.gaps), 'gap')} left, worst {beads.worst_text}"
        if stuck := len(beads.stuck(self.below)):
            text += f", {plural(stuck, 'bead')} not trained below {self.below:.3g}"
        return text
