"""What is told of a string's search: its log, its curves, and why it ends."""

import time
from collections import Counter

from core.methods.string.beads import Beads, Gap
from core.methods.string.lines import Line
from core.methods.string.search import StringSearch, Trained
from core.progress import plural


def tell_beads(search: StringSearch, beads: Beads, batch: list[Gap], new: list[Trained], halves: list[Line]) -> None:
    """For the log: each new bead of a batch, and the two halves beside it."""
    before = len(beads.depths) - len(batch)
    for i, (gap, bead) in enumerate(zip(batch, new, strict=True)):
        place = f"in the gap of {gap.value:.4g} at t = {gap.along(before):.3g}, depth {gap.depth}"
        missed = "" if bead.reached else ", short of its goal"
        told = f"trained to {bead.value:.4g} in {plural(bead.epochs, 'epoch')}{missed}"
        number = beads.count - len(batch) + i + 1
        beside = halves_text(search, *halves[2 * i : 2 * i + 2])
        search.task.reporter.say(f"Bead {number}, {place}: {told}; {beside}.")


def halves_text(search: StringSearch, left: Line, right: Line) -> str:
    """The two lines beside a new bead."""
    if search.prover is None:
        return f"its two lines reach {left.value:.4g} and {right.value:.4g}"
    return f"the line before it: {left.told}; the line after it: {right.told}"


def tell_lines(search: StringSearch, lines: list[Line]) -> None:
    """Say of each line of the whole string what is known of it, where that has to be proven."""
    for number, line in enumerate(lines if search.prover is not None else (), start=1):
        search.task.reporter.say(f"Line {number} of {len(lines)}: {line.told}.")


def report(search: StringSearch, beads: Beads) -> None:
    """How far the string is: on its curves, in its progress, and in the log."""
    reporter, lines = search.task.reporter, len(beads.depths)
    worst = search.below if beads.worst is None else beads.worst.value
    reporter.metric("gaps", beads.count, len(beads.gaps), unit="beads", family="gaps")
    reporter.metric("worst_gap", beads.count, worst, unit="beads", family="worst_gap")
    report_depths(search, beads)
    message = f"{beads.count} beads, {len(beads.too_high)} of {lines} lines too high, worst {worst:.4g}"
    reporter.progress(1 - len(beads.gaps) / lines, message)
    tell_state(search, beads)


def report_depths(search: StringSearch, beads: Beads) -> None:
    """How many beads each depth took so far; what is said of a depth again replaces what was said before."""
    for depth, made in sorted(Counter(beads.of_depth).items()):
        search.task.reporter.metric("beads_per_depth", depth, made, unit="depth", family="beads_per_depth")


def tell_state(search: StringSearch, beads: Beads) -> None:
    """For the log: how far the string is."""
    gaps = f"{len(beads.too_high)} of {plural(len(beads.depths), 'line')} too high"
    worst = "" if beads.worst is None else f", the worst reaches {beads.worst_text}"
    unproven = f", {some} not proven" if (some := len(beads.gaps) - len(beads.too_high)) else ""
    left = max(search.options.beads - beads.count, 0)
    search.task.reporter.say(f"{plural(beads.count, 'bead')}: {gaps}{worst}{unproven}; {left} more may be tried.")


def tell_end(search: StringSearch, beads: Beads) -> None:
    """For the log: that the string connects, or the limit that its search has come to."""
    search.task.reporter.say(f"The search ends: {end_text(search, beads)}.")


def end_text(search: StringSearch, beads: Beads) -> str:
    """Why a search ends, as a part of a sentence."""
    if not beads.gaps:
        return "no gap is left"
    if not beads.too_high:
        return f"no line is too high; {plural(len(beads.gaps), 'line')} left for the certificate to prove"
    if time.monotonic() >= search.deadline:
        return time_text(search)
    if beads.count >= search.options.beads:
        return count_text(beads)
    return f"every gap is at depth {search.options.depth} or beside a bead above the threshold"


def time_text(search: StringSearch) -> str:
    return f"its {search.options.minutes:g} minutes are over"


def count_text(beads: Beads) -> str:
    return f"{plural(beads.count, 'bead')} {'is' if beads.count == 1 else 'are'} all that was allowed"


def gaps_text(search: StringSearch, beads: Beads) -> str | None:
    """`3 gaps left, worst 0.41 at t = 0.37`, or None when the string connects, as far as can be seen."""
    if not beads.too_high:
        return None
    text = f"{plural(len(beads.too_high), 'gap')} left, worst {beads.worst_text}"
    if stuck := len(beads.stuck(search.below)):
        text += f", {plural(stuck, 'bead')} not trained below {search.below:.3g}"
    return text
