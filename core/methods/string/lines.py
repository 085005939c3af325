"""How high the straight lines of a string are: looked at on a grid, or proven where the path has to be.

A line that has to be proven is a gap where the loss is above the threshold at a point, which some of the samples may
tell, or where the checker finds no proof in the passes that a line may take.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

from torch import Tensor

from core.certify.enclosed import Judged, Prover, passes_text
from core.certify.enclosed.search import Search
from core.certify.knots import points64
from core.path import Segment
from core.problem import Problem
from core.profile import Look, look, peaks
from core.progress import plural
from core.specs.methods import String

FEW = 100.0  # passes that a line's proof may take at least; more where training a bead may take more

Known = Literal["seen", "part", "unproven"]
"""How a gap is known: by its highest value; by a part of the samples, whose losses alone are too high; for want of a
proof, though nothing was seen above the threshold."""


@dataclass(frozen=True)
class Line:
    """The highest value seen of a line and where, by a part of the samples maybe; `gap` says how it is known to be one,
    None if it is none. `told` is that as a part of a sentence, and `passes` what it cost.
    """

    value: float
    t: float
    gap: Known | None
    passes: float
    told: str


def seen_lines(problem: Problem, starts: Tensor, stops: Tensor, options: String, below: float) -> list[Line]:
    """Lines from `starts` to `stops`, each (G, P), as they look on a grid that is refined around its maxima.

    Their passes are those of the grid alone, by which `prove=auto` reckons.
    """
    highest = peaks(problem, starts, stops, options.on, options.grid)
    return [
        Line(value, t, None if value <= below else "seen", options.grid, f"reaches {value:.4g}")
        for value, t in zip(highest.value.tolist(), highest.t.tolist(), strict=True)
    ]


def proven_line(
    problem: Problem, ends: Tensor, options: String, below: float, prover: Prover, report: Callable[[str], None]
) -> Line:
    """The line between ends (2, P), looked at until it is too high, and proven otherwise if the passes allow that."""
    seen, spent = _first_look(problem, ends, options, below), prover.budget.spent
    exact = points64(prover.exact, ends)
    if not seen.value <= below:
        sure = prover.at_least(exact, seen.t, seen.samples) if prover.budget.left > 0 else -inf
        part = seen.samples < len(problem.data.train)
        told = _too_high(seen, sure > below, len(problem.data.train))
        return Line(seen.value, seen.t, "part" if part else "seen", seen.passes + prover.budget.spent - spent, told)
    most = max(FEW, 3 * options.epochs)

    def proving(search: Search) -> None:
        report(f"proving a line: {plural(len(search.accepted), 'piece')}, {passes_text(search.budget.spent)}")

    judged = prover.judge(exact, below, (seen.t, seen.value), most, proving)
    cost = prover.budget.spent - spent
    gap, (t, value), told = _as_judged(judged, seen, below)
    return Line(value, t, gap, seen.passes + cost, f"{told} ({passes_text(cost)})")


def _first_look(problem: Problem, ends: Tensor, options: String, below: float) -> Look:
    """On the grid alone, and no longer than it takes; where beads start at the maximum, until that is settled."""
    if options.at == "midpoint":
        return look(problem, Segment(ends[0], ends[1]), options.grid, below)
    highest = peaks(problem, ends[:1], ends[1:], options.on, options.grid)
    return Look(float(highest.t), float(highest.value), len(problem.data.train), float(highest.points))


def _too_high(seen: Look, sure: bool, samples: int) -> str:
    word = "a counterexample" if sure else "too high"
    if seen.samples == samples:
        return f"{word} at t = {seen.t:.6g}, where the loss is {seen.value:.4g}"
    return f"{word} at t = {seen.t:.6g}, where {seen.samples} of {samples} samples make it {seen.value:.4g} at least"


def _as_judged(judged: Judged, seen: Look, below: float) -> tuple[Known | None, tuple[float, float], str]:
    """How a line is known to be a gap, its highest point, and what is told of it."""
    point = seen.t, seen.value
    if judged.reason is None:
        return None, point, f"proven not to exceed {below:.4g} on {plural(judged.pieces, 'piece')}"
    if judged.above is None:
        return "unproven", point, f"not proven to stay below {below:.4g}: {judged.reason}"
    t, loss = judged.above
    return "seen", judged.above, f"a counterexample at t = {t:.9g}, where the loss is at least {loss:.4g}"
