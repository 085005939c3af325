"""Strings halved gap by gap, several at once: the beads of a round are trained in one batch, whichever string's."""

import time
from collections.abc import Sequence
from itertools import islice

import torch

from core.methods.string.beads import Beads, Gap
from core.methods.string.lines import Line
from core.methods.string.search import StringSearch, Trained
from core.methods.string.telling import gaps_text, report, tell_beads, tell_end, tell_lines, tell_state
from core.progress import Reporter, plural
from core.training import TrainingState

Strings = Sequence[tuple[StringSearch, Beads]]
"""Of one problem, with one deadline and the same options."""


def halve(strings: Strings, reporter: Reporter) -> list[str | None]:
    """Put beads into the gaps of each string until none is left or a limit is reached; those of one threshold together.

    What is left then of each, as a part of a sentence. The `reporter` hears how the training of all is going.
    """
    for below in dict.fromkeys(search.below for search, _ in strings):
        _halve([(search, beads) for search, beads in strings if search.below == below], reporter)
    return [gaps_text(search, beads) for search, beads in strings]


def _halve(strings: Strings, reporter: Reporter) -> None:
    """The same for strings with one threshold."""
    found = _look(strings, [list(range(len(beads.depths))) for _, beads in strings])
    for (search, beads), lines in zip(strings, found, strict=True):
        tell_lines(search, lines)
        tell_state(search, beads)
    while time.monotonic() < strings[0][0].deadline:
        chosen = [((search, beads), search.choose(beads)) for search, beads in strings]
        growing = [(one, batch) for one, batch in chosen if batch]
        if not growing:
            break
        _grow([one for one, _ in growing], [batch for _, batch in growing], reporter)
        for (search, beads), _ in growing:
            search.task.reporter.checkpoint(beads.save)
            report(search, beads)
    for search, beads in strings:
        tell_end(search, beads)


def _grow(strings: Strings, batches: Sequence[list[Gap]], reporter: Reporter) -> None:
    """Train a bead for each gap of each string's batch, put them in, and look at the new halves."""
    trained = iter(_train(strings, batches, reporter))
    new = [list(islice(trained, len(batch))) for batch in batches]
    lefts = [
        search.insert(beads, batch, some) for (search, beads), batch, some in zip(strings, batches, new, strict=True)
    ]
    halves = _look(strings, lefts)
    for (search, beads), batch, some, lines in zip(strings, batches, new, halves, strict=True):
        tell_beads(search, beads, batch, some, lines)


def _train(strings: Strings, batches: Sequence[list[Gap]], reporter: Reporter) -> list[Trained]:
    """The beads of all batches, trained in one; each takes the way that it would take alone."""
    starts, seeds = [], []
    for (search, beads), batch in zip(strings, batches, strict=True):
        starts += [search.middle(beads, gap, beads.count + i) for i, gap in enumerate(batch)]
        seeds += search.seeds(len(batch), beads.count)
    made = sum(beads.count for _, beads in strings)

    def doing(state: TrainingState) -> str:
        return f"{plural(made, 'bead')}, training {len(starts)} more, epoch {state.epoch}"

    return strings[0][0].train_beads(starts, seeds, doing, reporter)


def _look(strings: Strings, lefts: Sequence[list[int]]) -> list[list[Line]]:
    """Look along the lines of each string that start at its knots `lefts`, all at once if none has to be proven."""
    if any(search.prover is not None for search, _ in strings):
        return [search.find_gaps(beads, some) for (search, beads), some in zip(strings, lefts, strict=True)]
    ends = [beads.lines(some) for (_, beads), some in zip(strings, lefts, strict=True)]
    starts, stops = (torch.cat(some) for some in zip(*ends, strict=True))
    seen = iter(strings[0][0].judged(starts, stops, 0))
    found = [list(islice(seen, len(some))) for some in lefts]
    for (search, beads), some, lines in zip(strings, lefts, found, strict=True):
        search.note(beads, some, lines)
    return found
