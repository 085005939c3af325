"""Two tours that reach every action of every screen: one with keys alone, one with the mouse alone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from piloting import Sitting, play
from textual.binding import Binding, BindingsMap
from textual.widgets import Input, OptionList

from core.engine.folders import attempt_folder, log_of
from core.path import Path as KnotPath
from store import Catalogue, Paths
from tui.app.app import ThalwegApp
from tui.app.screens.beads import BeadsScreen
from tui.app.screens.browse.screen import BrowseScreen
from tui.app.screens.choose_columns import ColumnsScreen
from tui.app.screens.compare import CompareScreen
from tui.app.screens.faults import FaultsScreen
from tui.app.screens.help import HelpScreen
from tui.app.screens.jump import JumpScreen
from tui.app.screens.launch import LaunchScreen
from tui.app.screens.log import LogScreen
from tui.app.screens.plot import PlotScreen
from tui.app.screens.questions import AskText, Confirm, Pick, Question
from tui.app.screens.relaunch import RelaunchScreen
from tui.app.widgets.beads_plot import BeadsPlot
from tui.app.widgets.catalogue_table import CatalogueTable
from tui.app.widgets.curve_plot import CurvePlot
from tui.app.widgets.details_pane import DetailsPane
from tui.app.widgets.keys import Keys
from tui.app.widgets.log_view import LogView
from tui.app.widgets.row_table import RowTable

Act = Callable[[str], Awaitable[None]]
Answering = Callable[[str], Awaitable[None]]
SCREENS = (BrowseScreen, ThalwegApp, PlotScreen, BeadsScreen, CompareScreen, LaunchScreen, RelaunchScreen, FaultsScreen)
QUESTIONS = (ColumnsScreen, Confirm, Pick, AskText, HelpScreen, JumpScreen)
WIDGETS = (CatalogueTable, DetailsPane, CurvePlot, BeadsPlot, RowTable, LogView)
POINTED = ("move(1)", "move(-1)", "page(1)", "page(-1)")  # in lists, where a hand on the mouse points instead


def declared() -> set[str]:
    """Every action that has a key, by what declares it."""
    return {
        f"{kind.__name__}.{binding.action}"
        for kind in (*SCREENS, LogScreen, *QUESTIONS, *WIDGETS)
        for _, binding in BindingsMap(kind.__dict__.get("BINDINGS", ()))
    }


@pytest.fixture
def furnished(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue with a path that has knots and a run that has a log; jobs are enqueued and stay there."""
    knots = seeded.parent / "path.safetensors"
    KnotPath.chain(list(torch.randn(4, 30, generator=torch.Generator().manual_seed(0)))).save(knots)
    points = [{"t": i / 3, "segment": min(i, 2), "train_loss": 0.1} for i in range(4)]
    with Catalogue.open(seeded) as catalogue:
        with catalogue.write() as session:
            artifact = catalogue.artifacts.put(knots, session, "path")
            values = {"model_a": 1, "model_b": 2, "method": "string", "artifact": artifact, "position": 1}
            Paths(session).add(2, values, [{"kind": "straight"}] * 3, points)
        folder = attempt_folder(catalogue.files / "runs", 3, 1)
    folder.mkdir(parents=True)
    log_of(folder).write_text("\n".join(f"line {i}" for i in range(200)))
    return seeded


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The actions that were run, by what declares them."""
    ran: set[str] = set()
    run_action = ThalwegApp.run_action

    async def noted(app: ThalwegApp, action: Any, default_namespace: Any = None, namespaces: Any = None) -> bool:
        for kind in type(default_namespace).__mro__:
            if any(binding.action == action for _, binding in BindingsMap(kind.__dict__.get("BINDINGS", ()))):
                ran.add(f"{kind.__name__}.{action}")
        return await run_action(app, action, default_namespace, namespaces)

    monkeypatch.setattr(ThalwegApp, "run_action", noted)
    return ran


def binding_of(one: Sitting, action: str) -> Binding:
    """The key of an action that can be run now; fields have some of their own, and leave others to their screen."""
    screen = one.app.screen
    found = [a.binding for a in screen.active_bindings.values() if not isinstance(a.node, Input)]
    found = [
        binding for binding in (*found, *(one for _, one in BindingsMap(screen.BINDINGS))) if binding.action == action
    ]
    assert found, f"{action} has no key here:\n{one.shown}"
    return found[0]


def with_keys(one: Sitting) -> Act:
    async def act(action: str) -> None:
        await one.press(binding_of(one, action).key)

    return act


def with_mouse(one: Sitting) -> Act:
    """Clicks on the line of keys, or else on the line in the list of all keys; on each screen once for each action."""
    clicked: set[tuple[type, str]] = set()

    async def act(action: str) -> None:
        if isinstance(one.app.screen, JumpScreen):
            await one.pilot.click(offset=(50, 35))  # beside all letters
            return
        if isinstance(one.app.screen, Question) and action in POINTED:
            return
        if action == "app.focus_next":
            await one.pilot.click(one.app.screen.query(Input).last())
            return
        binding, here = binding_of(one, action), (type(one.app.screen), action)
        if here in clicked:
            await one.press(binding.key)
            return
        clicked.add(here)
        keys = one.app.screen.query(Keys).last()
        places = {key: left for left, _, key in keys.placed()}
        if binding.key in places:
            await one.pilot.click(keys, offset=(places[binding.key], 0))
        else:
            await one.pilot.click(keys, offset=(places["question_mark"], 0))
            await one.settled()
            await choose(one, binding.key)
        await one.settled()

    return act


async def choose(one: Sitting, answer: str) -> None:
    """Click on what is listed, once the list has been scrolled there."""
    options = one.app.screen.query_one(OptionList)
    line = options.get_option_index(answer)
    options.scroll_to(y=line - 1, animate=False, force=True)
    await one.settled()
    await one.pilot.click(options, offset=(2, line - options.scroll_offset.y))


async def leave(one: Sitting, act: Act, *actions: str) -> None:
    """Run actions of the screen that is open, then go back from it."""
    screen = one.app.screen
    await one.until(lambda: screen.focused is not None or not screen.query("*:can-focus"))
    for action in actions:
        await act(action)
    back = "leave" if any(a.binding.action == "leave" for a in screen.active_bindings.values()) else "dismiss(None)"
    await act(back)
    await one.until(lambda: one.app.screen is not screen)


async def every_row(one: Sitting, act: Act) -> None:
    """The table and its pane."""
    for kind in ("models", "bounds", "paths", "runs"):
        await act(f"view({kind!r})")
    moves = ("move(1)", "move(-1)", "page(1.0)", "page(-1.0)", "page(0.5)", "page(-0.5)", "end(True)", "end(False)")
    marks = ("mark", "mark_on(1)", "mark_on(-1)", "range", "range", "mark_all", "leave")
    for action in (*moves, "column(1)", "column(-1)", *marks):
        await act(action)
    for action in ("details", "scroll_down", "scroll_up", "scroll_end", "scroll_home", "leave", "pane", "pane"):
        await act(action)
    for action in ("sort", "sort", "sort", "shift_column(1)", "shift_column(-1)", "hide_column", "undo", "star"):
        await act(action)
    await one.until(lambda: one.browser.view.undoable)


async def every_question(one: Sitting, act: Act) -> None:
    """All that asks before it does something."""
    one.browser.sort_by("id")
    await one.until(lambda: one.ids == [1, 2, 3, 4, 5])
    await act("end(False)")  # a training, which something is related to
    for asks in ("tag", "note", "export", "jump"):
        await act(asks)
        await leave(one, act)
    for asks in ("copy", "launch", "related"):
        await act(asks)
        await one.until(lambda: isinstance(one.app.screen, Pick))
        await leave(one, act)
    await act("columns")
    await leave(one, act, "move(1)", "move(-1)", "show_or_hide", "show_or_hide", "shift(1)", "shift(-1)")
    for answer in ("accept", "dismiss([])"):
        await act("columns")
        await act(answer)
    await act("end(True)")  # a run that is queued
    for asks, answer in (("delete", "dismiss(False)"), ("cancel", "dismiss(True)")):
        await act(asks)
        await one.until(lambda: isinstance(one.app.screen, Confirm))
        await act(answer)
    await act("help")
    await leave(one, act, *POINTED)


async def every_plot(one: Sitting, act: Act) -> None:
    """Plots, beads, comparisons."""
    await act("view('paths')")
    await one.until(lambda: len(one.ids) == 3)
    await act("plot")
    await one.until(lambda: one.app.screen.query(CurvePlot))
    steps = ("step(1)", "step(-1)", "step(10)", "step(-10)", "edge(0)", "edge(-1)")
    for action in (
        *steps,
        "zoom_x_in",
        "zoom_x_out",
        "pan_up",
        "pan_down",
        "reset_scales",
        "quantity",
        "part",
        "scale",
    ):
        await act(action)
    plot = one.app.screen
    await act("beads")
    await one.until(lambda: one.app.screen.query(BeadsPlot))
    await leave(one, act, "step(1)", "step(-1)", "snapshot(-1)", "snapshot(1)", "components", "quantity")
    assert one.app.screen is plot
    await leave(one, act)
    await act("mark_all")
    await act("compare")
    await one.until(lambda: one.app.screen.query(CurvePlot))
    await leave(one, act, "quantity", "part", "scale")
    await act("mark_all")


async def every_run(one: Sitting, act: Act) -> None:
    """Faults, relaunching, logs."""
    await act("view('runs')")
    one.browser.sort_by("id")
    await one.until(lambda: one.ids == [1, 2, 3, 4, 5])
    await act("faults")
    await one.until(lambda: one.app.screen.query_one(RowTable).row_count)
    faults = one.app.screen
    moves = ("cursor_down", "cursor_up", "cursor_left", "cursor_right", "scroll_bottom", "scroll_top")
    for action in (*moves, "select_cursor", "mark", "relaunch"):
        await act(action)
    await one.until(lambda: isinstance(one.app.screen, RelaunchScreen) and one.app.screen.focused)
    await leave(one, act)
    await act("relaunch_all")
    await one.until(lambda: isinstance(one.app.screen, RelaunchScreen) and one.app.screen.focused)
    await leave(one, act)
    assert one.app.screen is faults
    await act("log")
    await one.until(lambda: "line 199" in one.shown)
    scrolls = ("begin", "move(1)", "move(-1)", "page(1)", "page(-1)", "follow", "search(-1)", "search(1)", "ask_what")
    for action in scrolls:
        await act(action)
    log = one.app.screen
    await act("leave")  # the search
    await leave(one, act)
    assert one.app.screen is not log
    await leave(one, act)
    await act("log")
    await leave(one, act)
    await act("end(False)")  # a training: its relaunch waits for an agent
    await one.until(lambda: one.browser.table.row_id == 1)
    await act("relaunch")
    await one.until(lambda: "1 of 1" in one.shown)
    await act("relaunch")
    await one.until(lambda: len(one.ids) == 6)
    await act("filter")
    await act("leave")
    await act("command")
    await act("leave")


async def every_form(one: Sitting, act: Act, pick: Answering) -> None:
    """Launching; and going where a row leads, and back."""
    await act("view('bounds')")
    await one.until(lambda: one.ids == [1])
    await act("related")
    await one.until(lambda: isinstance(one.app.screen, Pick))
    await pick("models 1")
    await one.until(lambda: one.browser.kind == "models")
    await act("back")
    await one.until(lambda: one.browser.kind == "bounds" and one.ids == [1])
    await act("view('models')")
    await one.until(lambda: len(one.ids) == 2)
    await act("launch")
    await one.until(lambda: isinstance(one.app.screen, Pick))
    await pick("train")
    await one.until(lambda: isinstance(one.app.screen.focused, Input) and "ready" in one.shown)
    await leave(one, act)
    await act("launch")
    await one.until(lambda: isinstance(one.app.screen, Pick))
    await pick("train")
    await one.until(lambda: isinstance(one.app.screen.focused, Input) and "ready" in one.shown)
    await act("copy")
    await act("app.focus_next")
    await act("launch")
    await one.until(lambda: one.browser.kind == "runs" and len(one.ids) == 7)


async def every_run_and_form(one: Sitting, act: Act, pick: Answering) -> None:
    await every_run(one, act)
    await every_form(one, act, pick)


PARTS: dict[str, Callable[[Sitting, Act, Answering], Awaitable[None]]] = {
    "rows": lambda one, act, _: every_row(one, act),
    "questions": lambda one, act, _: every_question(one, act),
    "plots": lambda one, act, _: every_plot(one, act),
    "runs": every_run_and_form,
}


def test_every_action_can_be_reached_with_keys(furnished: Path, done: set[str]) -> None:
    async def use(one: Sitting) -> None:
        async def pick(answer: str) -> None:
            options = one.app.screen.query_one(OptionList)
            for _ in range(options.get_option_index(answer)):
                await with_keys(one)("move(1)")
            await with_keys(one)("move(1)")
            await with_keys(one)("move(-1)")
            await one.press("enter")

        for part in PARTS.values():
            await part(one, with_keys(one), pick)
        await with_keys(one)("quit")
        await asyncio.sleep(0)

    play(furnished, use, size=(80, 24))
    assert declared() - done == set()


#: Whose actions a part of the tour reaches, and which of the table's screen and of the application; "rows" the rest.
OWED: dict[str, tuple[tuple[type, ...], str]] = {
    "questions": (QUESTIONS, "tag note export jump copy columns delete cancel help"),
    "plots": ((PlotScreen, BeadsScreen, CompareScreen, CurvePlot, BeadsPlot), "plot compare"),
    "runs": (
        (FaultsScreen, RelaunchScreen, LaunchScreen, LogScreen, RowTable, LogView),
        "faults log relaunch filter command launch related back quit",
    ),
}


def owed(part: str) -> set[str]:
    """The actions that a part has to reach; every one is owed by one part."""
    if part not in OWED:
        return declared() - {one for other in OWED for one in owed(other)}
    kinds, actions = OWED[part]
    named = {f"{kind.__name__}.{action}" for kind in (BrowseScreen, ThalwegApp) for action in actions.split()}
    return {one for one in declared() if one in named or one.split(".")[0] in {kind.__name__ for kind in kinds}}


@pytest.mark.parametrize("part", ["rows", *OWED])
def test_every_action_can_be_reached_with_the_mouse(part: str, furnished: Path, done: set[str]) -> None:
    async def use(one: Sitting) -> None:
        async def pick(answer: str) -> None:
            await choose(one, answer)
            await one.settled()

        await PARTS[part](one, with_mouse(one), pick)
        await with_mouse(one)("quit")
        await asyncio.sleep(0)

    play(furnished, use, size=(100, 40))
    questions = tuple(kind.__name__ for kind in QUESTIONS)
    pointed = {f"{name}.{action}" for name in questions for action in POINTED} | {
        "JumpScreen.dismiss(None)",
        "LaunchScreen.app.focus_next",
    }
    assert owed(part) - done - pointed == set()
