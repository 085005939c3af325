"""Knots in the plane: read without torch, projected as the singular value decomposition says; strings as they were."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commanding import Run
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from showing import play, press, text
from textual.pilot import Pilot

from core.errors import UsageError
from core.path import Path as KnotPath
from store import Catalogue, Paths
from tui.app.screens.plot import PlotScreen
from tui.shared.charts import principal
from tui.shared.charts.bead_panels import lines
from tui.shared.charts.beads import Bead, BeadProjection, BeadString, beads_of, strings_in
from tui.shared.charts.principal import project
from tui.shared.charts.terminal import TerminalFormat
from tui.shared.charts.thinning import equal_limits


def chain(count: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


@given(count=st.integers(2, 9), width=st.integers(1, 40), seed=st.integers(0, 99), chunk=st.integers(1, 50))
def test_places_are_the_principal_components(count: int, width: int, seed: int, chunk: int) -> None:
    knots = chain(count, width, seed).double().numpy()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(principal, "CHUNK", chunk)
        (places,), shares = project(knots)
    left, singular, _ = np.linalg.svd(knots - knots.mean(axis=0), full_matrices=False)
    truth = np.zeros((count, 3))
    truth[:, : min(3, len(singular))] = (left * singular)[:, :3]
    found = np.asarray(places)
    np.testing.assert_allclose(found @ found.T, truth @ truth.T, atol=1e-8 * max(singular[0] ** 2, 1e-9))
    assert (found[-1] >= found[0] - 1e-9).all()
    np.testing.assert_allclose(shares[: len(singular)], (singular**2 / (singular**2).sum())[:3], atol=1e-9)


def test_knots_that_are_one_point_have_no_variance() -> None:
    (places,), shares = project(np.ones((3, 5)))
    assert shares == (0.0, 0.0, 0.0)
    assert np.allclose(places, 0.0, atol=1e-6)


def test_knots_are_read_as_they_were_written(tmp_path: Path) -> None:
    knots = chain(5, 30, 0)
    knots[2:, :20] = knots[1, :20]
    KnotPath.chain(list(knots)).save(tmp_path / "path.safetensors")
    read, snapshots = strings_in(tmp_path / "path.safetensors")
    assert np.array_equal(read, knots.numpy())
    assert snapshots == []
    (tmp_path / "path.safetensors").write_bytes(b"no path")
    with pytest.raises(UsageError, match="can't be read as a path"):
        strings_in(tmp_path / "path.safetensors")


@pytest.mark.parametrize("header", ["[" * 200_000, "[]", '{"claims": 3, "curves": {}}', "1" * 5_000_000])
def test_a_hostile_header_is_a_sentence_here_as_well(tmp_path: Path, header: str) -> None:
    save_file({"knots.0": torch.zeros(3)}, tmp_path / "path", metadata={"thalweg-path-2": header})
    with pytest.raises(UsageError, match="can't be read as a path"):
        strings_in(tmp_path / "path")


LOSSES = (0.01, 0.5, 0.1, 0.01)  # train; 0.1 is two thirds of the way from the lowest to the highest by its logarithm


@pytest.fixture
def path_id(seeded: Path, tmp_path: Path) -> int:
    """A string of four knots, one of them in the middle of the way, that had three when it was kept."""
    knots = chain(4, 30, 0)
    values = torch.full((9, 4), torch.nan, dtype=torch.float64)
    values[:, 0] = torch.tensor([0.01, 2.0, 2.0, 2.0, 0.5, 2.0, 2.0, 2.0, 0.01], dtype=torch.float64)
    beside = {"snapshot.depth.1.knots": knots[[0, 1, 3]], "snapshot.depth.1.values": values}
    KnotPath.chain(list(knots)).save(tmp_path / "path.safetensors", beside)
    points = [{"t": i / 3, "segment": min(i, 2), "train_loss": loss} for i, loss in enumerate(LOSSES)]
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        artifact = catalogue.artifacts.put(tmp_path / "path.safetensors", session, "path")
        row = {"model_a": 1, "model_b": 2, "method": "string", "artifact": artifact, "position": 1}
        return Paths(session).add(2, row, [{"kind": "straight"}] * 3, points)


@pytest.fixture
def beads(path_id: int, seeded: Path) -> BeadProjection:
    with Catalogue.open(seeded) as catalogue:
        return beads_of(catalogue, path_id)


def test_knots_of_a_snapshot_stand_where_the_whole_string_has_them(beads: BeadProjection) -> None:
    before, whole = beads.strings
    assert [one.name for one in beads.strings] == ["depth 1", "whole"]
    for old, new in zip(before.knots, [whole.knots[i] for i in (0, 1, 3)], strict=True):
        assert old.place == pytest.approx(new.place, abs=1e-5)
    assert [one.values for one in before.knots] == [{"train_loss": loss} for loss in (0.01, 0.5, 0.01)]
    assert (before.after(0, "train_loss"), whole.after(0, "train_loss")) == (2.0, None)


def test_digits_go_by_the_logarithm_of_the_loss_on_one_scale_for_all_strings(beads: BeadProjection) -> None:
    shades = beads.shades(beads.chosen(None))
    assert (shades.low, shades.high, shades.logarithmic) == (0.01, 2.0, True)
    assert [shades.digit(one) for one in beads.strings[1].knots] == [0, 7, 4, 0]
    assert shades.digit(beads.strings[0].beads[1]) == 9


@pytest.mark.parametrize(
    ("known", "name", "chosen"),
    [
        ({"train_loss", "test_loss"}, None, "test_loss"),
        ({"train_loss"}, None, "train_loss"),
        ({"train_loss", "test_loss"}, "train-loss", "train_loss"),
        ({"train_loss", "train_error", "test_loss", "test_error"}, "error", "test_error"),
        ({"train_loss", "train_error"}, "error", "train_error"),
    ],
)
def test_the_test_part_counts_where_there_is_one(known: set[str], name: str | None, chosen: str) -> None:
    ends = tuple(Bead(t, (t, 0.0, 0.0), dict.fromkeys(known, 0.5)) for t in (0.0, 1.0))
    assert BeadProjection("", (BeadString("", ends),), (1.0, 0.0, 0.0)).chosen(name) == chosen


def test_an_error_of_zero_has_a_place_on_the_scale() -> None:
    ends = tuple(Bead(t, (t, 0.0, 0.0), {"test_error": t}) for t in (0.0, 1.0))
    shades = BeadProjection("", (BeadString("", ends),), (1.0, 0.0, 0.0)).shades("test_error")
    assert [shades.digit(one) for one in ends] == [0, 9]


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=9),
    st.integers(1, 200),
    st.integers(1, 100),
)
def test_a_unit_is_as_long_across_as_up_and_everything_is_inside(
    points: list[tuple[float, float]], width: int, height: int
) -> None:
    xs, ys = zip(*points, strict=True)
    (left, right), (low, high) = equal_limits(xs, ys, width, height, 0.05)
    assert (right - left) / width == pytest.approx((high - low) / height)
    aside = 1e-9 * (right - left + high - low)
    assert left - aside <= min(xs) <= max(xs) <= right + aside
    assert low - aside <= min(ys) <= max(ys) <= high + aside


def test_beads_are_drawn_and_read_off_one_by_one(seeded: Path, path_id: int) -> None:
    async def step(pilot: Pilot[Any]) -> None:
        await press(pilot, "b")
        seen = text(pilot.app)
        assert all(sign in seen for sign in ("A", "B", "7", "4", "whole"))
        assert "0 to 9: train loss from 0.01 to 2, logarithmic" in seen
        await press(pilot, "right", "c")
        assert "knot 2 of 4   t 0.3333   train loss 0.5" in text(pilot.app)
        assert "components 1" in text(pilot.app)
        await press(pilot, "up")
        assert "depth 1" in text(pilot.app)
        assert "knot 2 of 3   t 0.5   train loss 0.5   to the next up to 2" in text(pilot.app)
        assert "₉" in text(pilot.app)
        await press(pilot, "up", "down", "down", "e")
        assert "knot 3 of 4" in text(pilot.app)
        await pilot.resize_terminal(3, 2)

    play(seeded, lambda client: PlotScreen(client, "paths", [path_id]), step)


def test_beads_fit_80_columns_without_colours_and_without_unicode(beads: BeadProjection) -> None:
    for unicode in (True, False):
        look = TerminalFormat(80, 24, colours=False, braille=unicode)
        drawn = [line.plain for line in lines(beads, "train_loss", look)]
        assert max(map(len, drawn)) <= 80
        assert [line for line in drawn if line.startswith(("depth 1: 3 knots", "whole: 4 knots"))]
        assert unicode or "".join(drawn).isascii()
        assert all(sum(line.count(sign) for line in drawn if line[0] in "│|") >= 6 for sign in "AB"), "in each panel"


def test_plot_draws_beads_and_their_snapshots(thalweg: Run, path_id: int, home: Path) -> None:
    said = thalweg("plot", "path", path_id, "--beads")
    assert (said.status, said.err) == (0, "")
    assert "depth 1: 3 knots" in said.out
    assert "\x1b" not in said.out
    assert thalweg("plot", "path", path_id, "--beads", "--to", home / "beads.csv").status == 0
    rows = list(csv.DictReader((home / "beads.csv").read_text().splitlines()))
    assert [row["train_loss"] for row in rows if row["string"] == "whole"] == [str(loss) for loss in LOSSES]
    assert [row["knot"] for row in rows if row["string"] == "depth 1"] == list("100010001")
    document = json.loads(thalweg("plot", "path", path_id, "--beads", "--json").out)
    assert document["quantity"] == "train_loss"
    assert [len(one["points"]) for one in document["strings"]] == [9, 4]


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_beads_become_pictures(suffix: str, magic: bytes, thalweg: Run, path_id: int, home: Path) -> None:
    target = home / f"beads.{suffix}"
    said = thalweg("plot", "path", path_id, "--beads", "--to", target)
    assert (said.status, said.out) == (0, "")
    drawn = target.read_bytes()
    assert drawn.startswith(magic)
    if suffix == "svg":
        assert all(f"<!-- {words} -->" in drawn.decode() for words in ("depth 1: 3 knots", "whole: 4 knots", "A", "B"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("runs 1 --beads", "--beads draws one path, not run 1"),
        ("paths 1 2 --beads", "--beads draws one path, not paths 1 and 2"),
        ("path 3 --beads --quantity tset_loss", "Unknown quantity 'tset_loss'"),
        ("path 3 --beads --quantity test_loss", "Unknown quantity 'test_loss'"),
        ("path 3 --beads --to beads.doc", "beads.doc must end in one of"),
        ("path 99 --beads", "99"),
        ("path 1 --beads", "is missing"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(arguments: str, words: str, thalweg: Run, path_id: int) -> None:
    assert path_id == 3
    said = thalweg("plot", *arguments.split())
    assert (said.status, said.out) == (2, "")
    assert words in said.err


def test_a_path_without_its_file_says_so(seeded: Path) -> None:
    app = play(seeded, lambda client: PlotScreen(client, "paths", [1]), lambda pilot: press(pilot, "b", "right", "c"))
    assert "is missing" in app.told[0]  # type: ignore[attr-defined]
