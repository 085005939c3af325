"""Charts: finite values only, log axes where the range is wide, every edge survived."""

import math
from pathlib import Path

import pytest
from commanding import Run
from hypothesis import given
from hypothesis import strategies as st

from store import Catalogue, Paths
from tui.shared.charts import from_catalogue
from tui.shared.charts.charts import Chart, curve, legend_text, level, reading
from tui.shared.charts.terminal import TerminalFormat, lines

VALUES = st.lists(st.one_of(st.none(), st.floats(), st.just(0.0)), max_size=30)


def chart_of(*values: list[float | None]) -> Chart:
    curves = [curve(str(i), list(range(len(one))), one) for i, one in enumerate(values)]
    return Chart("a chart", "x", "y", (*curves, level("level", 1.0)))


@given(VALUES, VALUES, st.integers(1, 200), st.integers(1, 60), st.booleans(), st.booleans())
def test_any_values_at_any_size_are_drawn(a, b, width, height, colours, braille) -> None:  # type: ignore[no-untyped-def]
    look = TerminalFormat(width, height, colours, braille)
    drawn = [line.plain for line in lines(chart_of(a, b), look)]
    assert max(map(len, drawn[:-3])) <= max(width, 30)
    assert not any("nan" in line for line in drawn)


def test_a_level_in_steps_is_as_high_as_its_step_and_nowhere_where_it_has_none() -> None:
    steps = level("proven", 1.0, None, 3.0, math.inf, proven=True)
    assert [steps.height(x) for x in (0.0, 0.2, 0.3, 0.6, 0.9)] == [1.0, 1.0, None, 3.0, None]
    assert legend_text(steps) == "proven: 1 to 3"
    assert level("level", 2.0).height(17.0) == 2.0, "of one value it is a line across, over whatever axis"
    assert level("level", None).points == ()


@pytest.mark.parametrize("braille", [True, False])
def test_what_is_proven_is_told_from_a_level_by_more_than_colour(braille: bool) -> None:
    seen = curve("seen", [0.0, 0.5, 1.0], [0.5, 0.75, 0.5])
    chart = Chart("a chart", "t", "loss", (seen, level("level", 2.0), level("proven", 1.5, 2.0, proven=True)))
    drawn = [line.plain for line in lines(chart, TerminalFormat(80, 24, colours=braille, braille=braille))]
    signs = {line.split()[1]: line.split()[0] for line in drawn[-3:]}
    assert list(signs) == ["seen:", "level:", "proven:"]
    assert len(set(signs.values())) == 3
    if not braille:  # each step is in its own half
        rows = [line.partition("|")[2].ljust(70) for line in drawn[:-4] if signs["proven:"] in line]
        assert sorted((signs["proven:"] in row[:30], signs["proven:"] in row[40:]) for row in rows) == [
            (False, True),
            (True, False),
        ]


def enclosed(file: Path) -> int:
    """A path of two segments, the second of which was proven to stay below 0.4."""
    segments = [
        {"kind": "straight", "claim": "convex", "verdict": "convex", "bound": 0.3},
        {"kind": "straight", "claim": "sampled", "verdict": "enclosed", "bound": 0.4},
    ]
    values = {"model_a": 1, "model_b": 2, "position": 7, "level": 0.4, "certificate": "enclosed", "train_loss_a": 0.1}
    points = [{"t": t, "segment": int(t > 0.4), "train_loss": loss} for t, loss in ((0.0, 0.1), (0.5, 0.3), (1.0, 0.1))]
    with Catalogue.open(file) as catalogue, catalogue.write() as session:
        return Paths(session).add(2, values, segments, points)


def test_an_enclosed_path_shows_what_was_seen_and_what_is_proven(thalweg: Run, seeded: Path, home: Path) -> None:
    path_id = enclosed(seeded)
    said = thalweg("plot", "path", path_id)
    assert "* train: 0.1 to 0.3" in said.out
    assert "level, enclosed: 0.4" in said.out
    assert "proven, segment by segment: 0.4" in said.out
    with Catalogue.open(seeded) as catalogue, catalogue.read() as session:
        chart = from_catalogue.chart_of(catalogue, session, "paths", [path_id], "loss")
        both = from_catalogue.chart_of(catalogue, session, "paths", [1, path_id], "loss")
    assert chart.curves[-1].points == ((0.5, 0.4), (1.0, 0.4))
    assert "nowhere above 0.4" in reading([chart], 0.75)
    assert "segment 2 of 2: nothing claimed, enclosed by the checker" in reading([chart], 0.75)
    assert not any(one.proven for one in both.curves)
    assert thalweg("plot", "path", path_id, "--to", home / "figure.png").status == 0


def test_the_axis_is_logarithmic_where_positive_values_lie_far_apart() -> None:
    assert chart_of([1e-6, 1.0]).logarithmic
    assert not chart_of([0.0, 1.0]).logarithmic
    assert not chart_of([0.5, 1.0]).logarithmic


def test_a_curve_is_broken_where_a_value_is_missing() -> None:
    assert curve("", [0, 1, 2], [1.0, math.nan, 2.0]).points == ((0.0, 1.0), None, (2.0, 2.0))


@pytest.mark.parametrize("what", ["paths 1", "paths 1 2", "paths 1 2 --error", "runs 1", "bounds 1"])
def test_plots_are_plain_text_where_there_is_no_terminal(what: str, thalweg: Run, seeded: Path) -> None:
    said = thalweg("plot", *what.split())
    assert said.status == 0
    assert "\x1b" not in said.out
    assert max(map(len, said.out.splitlines())) <= 80


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_plots_become_files(suffix: str, magic: bytes, thalweg: Run, seeded: Path, home: Path) -> None:
    target = home / f"figure.{suffix}"
    said = thalweg("plot", "paths", 1, 2, "--to", target)
    assert (said.status, said.out) == (0, "")
    assert target.read_bytes().startswith(magic)


def test_a_run_without_curves_has_nothing_to_draw(thalweg: Run, seeded: Path) -> None:
    said = thalweg("plot", "run", 5)
    assert said.status == 2
    assert "nothing to draw" in said.err
