"""What a string was before it was whole, and how many beads each depth took."""

from itertools import pairwise
from pathlib import Path as File

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load
from safetensors.torch import save_file

from core.knots import reading, snapshots_in
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.methods.string.beads import Beads, Gap
from core.methods.string.snapshots import MOST, evenly
from core.path import Path
from core.progress import SilentReporter
from core.specs.methods import String
from tests.core.test_methods import BELOW, task, with_

__all__ = ["task"]  # the fixture

HOW = String(lr=0.02, epochs=200, grid=9, batch=64, snapshots=True)


class Curves(SilentReporter):
    """Keeps the points of all curves; one that comes again replaces the one before, as in the catalogue."""

    def __init__(self) -> None:
        self.points: dict[str, dict[int, float]] = {}

    def metric(self, name: str, step: int, value: float, **_: object) -> None:
        self.points.setdefault(name, {})[step] = value


@given(st.lists(st.integers(0, 30), max_size=25))
def test_the_depths_of_beads_are_those_of_the_gaps_they_were_put_into(choices: list[int]) -> None:
    beads = Beads([torch.zeros(1), torch.zeros(1)], [0.0, 0.0], [0])
    truth: list[int] = []
    for choice in choices:
        left = choice % len(beads.depths)
        gap = Gap(left, beads.depths[left], 1.0, 0.5)
        beads.gaps = [gap]
        beads.insert(gap, torch.ones(1), 0.0)
        truth.insert(left, gap.depth + 1)
    assert beads.of_depth == truth


@given(st.integers(0, 200))
def test_at_most_sixteen_are_kept_the_first_and_the_last_among_them(count: int) -> None:
    kept = evenly(range(1, count + 1))
    assert len(kept) == min(count, MOST)
    assert kept == sorted(set(kept))
    if count:
        assert (kept[0], kept[-1]) == (1, count)
    steps = {b - a for a, b in pairwise(kept)}
    assert not steps or max(steps) - min(steps) <= 1, "even"


@pytest.fixture(scope="module")
def tight(task: Task) -> Task:
    """The same pair with a threshold that takes beads of several depths."""
    return with_(task, below=BELOW * 0.6)


@pytest.fixture(scope="module")
def made(tight: Task) -> Connection:
    return connect(HOW, tight)


def saved(made: Connection, file: File) -> File:
    made.construction.path.save(file, made.construction.beside)
    return file


def test_the_string_at_a_depth_is_what_a_search_that_ends_there_finds(
    tight: Task, made: Connection, tmp_path: File
) -> None:
    with reading(saved(made, tmp_path / "path"), load) as (_, arrays):
        (first, *_) = snapshots_in(arrays, len(tight.a))
    shallow = connect(HOW.changed({"depth": "1", "snapshots": "false"}, "string"), tight).construction.path
    assert first.name == "depth 1"
    assert np.array_equal(first.knots, shallow.knots.float().numpy())


def test_values_are_those_of_the_points_on_the_lines(tight: Task, made: Connection, tmp_path: File) -> None:
    with reading(saved(made, tmp_path / "path"), load) as (_, arrays):
        (first, *_) = snapshots_in(arrays, len(tight.a))
    path = Path.chain(list(torch.from_numpy(first.knots).double()))
    points = path.points(torch.linspace(0, 1, len(first.values), dtype=torch.float64))
    expected = tight.problem.values(points)
    assert expected.error is not None
    assert first.values[:, 0] == pytest.approx(expected.loss.numpy(), abs=1e-5)  # knots are kept in float32
    assert first.values[:, 1] == pytest.approx(expected.error.numpy(), abs=0.04)  # of 60 samples two may turn
    assert np.array_equal(first.values[:, :2], first.values[:, 2:]), "the test split is the train split"


def test_the_path_is_the_same_with_snapshots_beside_it(made: Connection, tmp_path: File) -> None:
    again, path = Path.load(saved(made, tmp_path / "path")), made.construction.path
    assert torch.equal(again.knots, path.knots)
    assert again.claims == path.claims


def test_nothing_is_kept_unasked(tight: Task) -> None:
    assert connect(HOW.changed({"snapshots": "false"}, "string"), tight).construction.beside == {}


def test_a_constrained_string_is_kept_after_each_stage_but_the_last(task: Task, tmp_path: File) -> None:
    how = HOW.changed({"order": "constrained", "stages": "4"}, "string")
    made = connect(how, task)
    assert made.failure is None
    with reading(saved(made, tmp_path / "path"), load) as (_, arrays):
        found = snapshots_in(arrays, len(task.a))
    assert [one.name for one in found] == ["stage 1", "stage 2", "stage 3"]
    highest = [float(one.values[:, 0].max()) for one in found]
    assert highest[0] > highest[-1] > BELOW * 0.9, "it comes down"


@pytest.mark.parametrize("order", ["breadth", "greedy", "constrained"])
def test_the_beads_of_all_depths_are_the_beads_of_the_path(order: str, tight: Task) -> None:
    curves = Curves()
    how = HOW.changed({"order": order, "stages": "3", "snapshots": "false"}, "string")
    made = connect(how, with_(tight, reporter=curves))
    counts = curves.points["beads_per_depth"]
    assert sum(counts.values()) == made.construction.beads > 1
    assert all(0 < counts[depth] <= 2 ** (depth - 1) for depth in counts)
    assert sorted(counts) == list(range(1, len(counts) + 1))


DAMAGED = {
    "knots of another width": {"knots": torch.zeros(3, 5), "values": torch.zeros(9, 4)},
    "one knot": {"knots": torch.zeros(1, 3), "values": torch.zeros(1, 4)},
    "too few values": {"knots": torch.zeros(3, 3), "values": torch.zeros(8, 4)},
    "whole numbers": {"knots": torch.zeros(3, 3).int(), "values": torch.zeros(9, 4)},
    "no values": {"knots": torch.zeros(3, 3)},
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_snapshot_is_no_snapshot(what: str, tmp_path: File) -> None:
    save_file({f"snapshot.depth.1.{name}": one for name, one in DAMAGED[what].items()}, tmp_path / "file")
    with pytest.raises((ValueError, KeyError)):
        snapshots_in(load((tmp_path / "file").read_bytes()), 3)
