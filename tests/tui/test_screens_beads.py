"""Knots in the plane: read without torch, projected as the singular value decomposition says; strings as they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
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
from tui.shared.charts.beads import strings_in
from tui.shared.charts.principal import project


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


def test_beads_are_drawn_and_read_off_one_by_one(seeded: Path, tmp_path: Path) -> None:
    KnotPath.chain(list(chain(4, 30, 0))).save(tmp_path / "path.safetensors")
    losses = (0.1, 0.5, 0.3, 0.1)
    points = [{"t": i / 3, "segment": min(i, 2), "train_loss": loss} for i, loss in enumerate(losses)]
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        artifact = catalogue.artifacts.put(tmp_path / "path.safetensors", session, "path")
        values = {"model_a": 1, "model_b": 2, "method": "string", "artifact": artifact, "position": 1}
        path_id = Paths(session).add(2, values, [{"kind": "straight"}] * 3, points)

    async def step(pilot: Pilot[Any]) -> None:
        await press(pilot, "b")
        seen = text(pilot.app)
        assert all(sign in seen for sign in ("A", "B", "9", "5"))
        await press(pilot, "right", "c")
        assert "knot 2 of 4   t 0.3333   train loss 0.5" in text(pilot.app)
        assert "components 1" in text(pilot.app)
        await pilot.resize_terminal(3, 2)

    play(seeded, lambda client: PlotScreen(client, "paths", [path_id]), step)


def test_a_path_without_its_file_says_so(seeded: Path) -> None:
    app = play(seeded, lambda client: PlotScreen(client, "paths", [1]), lambda pilot: press(pilot, "b", "right", "c"))
    assert "is missing" in app.told[0]  # type: ignore[attr-defined]
