"""Several pairs of one problem: a path each, as it would be alone."""

from dataclasses import replace
from pathlib import Path as File

import pytest
import torch

from core.errors import PremiseError
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.methods.pairs import OfPair, Pairs, connect_all
from core.methods.string import search
from core.progress import SilentReporter
from core.specs.methods import Linear, MethodOptions, String
from core.training import train
from tests.core.test_methods import OPTIONS, QUICK, Keeping, Left, task

__all__ = ["task"]  # the fixture

NAMES = ("breadth", "greedy", "constrained")
ORDERS = [OPTIONS[order] for order in NAMES]


@pytest.fixture(scope="module")
def tasks(task: Task) -> list[Task]:
    """Three pairs: of two networks, the same the other way round, and of one with another a little beside it."""
    aside = task.a + 0.01 * torch.randn(task.a.shape, generator=torch.Generator().manual_seed(0), dtype=task.a.dtype)
    return [task, replace(task, a=task.b, b=task.a), replace(task, b=aside)]


def all_of(options: MethodOptions, tasks: list[Task]) -> list[Connection]:
    found = list(connect_all(options, tasks, SilentReporter(), points=5))
    return [one for one in found if isinstance(one, Connection)]


@pytest.mark.parametrize("options", [Linear(), *ORDERS], ids=["linear", *NAMES])
def test_every_pair_has_the_path_that_it_has_alone(options: MethodOptions, tasks: list[Task]) -> None:
    together = all_of(options, tasks)
    assert len(together) == len(tasks)
    for one, given in zip(together, tasks, strict=True):
        alone = connect(options, given, points=5)
        assert one.construction.beads == alone.construction.beads
        assert one.construction.passes == alone.construction.passes
        assert one.failure == alone.failure
        for ours, theirs in zip(one.construction.path, alone.construction.path, strict=True):
            torch.testing.assert_close(ours.start, theirs.start, rtol=1e-6, atol=1e-6)


def test_beads_of_all_pairs_are_trained_in_one_batch_a_round(
    tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(*given: object, **named: object) -> object:
        sizes.append(len(given[1]))  # type: ignore[arg-type]
        return train(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "train", counted)
    made = all_of(QUICK, tasks)
    assert sum(sizes) == sum(one.construction.beads for one in made)
    assert sizes[0] == 2  # the third pair has no gap
    assert len(sizes) <= QUICK.depth


def test_pairs_without_a_common_threshold_have_each_its_own(tasks: list[Task]) -> None:
    given = [replace(one, below=None) for one in tasks]
    below = [one.construction.below for one in all_of(QUICK, given)]
    assert below == [connect(QUICK, one, points=5).construction.below for one in given]


@pytest.mark.parametrize("options", ORDERS, ids=NAMES)
def test_a_premise_that_fails_for_one_pair_stands_in_its_place(options: String, tasks: list[Task]) -> None:
    bad = replace(tasks[1], a=torch.zeros_like(tasks[1].a))
    found = list(connect_all(options, [tasks[2], bad, tasks[2]], SilentReporter(), points=5))
    assert [isinstance(one, PremiseError) for one in found] == [False, True, False]
    assert "model a is below the threshold" in str(found[1])


@pytest.mark.parametrize("options", ORDERS, ids=NAMES)
def test_a_checkpoint_of_several_pairs_has_the_beads_of_all(options: String, tasks: list[Task], tmp_path: File) -> None:
    kept = Keeping(tmp_path / "kept.safetensors")
    first = list(connect_all(options, _reporting(tasks, kept), kept, points=5))
    left = Left(tmp_path / "kept.safetensors")
    untrained = options.changed({"epochs": "0"}, "string")
    again = list(connect_all(untrained, _reporting(tasks, left), left, points=5))
    for one, other in zip(first, again, strict=True):
        assert isinstance(one, Connection)
        assert isinstance(other, Connection)
        assert (other.failure, other.construction.beads) == (None, one.construction.beads)
        for ours, theirs in zip(one.construction.path, other.construction.path, strict=True):
            assert torch.equal(ours.start, theirs.start)


def _reporting(tasks: list[Task], reporter: SilentReporter) -> list[Task]:
    pairs = Pairs(reporter, len(tasks))
    return [replace(one, reporter=OfPair(pairs, i)) for i, one in enumerate(tasks)]
