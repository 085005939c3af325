"""The chart that fills the screen: every kind, every value, every size; followed while a run goes."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commanding import HOSTILE, Run, add, add_path
from hypothesis import example, given
from hypothesis import strategies as st
from showing import play, press, settle, shown, text
from textual.pilot import Pilot

from core.engine.agent import Agent
from core.engine.client import Client
from core.specs.methods import METHODS
from core.specs.runs import Connect, ModelRef, Train
from store import Bounds, Catalogue, Metrics, NewRun, Runs
from tui.app.screens.compare import CompareScreen
from tui.app.screens.plot import PlotScreen
from tui.app.widgets.chart import ChartView
from tui.app.widgets.curve_plot import CurvePlot
from tui.shared.charts.charts import Chart, curve, level
from tui.shared.charts.thinning import limits, pieces

FLOATS = st.lists(st.one_of(st.none(), st.floats(), st.just(0.0)), max_size=40)


@pytest.mark.parametrize(
    ("kind", "ids", "seen"),
    [
        ("paths", [1], "train: 0.01 to 0.02"),
        ("paths", [2], "level, sampled: 3"),
        ("paths", [1, 2], "2 linear, train"),
        ("runs", [1], "train_loss: 0.4 to 2"),
        ("models", [1, 2], "2 train_loss"),
        ("bounds", [1], "rank rank: 8 to 10"),
    ],
)
def test_every_kind_is_drawn_with_its_legend(kind: str, ids: list[int], seen: str, seeded: Path) -> None:
    said = text(play(seeded, lambda client: PlotScreen(client, kind, ids)))
    assert seen in said
    assert any("\u2800" <= letter <= "\u28ff" for letter in said)


def test_the_cursor_reads_off_the_nearest_point_with_its_segment_and_claim(seeded: Path) -> None:
    app = play(seeded, lambda client: PlotScreen(client, "paths", [1]))
    assert "t 0.5   segment 1 of 1: sampled   train loss 0.02   test loss 0.02" in text(app)
    app = play(seeded, lambda client: PlotScreen(client, "paths", [1]), lambda pilot: press(pilot, "right"))
    assert "t 1   segment 1 of 1: sampled   train loss 0.015" in text(app)


def test_the_mouse_moves_the_cursor(seeded: Path) -> None:
    async def hover(pilot: Pilot[Any]) -> None:
        await pilot.hover("CurvePlot", offset=(12, 5))

    assert "t 0   segment" in text(play(seeded, lambda client: PlotScreen(client, "paths", [1]), hover))


def test_a_chart_that_is_left_before_it_settles_breaks_nothing(seeded: Path) -> None:
    async def leave(pilot: Pilot[Any]) -> None:
        chart = pilot.app.screen.query_one(ChartView)
        await chart.query("*").remove()  # what a screen that is going does first
        chart.call_after_refresh(chart._settle)

    play(seeded, lambda client: PlotScreen(client, "paths", [1]), leave)


def test_keys_choose_what_is_drawn_and_how(seeded: Path) -> None:
    def after(*keys: str) -> str:
        return text(play(seeded, lambda client: PlotScreen(client, "paths", [1]), lambda pilot: press(pilot, *keys)))

    assert "error, over t" in after("e")
    assert "test: 0.01" not in after("t")
    assert "loss, logarithmic" in after("s")


@pytest.mark.parametrize("size", [(3, 2), (1, 1), (12, 30), (200, 3)])
def test_no_terminal_is_too_small(size: tuple[int, int], seeded: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, "right", "plus", "e", "s", "r")
        await pilot.resize_terminal(60, 20)

    assert "path 1 string" in text(play(seeded, lambda client: PlotScreen(client, "paths", [1]), use, size))


def test_no_label_of_the_y_axis_is_printed_over_another(seeded: Path) -> None:
    """What is left of two labels on one row reads like a third: 0.5 over 0.02 is 00.5."""
    whole: list[set[str]] = []

    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, "s")
        for height in range(10, 30):
            await pilot.resize_terminal(80, height)
            await settle(pilot)
            plot = pilot.app.screen.query_one(CurvePlot)
            _, labels = plot._y_formatter.get_ticks_and_labels(plot._y_min, plot._y_max)
            printed = {line[:8].strip() for line in shown(pilot.app)[1 : plot.region.bottom]} - {""}
            assert printed <= set(labels)
            whole.append(set(labels) - printed)

    play(seeded, lambda client: PlotScreen(client, "paths", [2]), use)
    assert whole[0], "the lowest plot had room for all"
    assert not whole[-1]


def test_what_is_not_there_is_said_and_nothing_breaks(seeded: Path) -> None:
    app = play(
        seeded, lambda client: PlotScreen(client, "paths", [99]), lambda pilot: press(pilot, "right", "e", "t", "s")
    )
    assert "There is no path 99" in app.told[0]  # type: ignore[attr-defined]


def test_names_of_curves_are_shown_and_not_obeyed(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        Metrics(session).add(1, [(f"loss {HOSTILE}", i, float(i), 0.1) for i in range(5)])

    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, "e")  # the curve of the loss comes first

    said = text(play(seeded, lambda client: PlotScreen(client, "runs", [1]), use, size=(120, 30)))
    assert "loss [red]x[/red] \\x1b[31m\\x07 \\u202egnp.exe: 0 to 4" in said


def test_the_draws_of_a_bound_are_dots_and_the_one_that_counts_is_a_line(seeded: Path) -> None:
    measured: list[dict[str, object]] = [
        {"name": name, "layer": layer, "draw": draw, "value": layer + draw / 10 + (name == "test_loss")}
        for name in ("loss", "test_loss")
        for layer in range(4)
        for draw in range(9)
    ]
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        run = Runs(session).add(NewRun(kind="bound", spec="{}"))
        Bounds(session).add(run, {"model_id": 1, "kind": "sparse", "value": 3.0}, measured)
    said = text(play(seeded, lambda client: PlotScreen(client, "bounds", [2])))
    assert "sparse loss: 0 to 3" in said
    assert "sparse loss, all draws: 0 to 3.8" in said


def test_what_was_measured_differently_is_not_drawn_together(seeded: Path, thalweg: Run) -> None:
    """A rank and losses are not one quantity, and epochs and layers not one axis: the rest is named, e shows it."""
    losses = [{"name": "loss", "layer": layer, "draw": 0, "value": 0.1} for layer in range(3)]
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        for _ in range(2):
            run = Runs(session).add(NewRun(kind="bound", spec="{}"))
            Bounds(session).add(run, {"model_id": 1, "kind": "dropout", "value": 0.1}, losses)
            Metrics(session).add(run, [("loss", layer, 0.1, 0.1) for layer in range(3)])
            Metrics(session).describe(run, "loss", "layer", "loss")

    def drawn(kind: str, ids: list[int], *keys: str) -> str:
        app = play(seeded, lambda client: PlotScreen(client, kind, ids), lambda pilot: press(pilot, *keys), (120, 30))
        return text(app)

    bounds = drawn("bounds", [1, 2, 3])
    assert "bounds 1, 2, 3: loss, over layer; 1 has none" in bounds
    assert "rank rank" not in bounds
    assert "bounds 1, 2, 3: rank, over layer; 2, 3 have none" in drawn("bounds", [1, 2, 3], "e")
    runs = drawn("runs", [1, 6, 7])
    assert "runs 1, 6, 7: loss, over layer, going on; 1 has none" in runs
    assert "train_loss" not in runs
    assert "runs 1, 6, 7: loss, over epoch, going on; 6, 7 have none" in drawn("runs", [1, 6, 7], "e")
    assert "bounds 1, 2, 3: loss; 1 has none" in thalweg("plot", "bounds", 1, 2, 3).out


def test_a_legend_with_no_room_can_be_scrolled(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue:
        for _ in range(9):
            ends = ModelRef(model=1), ModelRef(model=2)
            run = add(catalogue, Connect(a=ends[0], b=ends[1], method=METHODS["string"]()), "done")
            add_path(catalogue, run, "string", [0.01, 0.02, 0.015])

    async def down(pilot: Pilot[Any]) -> None:
        assert "11 string, train" not in text(pilot.app)
        await press(pilot, "tab", *["down"] * 12)

    said = text(play(seeded, lambda client: CompareScreen(client, "paths", list(range(1, 12))), down))
    assert "level of 11" in said


def test_a_run_is_followed_while_it_goes(home: Path) -> None:
    """A real training job, whose agent takes its steps beside the screen."""
    with Catalogue.open(home / "c.db") as catalogue:
        run_id = Client(catalogue).enqueue(Train(network="fcn:8", data="digits,limit=100", epochs=1_000_000))

    async def follow(pilot: Pilot[Any]) -> None:
        screen = pilot.app.screen
        assert isinstance(screen, PlotScreen)
        assert "no finite loss to draw yet" in text(pilot.app)
        agent = Agent(screen.client.catalogue)
        counts: set[int] = set()
        async with asyncio.timeout(60):
            while screen.charts.seen.live:
                await asyncio.to_thread(agent.tick)
                await pilot.pause(0.05)
                assert screen.charts.chart is not None
                now = {max((len(one.finite) for one in screen.charts.chart.curves), default=0)}
                if len(counts) == 1 and now - counts:
                    screen.client.cancel([run_id])
                counts |= now
        assert len(counts) > 1

    said = text(play(home / "c.db", lambda client: PlotScreen(client, "runs", [run_id]), follow))
    assert "train_loss" in said
    assert "going on" not in said


@given(FLOATS, st.integers(1, 50), st.booleans())
@example([0.5, 1.0, 9.0, 1.0, 0.2, 0.1, 0.3], 1, False)
def test_thinned_curves_keep_their_extremes_and_their_gaps(
    values: list[float | None], columns: int, logarithmic: bool
) -> None:
    whole = curve("", list(range(len(values))), values)
    low, high = limits([x for x, _ in whole.finite])
    found = pieces(whole, low, high, columns, logarithmic=logarithmic)
    points = [point for piece in found for point in piece]
    kept = {x: y for x, y in whole.finite if y > 0 or not logarithmic}
    assert {x for x, _ in points} <= set(kept)
    assert len(points) <= 4 * (columns + len(found))
    if kept:
        assert {min(kept.values()), max(kept.values())} <= {kept[x] for x, _ in points}


def test_any_values_are_drawn(seeded: Path) -> None:
    """Zeros, infinities, what is no number, denormal and enormous values, alone or together."""
    hard = [0.0, -1.0, 5e-324, 1e-300, 1e308, -1e308, 1.0, 1.0 + 1e-15, 1e20, 1e20 + 1e5, float("nan"), float("inf")]

    async def draw(pilot: Pilot[Any]) -> None:
        view = pilot.app.screen.query_one(ChartView)
        for i, first in enumerate(hard):
            for logarithmic in (False, True):
                values = [first, *hard[i:]][: i + 2]
                lines = (curve("a", list(range(len(values))), values), level("level", first))
                view.logarithmic = logarithmic
                view.chart = Chart("", "x", "y", lines)
                await pilot.pause()

    play(seeded, lambda client: PlotScreen(client, "paths", [1]), draw)


def test_screens_load_numpy_only_to_draw() -> None:
    code = (
        "import sys, pkgutil, importlib, tui.app.screens as screens;"
        "[importlib.import_module(f'{screens.__name__}.{one.name}') for one in pkgutil.iter_modules(screens.__path__)];"
        "print([name for name in ('torch', 'numpy', 'textual_plot', 'matplotlib') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_a_curve_that_a_bound_measured_is_drawn_over_its_points_and_not_over_the_one_layer(
    seeded: Path, thalweg: Run
) -> None:
    """Numbers of the same family without points are lines across."""
    of_units: dict[str, object] = {"layer": 1, "family": "loss", "draws": "oracle units"}
    measured = [{**of_units, "name": "delta", "draw": units, "value": 0.5 / units} for units in (2, 4, 8)]
    whole = {**of_units, "name": "model", "draw": None, "draws": "draw", "value": 0.3}
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        run = Runs(session).add(NewRun(kind="bound", spec="{}"))
        values = {"model_id": 1, "kind": "compressibility", "value": 0.3}
        bound = Bounds(session).add(run, values, [whole, *measured])
    said = text(play(seeded, lambda client: PlotScreen(client, "bounds", [bound])))
    assert f"bound {bound}: loss, over oracle units" in said
    assert "compressibility model: 0.3" in said
    assert "all draws" not in said
    drawn = json.loads(thalweg("plot", "bound", bound, "--json").out)
    curves = {one["label"]: one["points"] for one in drawn["curves"]}
    assert curves["compressibility delta"] == [[2, 0.25], [4, 0.125], [8, 0.0625]]
