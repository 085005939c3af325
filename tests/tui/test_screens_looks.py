"""How the screens look, letter by letter (renew with `pytest --snapshot-update`), in colour and without."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from commanding import HOSTILE
from showing import play, text
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.screen import Screen

from core.engine.client import Client
from core.engine.folders import attempt_folder, log_of
from core.path import Path as KnotPath
from store import Catalogue, Paths
from tui.app.screens.beads import BeadsScreen
from tui.app.screens.compare import CompareScreen
from tui.app.screens.faults import FaultsScreen
from tui.app.screens.launch import LaunchScreen
from tui.app.screens.log import LogScreen
from tui.app.screens.plot import PlotScreen
from tui.app.screens.relaunch import RelaunchScreen

SCREENS: dict[str, Callable[[Client], Screen[Any]]] = {
    "plot": lambda client: PlotScreen(client, "paths", [1]),
    "compare": lambda client: CompareScreen(client, "paths", [1, 2]),
    "launch": lambda client: LaunchScreen(client, "connect", {"a": 1, "b": 2, "method": "string", "alpha": 2}),
    "relaunch": lambda client: RelaunchScreen(client, [1]),
    "faults": FaultsScreen,
    "log": lambda client: LogScreen(client, 3),
    "beads": lambda client: BeadsScreen(client, 3),
}


@pytest.fixture
def usual(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue in which nothing depends on the time of the day."""
    monkeypatch.setattr("tui.shared.columns.ago", lambda _: "just now")
    knots = torch.tensor([[0.0, 0.0, 0.0], [1.0, 3.0, 0.5], [4.0, 3.5, -0.5], [6.0, 0.5, 0.0]])
    KnotPath.chain(list(knots)).save(seeded.parent / "path.safetensors")
    points = [{"t": i / 3, "segment": min(i, 2), "train_loss": loss} for i, loss in enumerate((0.1, 0.3, 0.2, 0.1))]
    with Catalogue.open(seeded) as catalogue:
        with catalogue.write() as session:
            artifact = catalogue.artifacts.put(seeded.parent / "path.safetensors", session, "path")
            values = {"model_a": 1, "model_b": 2, "method": "string", "artifact": artifact, "position": 1}
            Paths(session).add(2, values, [{"kind": "straight"}] * 3, points)
        folder = attempt_folder(catalogue.files / "runs", 3, 1)
    folder.mkdir(parents=True)
    lines = [f"segment {i}: {HOSTILE} 日本 {'and so on ' * (i % 20)}" for i in range(100)]
    log_of(folder).write_text("\n".join(lines))
    return seeded


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", SCREENS)
def test_screens_look_as_they_did(name: str, size: tuple[int, int], usual: Path, snapshot: SnapshotAssertion) -> None:
    assert text(play(usual, SCREENS[name], size=size)) == snapshot


@pytest.mark.parametrize("name", SCREENS)
def test_colours_only_where_they_are_wanted(name: str, usual: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR the same letters, all of them grey; curves and states are told by signs."""
    seen: list[tuple[str, bool]] = []

    async def look(pilot: Pilot[Any]) -> None:
        strips = pilot.app.screen._compositor.render_strips(pilot.app.size)
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        colours = {one.triplet for style in styles for one in (style.color, style.bgcolor) if one and one.triplet}
        seen.append((text(pilot.app), any(len(set(one)) > 1 for one in colours)))

    play(usual, SCREENS[name], look)
    monkeypatch.setenv("NO_COLOR", "1")
    play(usual, SCREENS[name], look)
    (with_colour, coloured), (without, still_coloured) = seen
    assert (coloured, still_coloured) == (True, False)
    assert without == with_colour
