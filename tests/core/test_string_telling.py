"""Why a search for a string ends, and what is left then: one sentence for each reason."""

from dataclasses import replace
from math import inf

import torch

from core.methods.method import Task
from core.methods.string.beads import Beads, Gap
from core.methods.string.search import StringSearch
from core.methods.string.telling import end_text, gaps_text
from core.specs.methods import String
from tests.core.plain import classes, points, problem_of

PROBLEM = problem_of("fcn:3", classes((2,)))
A, B = points(PROBLEM, 2)
SEARCH = StringSearch(String(depth=2, beads=5), Task(A, B, PROBLEM), 0.1, inf)


def string(*gaps: Gap, middle: float = 0.05) -> Beads:
    """Two lines and a bead between them."""
    return Beads([A, torch.lerp(A, B, 0.5), B], [0.05, middle, 0.05], [1, 1], list(gaps))


def test_a_string_without_gaps_connects() -> None:
    assert end_text(SEARCH, string()) == "no gap is left"
    assert gaps_text(SEARCH, string()) is None


def test_lines_that_are_only_not_proven_are_left_to_the_certificate() -> None:
    beads = string(Gap(0, 1, 0.09, 0.5, "unproven"))
    assert end_text(SEARCH, beads) == "no line is too high; 1 line left for the certificate to prove"
    assert gaps_text(SEARCH, beads) is None


def test_the_limit_that_was_reached_is_named() -> None:
    beads = string(Gap(1, 1, 0.4, 0.5))
    assert end_text(SEARCH, beads) == "every gap is at depth 2 or beside a bead above the threshold"
    assert end_text(replace(SEARCH, deadline=0.0), beads) == "its 600 minutes are over"
    few = replace(SEARCH, options=String(beads=1))
    assert end_text(few, beads) == "1 bead is all that was allowed"


def test_the_worst_gap_and_beads_above_the_threshold_are_named() -> None:
    beads = string(Gap(0, 1, 0.2, 0.5), Gap(1, 1, 0.4, 0.5), middle=0.15)
    assert gaps_text(SEARCH, beads) == "2 gaps left, worst 0.4 at t = 0.75, 1 bead not trained below 0.1"
