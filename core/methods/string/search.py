"""The search of a string: where it needs beads, their training, and what is told of it."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.certify.enclosed import Prover, unprovable
from core.methods.method import Task
from core.methods.string.beads import Beads, Gap
from core.methods.string.lines import Line, proven_line, seen_lines
from core.path import Segment
from core.problem import Problem
from core.progress import Reporter, plural
from core.specs.methods import Metric, String
from core.training import Objective, TrainingState, Until, train


def values_of(problem: Problem, thetas: Tensor, on: Metric) -> list[float]:
    """The metric at parameters (K, P)."""
    found: list[float] = problem.metric(thetas, on).tolist()
    return found


@dataclass(frozen=True)
class Trained:
    """A bead (P,), its value of the metric, after how many epochs, and whether it reached its goal."""

    theta: Tensor
    value: float
    epochs: int
    reached: bool


@dataclass(frozen=True)
class StringSearch:
    """One search for a string below the threshold."""

    options: String
    task: Task
    below: float
    deadline: float

    @property
    def prover(self) -> Prover | None:
        """The checker, where the string has to be proven and can be."""
        able = unprovable(self.task.problem, Segment(self.task.a, self.task.b)) is None
        return self.task.prover if able and self.options.on == "train-loss" else None

    def find_gaps(self, beads: Beads, lefts: list[int]) -> list[Line]:
        """Look along the lines that start at the knots `lefts`: those that may rise above the threshold are gaps."""
        found = self.judged(*beads.lines(lefts), beads.count)
        self.note(beads, lefts, found)
        return found

    def note(self, beads: Beads, lefts: list[int], found: list[Line]) -> None:
        """Keep what was found of the lines that start at the knots `lefts`: what they cost, and which are gaps."""
        beads.passes += sum(line.passes for line in found)
        beads.spent = beads.spent if self.prover is None else self.prover.budget.spent
        for i, line in zip(lefts, found, strict=True):
            if line.gap is not None:
                beads.gaps.append(Gap(i, beads.depths[i], line.value, line.t, line.gap))
        beads.gaps.sort(key=lambda gap: gap.left)

    def judged(self, starts: Tensor, stops: Tensor, made: int) -> list[Line]:
        """What is known of the lines from `starts` to `stops`, each (G, P)."""
        problem, prover = self.task.problem, self.prover
        if prover is None:
            return seen_lines(problem, starts, stops, self.options, self.below)

        def report(text: str) -> None:
            self.task.reporter.progress(None, f"{plural(made, 'bead')}, {text}")

        lines = torch.stack([starts, stops], 1)
        return [proven_line(problem, ends, self.options, self.below, prover, report) for ends in lines]

    def choose(self, beads: Beads) -> list[Gap]:
        """The gaps to work on next, from left to right; none when connected or at a limit of depth or beads."""
        room = self.options.beads - beads.count
        stuck = set(beads.stuck(self.below))
        able = [gap for gap in beads.gaps if gap.depth < self.options.depth and not {gap.left, gap.left + 1} & stuck]
        if self.prover is not None and self.prover.budget.left <= 0:  # then no bead leads to a proof
            able = [gap for gap in able if gap.known != "unproven"]
        if not able or room < 1:
            return []
        if self.options.order == "greedy":
            return [max(able, key=lambda gap: (gap.depth, -gap.left))]
        lowest = min(gap.depth for gap in able)
        return [gap for gap in able if gap.depth == lowest][:room]

    def insert(self, beads: Beads, batch: list[Gap], new: list[Trained]) -> list[int]:
        """Put a trained bead into each gap of the batch; the knots at which the new halves start, left to right."""
        beads.passes += 3 * sum(bead.epochs for bead in new)
        lefts: list[int] = []
        for gap, bead in reversed(list(zip(batch, new, strict=True))):
            beads.insert(gap, bead.theta, bead.value)
            lefts = [gap.left, gap.left + 1, *(left + 1 for left in lefts)]
        return lefts

    def tell(self, beads: Beads, batch: list[Gap], new: list[Trained], halves: list[Line]) -> None:
        """For the log: each new bead of a batch, and the two halves beside it."""
        before = len(beads.depths) - len(batch)
        for i, (gap, bead) in enumerate(zip(batch, new, strict=True)):
            left, right = halves[2 * i : 2 * i + 2]
            place = f"in the gap of {gap.value:.4g} at t = {gap.along(before):.3g}, depth {gap.depth}"
            missed = "" if bead.reached else ", short of its goal"
            told = f"trained to {bead.value:.4g} in {plural(bead.epochs, 'epoch')}{missed}"
            number = beads.count - len(batch) + i + 1
            self.task.reporter.say(f"Bead {number}, {place}: {told}; {self.lines_told(left, right)}.")

    def tell_lines(self, lines: list[Line]) -> None:
        """Say of each line of the whole string what is known of it, where that has to be proven."""
        for number, line in enumerate(lines if self.prover is not None else (), start=1):
            self.task.reporter.say(f"Line {number} of {len(lines)}: {line.told}.")

    def lines_told(self, left: Line, right: Line) -> str:
        """The two lines beside a new bead, for the log."""
        if self.prover is None:
            return f"its two lines reach {left.value:.4g} and {right.value:.4g}"
        return f"the line before it: {left.told}; the line after it: {right.told}"

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

    def seeds(self, count: int, made: int) -> list[int]:
        """Of the next `count` beads, when `made` are there."""
        return [self.task.seed + made + i for i in range(count)]

    def train_beads(
        self,
        starts: list[Tensor],
        seeds: list[int],
        doing: Callable[[TrainingState], str],
        reporter: Reporter,
        objective: Objective | None = None,
    ) -> list[Trained]:
        """Train beads, all in one batch, to alpha times the threshold; `doing` says in words how far that is."""
        found = train(
            self.task.problem,
            torch.stack(starts),
            seeds,
            self.options,
            until=Until(self.options.on, self.options.alpha * self.below),
            objective=objective,
            on_epoch=lambda state: reporter.progress(None, doing(state)),
            stop=lambda: time.monotonic() >= self.deadline,
        )
        values = values_of(self.task.problem, found.thetas, self.options.on)
        made = zip(found.thetas, values, found.epochs.tolist(), found.reached.tolist(), strict=True)
        return [Trained(*one) for one in made]

    def report(self, beads: Beads) -> None:
        worst = self.below if beads.worst is None else beads.worst.value
        self.task.reporter.metric("gaps", beads.count, len(beads.gaps), unit="beads", family="gaps")
        self.task.reporter.metric("worst_gap", beads.count, worst, unit="beads", family="worst_gap")
        self.report_depths(beads)
        lines = len(beads.depths)
        message = f"{beads.count} beads, {len(beads.too_high)} of {lines} lines too high, worst {worst:.4g}"
        self.task.reporter.progress(1 - len(beads.gaps) / lines, message)
        self.task.reporter.say(self.state(beads))

    def report_depths(self, beads: Beads) -> None:
        """How many beads each depth took so far; what is said of a depth again replaces what was said before."""
        for depth, made in sorted(Counter(beads.of_depth).items()):
            self.task.reporter.metric("beads_per_depth", depth, made, unit="depth", family="beads_per_depth")

    def state(self, beads: Beads) -> str:
        """How far the string is, for the log."""
        gaps = f"{len(beads.too_high)} of {plural(len(beads.depths), 'line')} too high"
        worst = "" if beads.worst is None else f", the worst reaches {beads.worst_text}"
        unproven = f", {some} not proven" if (some := len(beads.gaps) - len(beads.too_high)) else ""
        left = max(self.options.beads - beads.count, 0)
        return f"{plural(beads.count, 'bead')}: {gaps}{worst}{unproven}; {left} more may be tried."

    def why_it_ends(self, beads: Beads) -> str:
        """For the log: connected, or the limit that the search has come to."""
        if not beads.gaps:
            return "The search ends: no gap is left."
        if not beads.too_high:
            return f"The search ends: no line is too high, and {len(beads.gaps)} are left for the certificate to prove."
        if time.monotonic() >= self.deadline:
            return f"The search ends: its {self.options.minutes:g} minutes are over."
        if beads.count >= self.options.beads:
            return f"The search ends: {self.all_beads(beads)}."
        return f"The search ends: every gap is at depth {self.options.depth} or beside a bead above the threshold."

    def all_beads(self, beads: Beads) -> str:
        """That there may be no more."""
        return f"{plural(beads.count, 'bead')} {'is' if beads.count == 1 else 'are'} all that was allowed"

    def describe(self, beads: Beads) -> str | None:
        """`3 gaps left, worst 0.41 at t = 0.37`, or None when the string connects, as far as can be seen."""
        if not beads.too_high:
            return None
        text = f"{plural(len(beads.too_high), 'gap')} left, worst {beads.worst_text}"
        if stuck := len(beads.stuck(self.below)):
            text += f", {plural(stuck, 'bead')} not trained below {self.below:.3g}"
        return text
