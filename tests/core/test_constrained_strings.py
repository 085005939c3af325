"""Constrained strings: lowered level by level, on springs that keep them short."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.data.load import load
from core.losses import loss_named
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.methods.string.beads import Beads
from core.methods.string.constrained import _limit, levels
from core.methods.string.search import StringSearch
from core.methods.string.springs import Springs
from core.methods.swapping import swap_units
from core.networks.architectures import build
from core.path import Path
from core.problem import Problem
from core.specs.data import read_data
from core.specs.descent import Descent
from core.specs.methods import String
from core.specs.networks import read_network
from core.training import TrainingState, Until, train
from tests.certify.enclosing import drawn_ends, problem_with
from tests.core.test_methods import BELOW, task, with_
from tests.core.test_proven_strings import Log

__all__ = ["task"]  # the fixture

HOW = String(order="constrained", lr=0.02, epochs=200, grid=9, batch=64, stages=4)


def energy(springs: Springs, chain: Tensor, i: int, bead: Tensor) -> Tensor:
    """What the springs say of bead i of a chain (K + 2, P), by their formula; its neighbours are fixed."""
    before, after = chain[i - 1], chain[i + 1]
    apart = torch.dist(before, after)
    height = (bead - (before + after) / 2) @ ((after - before) / apart) / (apart / 2)
    return springs.zeta * (torch.dist(before, bead) + torch.dist(bead, after)) + springs.kappa * height.abs()


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 6), st.floats(0, 2), st.floats(0, 2))
@settings(max_examples=30)
def test_springs_pull_along_the_gradient_of_their_energy(
    seed: int, beads: int, parameters: int, zeta: float, kappa: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    chain = torch.randn(beads + 2, parameters, generator=generator, dtype=torch.float64)
    springs = Springs(chain[0], chain[-1], zeta, kappa)
    found = springs.gradient(chain)
    for i in range(1, beads + 1):
        bead = chain[i].clone().requires_grad_(True)
        (expected,) = torch.autograd.grad(energy(springs, chain, i, bead), bead)
        torch.testing.assert_close(found[i - 1], expected, rtol=1e-9, atol=1e-9)


def test_springs_pull_nothing_anywhere_odd_where_beads_are_born() -> None:
    """In the very middle the second spring has no direction, and on a neighbour the first has none."""
    a, b = torch.zeros(3).double(), torch.ones(3).double()
    springs = Springs(a, b, 1.0, 1.0)
    assert springs.gradient(torch.stack([a, (a + b) / 2, b])).abs().max() < 1e-9
    assert torch.isfinite(springs.gradient(torch.stack([a, a, b]))).all()


def test_a_bead_that_rests_still_pulls_its_neighbours(task: Task) -> None:
    """Only the second of two beads is active: it is pulled to where the first one is."""
    thetas = torch.stack([task.a + 1, task.b - 1])
    state = TrainingState.fresh(thetas)
    state.active = torch.tensor([1])
    springs = Springs(task.a, task.b, 0.1, 0.1)
    x, y = task.problem.data.train.x, task.problem.data.train.y
    problem = task.problem.of_models(state.active)
    _, pulled = springs(problem, HOW, state)(thetas[1:], x, y)
    _, plain = Springs(task.a, task.b, 0.0, 0.0)(problem, HOW, state)(thetas[1:], x, y)
    chain = torch.cat([task.a[None], thetas, task.b[None]])
    torch.testing.assert_close(pulled - plain, springs.gradient(chain)[1:], rtol=1e-6, atol=1e-9)


def test_levels_fall_by_equal_factors_to_the_threshold() -> None:
    found = levels(1.6, 0.1, 4)
    assert found == pytest.approx([0.8, 0.4, 0.2, 0.1])
    assert levels(0.08, 0.1, 4) == [0.1], "the line is low already"


def test_levels_are_numbers_however_far_apart_line_and_threshold_are() -> None:
    for top, below in ((1e308, 1e-300), (1.0, 5e-324), (3e38, 0.1)):
        found = levels(top, below, 4)
        assert all(0 < one < top for one in found)
        assert found[-1] == below
        assert found == sorted(found, reverse=True)


def test_a_line_without_a_finite_loss_is_lowered_from_the_largest_number() -> None:
    """From a linear network to itself with its layers scaled against each other: between them float32 overflows."""
    problem = problem_with("square", "linear", widths=(3,), seed=3)
    ends = [problem.layout.split(one[None].clone()) for one in drawn_ends(problem, 3, 0.0, 0.0)]
    for end, factor in zip(ends, (2.0**50, 2.0**-50), strict=True):
        for name, times in (("w0", factor), ("b0", factor), ("w1", 1 / factor)):
            end[name] *= times
    a, b = (problem.layout.join({name: one[0] for name, one in end.items()}).float() for end in ends)
    log = Log()
    options = String(order="constrained", epochs=2, stages=3, beads=1)
    found = connect(options, Task(a, b, problem.to("cpu", torch.float32), reporter=log))
    assert (
        "reaches inf, which is no finite loss: as if it were 3.403e+38; the string is lowered in 3 stages" in log.text
    )
    assert "nan" not in log.text
    assert "nan" not in (found.failure or "")


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture(scope="module")
def string(task: Task, log: Log) -> Connection:
    return connect(HOW, with_(task, reporter=log))


def test_a_constrained_string_connects_below_its_threshold(string: Connection, log: Log) -> None:
    assert string.failure is None
    assert string.examination.certificate.level <= BELOW
    assert log.text.count("Level ") == HOW.stages
    assert f"Level {BELOW:.4g}, 4 of 4" in log.text


def test_the_same_string_comes_of_the_same_seed(task: Task, string: Connection) -> None:
    assert torch.equal(connect(HOW, task).construction.path.knots, string.construction.path.knots)


def test_springs_shorten_a_string_that_is_trained(task: Task) -> None:
    """Beads moved aside from the line, trained for ten epochs with springs and without."""
    generator = torch.Generator().manual_seed(1)
    aside = 0.3 * torch.randn(3, len(task.a), generator=generator, dtype=torch.float64)
    beads = torch.stack([torch.lerp(task.a, task.b, t) for t in (0.25, 0.5, 0.75)]) + aside

    def length(zeta: float) -> float:
        springs = Springs(task.a, task.b, zeta, zeta)
        options = Descent(lr=0.02, epochs=10, batch=20)
        trained = train(task.problem, beads, [0] * 3, options, objective=springs).thetas
        return Path.chain([task.a, *trained, task.b]).normalized_length()

    lengths = [length(zeta) for zeta in (0.5, 0.05, 0.0)]
    assert all(a < b for a, b in pairwise(lengths)), lengths


def test_two_equal_models_are_one_segment(task: Task) -> None:
    made = connect(HOW, with_(task, b=task.a))
    assert (len(made.construction.path), made.failure) == (1, None)


def test_a_string_that_may_have_no_beads_says_what_level_it_reached(task: Task) -> None:
    made = connect(String(**{**_fields(HOW), "beads": 0}), task)
    assert made.failure is not None
    assert made.failure.startswith("stopped at level ")
    assert made.failure.endswith(f" of {BELOW:g}: 0 beads are all that was allowed")


def test_a_string_that_stops_says_what_it_would_need(task: Task) -> None:
    start, search = torch.stack([task.a, task.b]), StringSearch(HOW, task, 0.1, math.inf)
    beads = Beads([*start], [0.1, 0.1], [0])
    search.find_gaps(beads, [0])
    assert _limit(replace(search, deadline=0.0), beads) == "its 600 minutes are over"
    few = replace(search, options=HOW.changed({"beads": "1"}, "string"))
    assert beads.gaps
    assert _limit(few, beads) == "12 rounds of beads and training at a level are all that it gets"
    beads.insert(beads.gaps[0], task.a, 0.1)
    few.find_gaps(beads, [0, 1])
    assert _limit(few, beads) == "1 bead is all that was allowed"


def test_no_constrained_string_joins_what_cannot_be_joined() -> None:
    """Appendix E.1: two units exchanged; every path reaches 1/12."""
    data = load(read_data("permute3"), None)
    architecture = build(read_network("fcn:3,bias=false"), (2,), 2)
    problem = Problem(architecture.module, data, loss_named(None, None), architecture.layered)
    problem = problem.to("cpu", torch.float64)
    start = architecture.initial(7, torch.float64)[None]
    descent = Descent(lr=0.01, batch=3, epochs=5000)
    a = train(problem, start, [7], descent, until=Until("train-loss", 0.001)).thetas[0]
    b = swap_units(problem, a, 1, (0, 1))
    how = String(order="constrained", lr=0.01, batch=3, epochs=150, grid=21, beads=6, noise=0.05)
    made = connect(how, Task(a, b, problem, 0.05))
    assert made.failure is not None
    assert made.failure.startswith("stopped at level ")
    assert made.examination.certificate.level >= 1 / 12


def _fields(options: String) -> dict[str, object]:
    return {name: getattr(options, name) for name in options.__struct_fields__}
