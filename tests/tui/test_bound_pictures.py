"""The grid that a bound kept: shown, drawn, written; and what is said where there is none."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commanding import Run, add
from piloting import Sitting
from piloting import play as browse
from showing import play, press, text

from core.engine.client import Client
from core.grid import Axis, Grid
from core.grid_files import save
from core.specs.bounds import BOUNDS
from core.specs.runs import Bound, ModelRef
from store import Bounds, Catalogue
from tui.app.screens.plot import PlotScreen
from tui.shared import details

SPECTRUM = Grid(
    "singular values of the features",
    (Axis("layer", (1, 2)), Axis("index", (1, 2, 3))),
    {"singular_value": (4.0, 2.0, 1.0, 5.0, 3.0, None)},
)
RANKS = [{"name": "rank", "layer": layer, "value": 4.0 - layer} for layer in (1, 2)]
BoundOf = Callable[..., int]


@pytest.fixture
def bound_of(seeded: Path, tmp_path: Path) -> BoundOf:
    """Adds a bound with a grid, or with none, and measurements; its id."""

    def made(grid: Grid | None = SPECTRUM, measured: list[dict[str, object]] = RANKS, **values: object) -> int:
        with Catalogue.open(seeded) as catalogue:
            run_id = add(catalogue, Bound(model=ModelRef(model=1), bound=BOUNDS["rank"]()), "done")
            with catalogue.write() as session:
                sha256 = None
                if grid is not None:
                    save(grid, tmp_path / "grid")
                    sha256 = catalogue.artifacts.put(tmp_path / "grid", session, "bound")
                given = {"model_id": 1, "kind": "rank", "value": 2.0, "artifact": sha256, **values}
                return Bounds(session).add(run_id, given, measured)

    return made


def file_of(catalogue: Path, bound_id: int) -> Path:
    with Catalogue.open(catalogue) as opened, opened.read() as session:
        return opened.artifacts.path(Bounds(session).get(bound_id).artifact or "")


def test_show_names_the_file_and_its_size(thalweg: Run, seeded: Path, bound_of: BoundOf) -> None:
    bound_id = bound_of()
    file = file_of(seeded, bound_id)
    lines = [line.split(maxsplit=1) for line in thalweg("show", "bound", bound_id).out.splitlines()]
    assert ["artifact", file.stem] in lines
    assert ["artifact_bytes", f"{file.stat().st_size} bytes"] in lines
    assert json.loads(thalweg("show", "bound", bound_id, "--json").out)["artifact_bytes"] == file.stat().st_size
    with Catalogue.open(seeded) as catalogue:
        facts = dict(details.read(Client(catalogue), "bounds", bound_id).facts)
    assert facts["artifact bytes"] == f"{file.stat().st_size} bytes"


def test_plot_draws_what_a_bound_kept_a_curve_for_each_layer(thalweg: Run, bound_of: BoundOf) -> None:
    said = thalweg("plot", "bound", bound_of())
    assert said.status == 0
    assert "rank singular_value, layer 1: 1 to 4" in said.out
    assert "rank singular_value, layer 2: 3 to 5" in said.out
    assert " index " in said.out


def test_the_points_that_are_drawn_come_as_json_and_as_a_table(thalweg: Run, home: Path, bound_of: BoundOf) -> None:
    bound_id = bound_of()
    said = json.loads(thalweg("plot", "bound", bound_id, "--json").out)
    assert (said["x"], said["y"]) == ("index", "singular_value")
    assert [one["points"] for one in said["curves"]] == [[[1, 4], [2, 2], [3, 1]], [[1, 5], [2, 3], None]]
    assert thalweg("plot", "bound", bound_id, "--to", home / "s.csv").status == 0
    rows = list(csv.reader((home / "s.csv").read_text().splitlines()))
    assert rows[0] == ["curve", "index", "singular_value"]
    assert [row[1:] for row in rows[1:4]] == [["1.0", "4.0"], ["2.0", "2.0"], ["3.0", "1.0"]]
    assert len(rows) == 6
    assert thalweg("plot", "bound", bound_id, "--to", home / "s.png").status == 0
    assert (home / "s.png").read_bytes().startswith(b"\x89PNG")
    wrong = thalweg("plot", "bound", bound_id, "--to", home / "s.txt")
    assert (wrong.status, "must end in one of .csv, .png, .pdf, .svg" in wrong.err) == (2, True)


def test_what_else_a_bound_has_is_drawn_by_its_name(thalweg: Run, bound_of: BoundOf) -> None:
    bound_id = bound_of()
    assert "rank rank: 2 to 3" in thalweg("plot", "bound", bound_id, "--quantity", "rank").out
    wrong = thalweg("plot", "bound", bound_id, "--quantity", "rnk")
    assert wrong.status == 2
    assert "Unknown quantity 'rnk'. Did you mean 'rank'? Available: rank, singular_value." in wrong.err
    assert "error" in thalweg("plot", "path", 1, "--quantity", "error").out.splitlines()[0]


def test_grids_of_several_bounds_are_drawn_over_each_other_and_those_without_are_named(
    thalweg: Run, bound_of: BoundOf
) -> None:
    ids = bound_of(), bound_of(), bound_of(None, [])
    said = thalweg("plot", "bounds", *ids).out
    assert f"{ids[0]} rank singular_value, layer 1" in said
    assert f"{ids[1]} rank singular_value, layer 2" in said
    assert f"; {ids[2]} has none" in said


def test_a_file_that_is_damaged_or_missing_is_told_in_one_sentence(
    thalweg: Run, seeded: Path, bound_of: BoundOf
) -> None:
    bound_id = bound_of()
    file = file_of(seeded, bound_id)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    said = thalweg("plot", "bound", bound_id)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"thalweg: The content of {file} is not what was written")
    file.unlink()
    said = thalweg("plot", "bound", bound_id)
    assert said.err.startswith(f"thalweg: The file {file} is missing;")
    assert len(said.err.splitlines()) == 1
    app = play(seeded, lambda client: PlotScreen(client, "bounds", [bound_id]))
    assert "is missing" in app.told[0]  # type: ignore[attr-defined]
    assert thalweg("show", "bound", bound_id).status == 0
    assert thalweg("plot", "bound", 1).status == 0, "others are drawn as before"


def test_a_file_that_is_no_grid_is_told_in_one_sentence(thalweg: Run, seeded: Path, bound_of: BoundOf) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        (seeded.parent / "other").write_bytes(b"no tensors")
        sha256 = catalogue.artifacts.put(seeded.parent / "other", session, "bound")
    said = thalweg("plot", "bound", bound_of(None, artifact=sha256))
    assert said.status == 2
    assert "can't be read as a grid" in said.err
    assert len(said.err.splitlines()) == 1


def test_the_plot_screen_draws_it_first_and_turns_to_what_was_measured(seeded: Path, bound_of: BoundOf) -> None:
    bound_id = bound_of()

    def drawn(*keys: str) -> str:
        return text(play(seeded, lambda client: PlotScreen(client, "bounds", [bound_id]), lambda on: press(on, *keys)))

    assert f"bound {bound_id}: singular_value, over index" in drawn("s", "s")
    assert f"bound {bound_id}: rank, over layer" in drawn("e")


def test_p_draws_a_bound_that_kept_a_picture_and_says_where_there_is_none(seeded: Path, bound_of: BoundOf) -> None:
    bare = bound_of(None, [], kind="unbounded")
    pictured = bound_of()

    async def use(one: Sitting) -> None:
        await one.press("4")
        one.browser.show_row("bounds", bare)
        await one.settled()
        await one.press("p")
        assert "This bound kept no picture" in one.told
        assert not isinstance(one.app.screen, PlotScreen)
        one.browser.show_row("bounds", pictured)
        await one.settled()
        await one.press("p")
        assert isinstance(one.app.screen, PlotScreen)

    browse(seeded, use)
