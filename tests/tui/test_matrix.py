"""`thalweg matrix`: all models of a problem against all."""

import csv
import json
from itertools import combinations
from pathlib import Path

import pytest
from commanding import Run

from core.grid import Axis, Grid
from store import Catalogue, Models, Paths
from tests.store.filling import finished_run

ABOUT = {"architecture": "a", "data_fingerprint": "d", "loss": "square", "network": "fcn:4", "data": "digits"}


@pytest.fixture
def pairs(home: Path) -> list[int]:
    """Four models of one problem, three paths, and two models of another problem."""
    with Catalogue.open(home / "c.db") as catalogue, catalogue.write() as session:
        made = finished_run(session)
        ids = [Models(session).add(made, {**ABOUT, "position": place}) for place in range(4)]
        for place in (4, 5):
            Models(session).add(made, {**ABOUT, "position": place, "network": "fcn:9", "architecture": "b"})
        for a, b, certificate in ((0, 1, "exact"), (2, 0, "sampled"), (3, 2, "identity")):
            run_id = finished_run(session, kind="connect")
            facts = {"certificate": certificate, "level": 0.5 + a, "barrier": 0.25, "normalized_length": 1.0 + b}
            ends = {"model_a": ids[a], "model_b": ids[b]}
            Paths(session).add(run_id, {**ends, **facts, "method": "string"}, [{"kind": "straight"}], [])
    return ids


def test_json_has_one_object_a_pair(thalweg: Run, pairs: list[int]) -> None:
    said = thalweg("matrix", "--value", "level", "--json")
    found = json.loads(said.out)
    assert [(one["model_a"], one["model_b"]) for one in found] == list(combinations(pairs, 2))
    known = {(one["model_a"], one["model_b"]): (one["value"], one["certificate"]) for one in found if one["path_id"]}
    a, b, c, d = pairs
    assert known == {(a, b): (0.5, "exact"), (a, c): (2.5, "sampled"), (c, d): (3.5, "identity")}
    assert all(one["value"] is one["certificate"] is None for one in found if one["path_id"] is None)
    assert "Of 2 problems the one with the most models: fcn:4 on digits, square: 4" in said.err


def test_a_matrix_is_the_same_on_both_sides_of_its_diagonal(thalweg: Run, pairs: list[int]) -> None:
    lines = [line.split() for line in thalweg("matrix", "--value", "length").out.splitlines()]
    assert lines[0] == ["model", *map(str, pairs)]
    cells = [line[1:] for line in lines[1:]]
    assert cells == [list(row) for row in zip(*cells, strict=True)]
    assert [cells[i][i] for i in range(4)] == ["-"] * 4
    assert cells[0][1] == "2"


def test_levels_that_were_only_seen_are_marked(thalweg: Run, pairs: list[int]) -> None:
    said = thalweg("matrix", "--value", "level")
    assert "~2.5" in said.out
    assert "~0.5" not in said.out
    assert "~: seen at points, not proven" in said.err
    assert "~" not in thalweg("matrix", "--value", "barrier").out


def test_models_of_two_problems_are_refused_by_name(thalweg: Run, pairs: list[int]) -> None:
    said = thalweg("matrix", "--where", "id>0")
    assert said.status == 2
    assert "fcn:4 on digits, square: 4; fcn:9 on digits, square: 2" in said.err
    assert thalweg("matrix", "--where", "network=fcn:9").status == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--where", "id>99"], "No model matches"),
        (["--value", "x"], "--value must be barrier or level or length, not 'x'; `thalweg matrix --help` shows how."),
        (["--method", "sting"], "Did you mean 'string'"),
        (["--to", "matrix.txt"], "must end in"),
        (["--where", "id>"], "is not a condition"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], sentence: str, thalweg: Run, pairs: list[int]) -> None:
    said = thalweg("matrix", *arguments)
    assert said.status == 2
    assert sentence in said.err


def test_a_table_and_a_picture_can_be_written(thalweg: Run, pairs: list[int], tmp_path: Path) -> None:
    assert thalweg("matrix", "--to", tmp_path / "m.csv").status == 0
    rows = list(csv.DictReader((tmp_path / "m.csv").read_text().splitlines()))
    assert len(rows) == 16
    assert [row["barrier"] for row in rows[:3]] == ["", "0.25", "0.25"]
    assert thalweg("matrix", "--to", tmp_path / "m.png").status == 0
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_a_grid_has_one_row_a_point_the_last_axis_fastest() -> None:
    grid = Grid("surface", (Axis("u", (0.0, 0.5)), Axis("v", (1, 2, 3))), {"loss": (1.0, 2.0, 3.0, 4.0, 5.0, None)})
    assert list(grid.rows())[:4] == [(0.0, 1, 1.0), (0.0, 2, 2.0), (0.0, 3, 3.0), (0.5, 1, 4.0)]
    assert grid.table("loss") == [(1.0, 2.0, 3.0), (4.0, 5.0, None)]
    with pytest.raises(AssertionError):
        Grid("short", (Axis("u", (0, 1)),), {"loss": (1.0,)})
