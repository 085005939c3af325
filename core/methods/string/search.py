"""The search of a string: where it needs beads, where these start, and their training."""

import time
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
