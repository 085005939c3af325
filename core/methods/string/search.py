"""The search of a string: where it needs beads, their training, and what is told of it."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from core.certify.enclosed import Prover, unprovable
from core.methods.method import Task
from core.methods.string.beads import Beads, Gap
from core.methods.string.lines import Line, proven_line, seen_lines
from core.path import Segment
from core.problem import Problem
from core.progress import plural
from core.specs.methods import Metric, String
from core.training import TrainingResult, Until, train


def values_of(problem: Problem, thetas: Tensor, on: Metric) -> list[float]:
    """The metric at parameters (K, P)."""
    part, _, what = on.partition("-")
    values = problem.values(thetas, "train" if part == "train" else "test")
    chosen = values.loss if what == "loss" else values.error
    assert chosen is not None
    return chosen.tolist()


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
        starts = torch.stack([beads.knots[i] for i in lefts])
        stops = torch.stack([beads.knots[i + 1] for i in lefts])
        found = self.judged(starts, stops, beads.count)
        beads.passes += sum(line.passes for line in found)
        beads.spent = beads.spent if self.prover is None else self.prover.budget.spent
        for i, line in zip(lefts, found, strict=True):
            if line.gap is not None:
                beads.gaps.append(Gap(i, beads.depths[i], line.value, line.t, line.gap))
        beads.gaps.sort(key=lambda gap: gap.left)
        return found

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

    def grow(self, beads: Beads, batch: list[Gap]) -> None:
        """Train a bead for each gap of the batch, put them in, and look at the new halves."""
        starts = [self.middle(beads, gap, beads.count + i) for i, gap in enumerate(batch)]
        trained, lines = self.train_beads(starts, beads.count), len(beads.depths)
        values = values_of(self.task.problem, trained.thetas, self.options.on)
        beads.passes += 3 * int(trained.epochs.sum())
        new: list[int] = []
        for gap, bead, value in reversed(list(zip(batch, trained.thetas, values, strict=True))):
            beads.insert(gap, bead, value)
            new = [gap.left, gap.left + 1, *(left + 1 for left in new)]
        halves = self.find_gaps(beads, new)
        for i, (gap, value) in enumerate(zip(batch, values, strict=True)):
            left, right = halves[2 * i : 2 * i + 2]
            place = f"in the gap of {gap.value:.4g} at t = {gap.along(lines):.3g}, depth {gap.depth}"
            missed = "" if bool(trained.reached[i]) else ", short of its goal"
            told = f"trained to {value:.4g} in {plural(int(trained.epochs[i]), 'epoch')}{missed}"
            number = beads.count - len(batch) + i + 1
            self.task.reporter.say(f"Bead {number}, {place}: {told}; {self.lines_told(left, right)}.")

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
        message = f"{beads.count} beads, {len(beads.too_high)} of {lines} lines too high, worst {worst:.4g}"
        self.task.reporter.progress(1 - len(beads.gaps) / lines, message)
        self.task.reporter.say(self.state(beads))

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
            return f"The search ends: {plural(beads.count, 'bead')} are all that was allowed."
        return f"The search ends: every gap is at depth {self.options.depth} or beside a bead above the threshold."

    def describe(self, beads: Beads) -> str | None:
        """`3 gaps left, worst 0.41 at t = 0.37`, or None when the string connects, as far as can be seen."""
        if not beads.too_high:
            return None
        text = f"{plural(len(beads.too_high), 'gap')} left, worst {beads.worst_text}"
        if stuck := len(beads.stuck(self.below)):
            text += f", {plural(stuck, 'bead')} not trained below {self.below:.3g}"
        return text
