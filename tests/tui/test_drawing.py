"""Charts: finite values only, log axes where the range is wide, every edge survived."""

import math
from pathlib import Path

import pytest
from commanding import Run
from hypothesis import given
from hypothesis import strategies as st

from tui.shared.charts.charts import Chart, curve, level
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
