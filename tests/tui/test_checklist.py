"""Bounds of the whole model: a checklist, and points on a curve; on the command line and the screen."""

from pathlib import Path

import pytest
from commanding import Run, add

from core.engine.client import Client
from core.specs.bounds import BOUNDS
from core.specs.runs import Bound, ModelRef
from store import Bounds, Catalogue
from tui.shared import details

CHECKLIST = [
    ("N19 3.2: all", None, None, -1.0),
    ("N19 3.2: rank [X, 1] = N", None, None, 0.0),
    ("N19 3.2: decreasing widths", None, None, 1.0),
    ("samples", None, None, 32.0),
    ("width", 1, None, 70.0),
    ("width", 2, None, 40.0),
]
RAY = [("proven", None, None, 1.0), *((name, None, i, 2.5**i) for i in range(2) for name in ("norm", "train_loss"))]


def meant(name: str) -> dict[str, str]:
    """What a worker says of such a number."""
    role = "assumption" if ": " in name else "verdict" if name == "proven" else "aside" if name == "width" else "value"
    return {"role": role, "draws": "point" if name in ("norm", "train_loss") else "draw"}


@pytest.fixture
def bound_of(seeded: Path):
    def made(kind: str, rows: list[tuple[str, int | None, int | None, float]]) -> int:
        measured = [dict(zip(("name", "layer", "draw", "value"), row, strict=True)) | meant(row[0]) for row in rows]
        with Catalogue.open(seeded) as catalogue:
            run_id = add(catalogue, Bound(model=ModelRef(model=1), bound=BOUNDS[kind]()), "done")
            with catalogue.write() as session:
                return Bounds(session).add(run_id, {"model_id": 1, "kind": kind, "value": 2.0}, measured)

    return made


def test_a_checklist_is_told_in_words_and_layers_follow(thalweg: Run, bound_of) -> None:
    lines = thalweg("show", "bound", bound_of("assumptions", CHECKLIST)).out.splitlines()
    told = [line.rsplit(maxsplit=1) for line in lines[lines.index("measurements") + 1 :]]
    assert told[:4] == [
        ["N19 3.2: all", "fails"],
        ["N19 3.2: rank [X, 1] = N", "open"],
        ["N19 3.2: decreasing widths", "holds"],
        ["samples", "32"],
    ]
    assert [line.split() for line in lines[-3:]] == [["layer", "width"], ["1", "70"], ["2", "40"]]


def test_the_screen_s_details_show_the_same_checklist(seeded: Path, bound_of) -> None:
    bound_id = bound_of("assumptions", CHECKLIST)
    with Catalogue.open(seeded) as catalogue:
        facts = dict(details.read(Client(catalogue), "bounds", bound_id).facts)
    assert facts["N19 3.2: all"] == "fails"
    assert facts["N19 3.2: rank [X, 1] = N"] == "open"
    assert facts["samples"] == "32"
    assert "width" not in facts


def test_points_on_a_ray_are_points_and_no_draws(thalweg: Run, bound_of) -> None:
    lines = thalweg("show", "bound", bound_of("unbounded", RAY)).out.splitlines()
    assert "proven  yes, proven" in lines
    assert [line.split() for line in lines[-3:]] == [
        ["point", "norm", "train_loss"],
        ["0", "1", "1"],
        ["1", "2.5", "2.5"],
    ]


def test_a_ray_has_nothing_to_draw_by_layers(thalweg: Run, bound_of) -> None:
    said = thalweg("plot", "bound", bound_of("unbounded", RAY))
    assert "There is nothing to draw: bound 2 has no numbers by layers." in said.err


def test_a_plot_leaves_assumptions_out(thalweg: Run, bound_of) -> None:
    drawn = thalweg(
        "plot", "bound", bound_of("assumptions", [*CHECKLIST, ("rank", 1, None, 3.0), ("rank", 2, None, 4.0)])
    )
    assert "rank" in drawn.out
    assert "N19" not in drawn.out
