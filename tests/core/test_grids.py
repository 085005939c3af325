"""Grids as files, and those that bounds leave."""

from math import inf
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from core.bounds import BOUNDS
from core.errors import UsageError
from core.grid import Axis, Grid
from core.grid_files import load, save
from core.progress import SilentReporter
from core.specs.bounds import Rank, Unbounded
from tests.core.wide import SLOPED, net_of, problem

TICKS = st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), min_size=1, max_size=4)
NUMBERS = st.none() | st.floats(allow_nan=False)
NAMES = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    ticks = draw(st.lists(TICKS.map(tuple), min_size=1, max_size=3))
    axes = tuple(Axis(f"axis {place}", some) for place, some in enumerate(ticks))
    points = int(np.prod([len(some) for some in ticks]))
    values = st.dictionaries(NAMES, st.lists(NUMBERS, min_size=points, max_size=points).map(tuple), max_size=3)
    return Grid(draw(st.text()), axes, draw(values))


@given(grids())
def test_a_grid_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, grid: Grid) -> None:
    file = tmp_path_factory.mktemp("grid") / "grid.safetensors"
    save(grid, file)
    found = load(file)
    assert found == grid
    assert list(found.values) == list(grid.values)


def test_infinite_values_and_those_that_were_not_measured_stay_apart(tmp_path: Path) -> None:
    grid = Grid("g", (Axis("x", (1, 2, 3)),), {"loss": (inf, None, 0.0)})
    save(grid, tmp_path / "g")
    assert load(tmp_path / "g").values == {"loss": (inf, None, 0.0)}


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (None, "it lacks 'format'"),
        ({"format": "thalweg-path-2"}, "its format is thalweg-path-2"),
        ({"format": "thalweg-grid-1", "grid": "{}"}, "missing required field `title`"),
        (
            {"format": "thalweg-grid-1", "grid": '{"title":"","axes":[{"name":"x","ticks":[1]}],"names":["v"]}'},
            r"a tensor has the shape \(2,\), the axes \(1,\)",
        ),
        ({"format": "thalweg-grid-1", "grid": '{"title":"","axes":[],"names":["w"]}'}, "w"),
    ],
)
def test_what_is_no_grid_is_refused_in_a_sentence(metadata: dict[str, str] | None, why: str, tmp_path: Path) -> None:
    save_file({"v": np.zeros(2)}, tmp_path / "g", metadata=metadata)
    with pytest.raises(UsageError, match=f"can't be read as a grid: .*{why}"):
        load(tmp_path / "g")


def test_a_rank_keeps_all_singular_values_of_every_layer() -> None:
    net = net_of(problem(f"fcn:9-6,{SLOPED}", 7, 5, "square", 0), 1)
    bound = BOUNDS["rank"](Rank(), net.problem, net.theta, SilentReporter())
    assert bound.grid is not None
    assert [axis.ticks for axis in bound.grid.axes] == [(1, 2), tuple(range(1, 8))]
    for layer, kept in enumerate(bound.grid.table("singular_value"), start=1):
        truth = torch.linalg.svdvals(net.features(layer)).tolist()
        assert kept[: len(truth)] == pytest.approx(truth, rel=1e-12)
        assert kept[len(truth) :] == (None,) * (7 - len(truth))
        measured = {one.name: one.value for one in bound.measurements if one.layer == layer}
        assert (measured["sigma_max"], measured["sigma_min"]) == (kept[0], kept[len(truth) - 1])


def test_a_ray_keeps_norm_and_loss_of_every_point() -> None:
    net = net_of(problem(f"fcn:9-6,{SLOPED}", 5, 5, "square", 0), 1)
    bound = BOUNDS["unbounded"](Unbounded(times=100), net.problem, net.theta, SilentReporter())
    assert bound.grid is not None
    assert bound.grid.names == ("point", "norm", "train_loss")
    norms = {one.draw: one.value for one in bound.measurements if one.name == "norm"}
    losses = {one.draw: one.value for one in bound.measurements if one.name == "train_loss"}
    assert list(bound.grid.rows()) == [(point, norms[point], losses[point]) for point in sorted(norms)]
    assert len(norms) > 3
