"""Constrained strings (Freeman and Bruna 2017, appendix A): lowered level by level, all beads at once, on springs.

The first level is near the highest loss on the line between the two models, the last is the threshold. At each level
every gap whose ends are below it gets a bead, and all beads of the string are trained together, until no line and no
bead is above the level. A string that stops at one says which it reached: an early sign that the models may not be
connected.
"""

import time
from dataclasses import replace
from math import exp, isfinite, log, nan

import torch

from core.methods.string.beads import Beads
from core.methods.string.search import StringSearch
from core.methods.string.snapshots import Snapshots, evenly
from core.methods.string.springs import Springs
from core.methods.string.telling import count_text, report_depths, tell_lines, time_text
from core.progress import plural
from core.training import TrainingState

ROUNDS = 12  # of new beads and training, a level


def levels(top: float, below: float, stages: int) -> list[float]:
    """The levels of the stages, by equal factors from below `top` to `below`; only the last where nothing is higher.

    Both are finite. By logarithms, since below / top may be too small for a float.
    """
    if not top > below > 0:
        return [below]
    high, low = log(top), log(below)
    return [*(exp(high + (low - high) * s / stages) for s in range(1, stages)), below]


def lower(search: StringSearch, beads: Beads, snapshots: Snapshots | None) -> str | None:
    """Lower the string to its threshold; the level at which it stops before that, and why, as a part of a sentence.

    `snapshots` get the string as it is after each stage but the last, with which it is whole.
    """
    reporter = search.task.reporter
    (line,) = _looking(search).judged(beads.knots[0][None], beads.knots[-1][None], 0)
    reached = line.value if isfinite(line.value) else torch.finfo(search.task.a.dtype).max
    goals = levels(reached, search.below, search.options.stages)
    kept = set(evenly(range(1, len(goals))))
    high = "" if reached == line.value else f", which is no finite loss: as if it were {reached:.4g}"
    stages = plural(len(goals), "stage")
    reporter.say(f"The line between the models reaches {line.value:.4g}{high}; the string is lowered in {stages}.")
    for number, level in enumerate(goals, start=1):
        reporter.progress((number - 1) / len(goals), f"level {level:.3g}, {plural(beads.count, 'bead')}")
        here = search if number == len(goals) else replace(_looking(search), below=level)
        rounds = _lower(here, beads)
        state = f"Level {level:.4g}, {number} of {len(goals)}: {plural(beads.count, 'bead')}"
        if rounds is None:
            reporter.say(f"{state}, and {len(beads.gaps)} of {plural(len(beads.depths), 'line')} above it: given up.")
            return f"stopped at level {reached:.3g} of {search.below:.3g}: {_limit(here, beads)}"
        reporter.say(f"{state}, {plural(rounds, 'round')} of training.")
        reporter.metric("level", number, level, unit="stage", family="level")
        reporter.metric("beads", number, beads.count, unit="stage", family="beads")
        report_depths(search, beads)
        reached = level
        if snapshots is not None and number in kept:
            snapshots.take("stage", number, beads.knots)
    return None


def _limit(search: StringSearch, beads: Beads) -> str:
    """Why a string went no further."""
    if time.monotonic() >= search.deadline:
        return time_text(search)
    if beads.gaps and beads.count >= search.options.beads:
        return count_text(beads)
    return f"{ROUNDS} rounds of beads and training at a level are all that it gets"


def _looking(search: StringSearch) -> StringSearch:
    """The same without proofs: only the last level is the threshold."""
    return replace(search, task=replace(search.task, prover=None))


def _lower(search: StringSearch, beads: Beads) -> int | None:
    """Bring all lines and beads below one level; how many rounds of training that took, None where it failed."""
    for rounds in range(ROUNDS + 1):
        beads.gaps.clear()
        tell_lines(search, search.find_gaps(beads, list(range(len(beads.depths)))))
        if not beads.gaps and not beads.stuck(search.below):
            return rounds
        if rounds == ROUNDS or time.monotonic() >= search.deadline or not _insert(search, beads):
            return None
        _train(search, beads, rounds)
        search.task.reporter.checkpoint(beads.save)
    raise AssertionError(rounds)


def _insert(search: StringSearch, beads: Beads) -> bool:
    """A bead in each gap whose two ends are at most at the level, as far as there may be more.

    False where nothing can be trained: there are no beads, and there may be none.
    """
    stuck = set(beads.stuck(search.below))
    room = search.options.beads - beads.count
    able = [gap for gap in beads.gaps if not {gap.left, gap.left + 1} & stuck][: max(room, 0)]
    for number, gap in reversed(list(enumerate(able))):
        beads.insert(gap, search.middle(beads, gap, beads.count + number), nan)
    return beads.count > 0


def _train(search: StringSearch, beads: Beads, rounds: int) -> None:
    """Train all beads between the ends together, each until it is at alpha times the level."""
    task, options = search.task, search.options

    def doing(state: TrainingState) -> str:
        training = f"training {len(state.active)} of {beads.count} beads"
        return f"level {search.below:.3g}: {training}, epoch {state.epoch}"

    springs = Springs(task.a, task.b, options.zeta, options.kappa)
    seeds = [task.seed + rounds] * beads.count
    trained = search.train_beads(beads.knots[1:-1], seeds, doing, task.reporter, springs)
    beads.passes += 3 * sum(bead.epochs for bead in trained)
    beads.knots[1:-1] = [bead.theta for bead in trained]
    beads.values[1:-1] = [bead.value for bead in trained]
