"""Launching and relaunching: every option of the specs is asked for, checked as typed, and enqueued once."""

import asyncio
import shlex
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from commanding import HOSTILE, Run, add
from showing import Stage, play, press, settle, text, until
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Select, Static

from core.engine.client import Client
from core.specs.bounds import BOUNDS
from core.specs.kinds import KINDS
from core.specs.methods import METHODS
from core.specs.options import describe, text_of
from core.specs.runs import Bound, Certify, Connect, Import, ModelRef, Train, from_json
from store import Catalogue, Models, Runs
from tui.app.screens.launch import LaunchScreen
from tui.app.screens.relaunch import RelaunchScreen
from tui.app.widgets.form import OptionRow
from tui.shared.requests import changeable, spec_of

PAIR: dict[str, object] = {"a": 1, "b": 2}
EVERY = [
    *(("connect", {**PAIR, "method": name}, record) for name, record in METHODS.items()),
    *(("bound", {"model": 1, "kind": name}, record) for name, record in BOUNDS.items()),
    ("train", {"network": "fcn:8", "data": "digits"}, Train),
    ("certify", {"path": 1}, Certify),
    ("import", {"files": "/a/b.pt '/a/with blank.pt'", "network": "fcn:8", "data": "digits"}, Import),
]


def said_of(app: Stage | Any, name: str) -> str:
    return str(app.screen.query_one(f"#{name}", Static).visual)


@pytest.mark.parametrize("kind", ["train", "connect", "bound"])
def test_every_option_of_every_kind_has_a_row(kind: str, seeded: Path) -> None:
    mine = [(prefill, record) for name, prefill, record in EVERY if name == kind]

    async def look(pilot: Pilot[Any]) -> None:
        for prefill, record in mine:
            if (chosen := KINDS[kind].choice) is not None:
                choice = chosen.flag
                row(pilot.app.screen, choice).query_one(Select).value = prefill[choice]
                await settle(pilot)
            rows = {row.option.name for row in pilot.app.screen.query(OptionRow)}
            assert rows >= {option.name for option in describe(record)} | {"name", "device"}
            screen = pilot.app.screen
            assert isinstance(screen, LaunchScreen)
            assert screen.specs(screen.texts)

    play(seeded, lambda client: LaunchScreen(client, kind, mine[0][0]), look)


def test_a_form_says_what_the_engine_would_refuse_before_it_is_asked_to_launch(seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        Models(session).add(1, {"position": 2, "network": "fcn:9", "data": "digits"})

    async def look(pilot: Pilot[Any]) -> None:
        assert "✗ Models 1 and 3 differ in their architecture (fcn:8 and fcn:9)" in said_of(pilot.app, "verdict")
        row(pilot.app.screen, "b").query_one(Input).value = "7"
        async with asyncio.timeout(10):
            while "There is no model 7" not in said_of(pilot.app, "verdict"):
                await pilot.pause(0.05)

    play(seeded, lambda client: LaunchScreen(client, "connect", {"a": 1, "b": 3, "method": "linear"}), look)


@pytest.mark.parametrize(("kind", "prefill", "record"), EVERY, ids=lambda given: getattr(given, "__name__", None))
def test_defaults_that_are_typed_ask_for_the_same(kind: str, prefill: dict[str, object], record: Any) -> None:
    """The texts of a form, the command's and the stored spec are one language."""
    given = {name: text_of(value) for name, value in prefill.items()}
    spec = spec_of(kind, given)
    texts = {option.name: text for option, text in changeable(spec) if text}
    assert spec_of(kind, {**given, **texts}) == spec


def test_another_method_asks_for_its_own_options_and_keeps_what_was_typed(seeded: Path) -> None:
    async def choose(pilot: Pilot[Any]) -> None:
        screen = pilot.app.screen
        row(screen, "lr").query_one(Input).value = "0.25"
        await settle(pilot)
        row(screen, "method").query_one(Select).value = "sparse"
        await settle(pilot)
        assert row(screen, "ratio")
        assert row(screen, "lr").value == "0.25"
        row(screen, "method").query_one(Select).value = "linear"
        await settle(pilot)
        assert "lr" not in {one.option.name for one in screen.query(OptionRow)}
        assert screen.specs(screen.texts)

    play(seeded, lambda client: LaunchScreen(client, "connect", {**PAIR, "method": "string"}), choose)


def row(screen: Any, name: str) -> OptionRow:
    return next(one for one in screen.query(OptionRow) if one.option.name == name)


@pytest.mark.parametrize(
    ("kind", "prefill"),
    [
        ("connect", {**PAIR, "method": "string", "alpha": 2}),
        ("connect", {"a": "one", "b": 2, "method": "linear"}),
        ("bound", {"model": 1, "kind": "sparse", "draws": 0}),
        ("train", {"network": "fnc:8", "data": "digits"}),
        ("train", {"network": "fcn:8", "data": "digits", "name": HOSTILE, "epochs": -1}),
    ],
)
def test_what_is_wrong_is_said_as_the_command_line_says_it(
    kind: str, prefill: dict[str, object], seeded: Path, thalweg: Run
) -> None:
    seen = []

    async def launch(pilot: Pilot[Any]) -> None:
        await press(pilot, "ctrl+s")
        seen.extend((said_of(pilot.app, "command"), said_of(pilot.app, "verdict")))

    app = play(seeded, lambda client: LaunchScreen(client, kind, prefill), launch)
    said = thalweg(*shlex.split(seen[0].removeprefix("$ thalweg ")))
    assert (said.status, app.answers) == (2, [])
    assert seen[1] == f"✗ {said.err.removeprefix('thalweg: ').strip()}"


def test_launching_enqueues_once_what_the_command_line_shown_would(
    seeded: Path, thalweg: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands, enqueue = [], Client.enqueue_all

    def slowly(*asked: Any, **how: Any) -> list[int]:
        time.sleep(0.3)  # an impatient person presses again
        return enqueue(*asked, **how)

    monkeypatch.setattr(Client, "enqueue_all", slowly)

    async def launch(pilot: Pilot[Any]) -> None:
        commands.append(said_of(pilot.app, "command"))
        await pilot.press("ctrl+s")
        await pilot.pause(0.1)
        await pilot.press("ctrl+s")

    prefill = {"network": "fcn:8", "data": "digits", "until_loss": 0.5, "lr": 0.01, "name": "a b", "device": "cpu"}
    app = play(seeded, lambda client: LaunchScreen(client, "train", prefill), launch)
    assert app.answers == [[6]]
    assert thalweg(*shlex.split(commands[0].removeprefix("$ thalweg ")), "--detach").out == "run:7\n"
    with Catalogue.open(seeded) as catalogue, catalogue.read() as session:
        first, second = (Runs(session).get(run_id) for run_id in (6, 7))
        assert Runs(session).counts()["queued"] == 3
    assert (first.spec, first.name, first.device_requested) == (second.spec, second.name, second.device_requested)


def test_what_the_engine_refuses_is_a_notification_and_the_form_stays(seeded: Path) -> None:
    prefill = {"a": 1, "b": 99, "method": "linear"}
    app = play(seeded, lambda client: LaunchScreen(client, "connect", prefill), lambda pilot: press(pilot, "ctrl+s"))
    assert "There is no model 99" in app.told[0]  # type: ignore[attr-defined]
    assert app.answers == []
    assert "✗ There is no model 99" in text(app)


@pytest.mark.parametrize("size", [(3, 2), (60, 20)])
def test_forms_work_in_small_terminals_and_escape_leaves(size: tuple[int, int], seeded: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, "tab", "down", "up", "1", "escape", "y")

    assert play(seeded, lambda client: LaunchScreen(client, "connect", PAIR), use, size).answers == [None]
    assert play(seeded, lambda client: RelaunchScreen(client, [1]), use, size).answers == [None]


@pytest.mark.parametrize(
    "make",
    [lambda client: LaunchScreen(client, "connect", PAIR), lambda client: RelaunchScreen(client, [1])],
    ids=["launch", "relaunch"],
)
def test_escape_asks_where_something_was_typed_and_only_there(make: Any, seeded: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        form = pilot.app.screen
        form.query(Input).last().value = "1"
        await press(pilot, "escape")
        assert "What you typed will be lost" in text(pilot.app)
        await press(pilot, "enter")  # no is what a bare enter says
        assert pilot.app.screen is form
        assert form.query(Input).last().value == "1"
        await press(pilot, "escape", "y")

    assert play(seeded, make, use).answers == [None]
    assert play(seeded, make, lambda pilot: press(pilot, "escape")).answers == [None]


@pytest.mark.parametrize(
    ("make", "sends"),
    [
        (lambda client: LaunchScreen(client, "connect", PAIR), "enqueue_all"),
        (lambda client: RelaunchScreen(client, [1]), "relaunch"),
    ],
    ids=["launch", "relaunch"],
)
def test_a_form_on_its_way_is_left_at_once(
    make: Any, sends: str, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> list[int]:
        begun.set()
        go_on.wait(10)
        return [9]

    async def use(pilot: Pilot[Any]) -> None:
        pilot.app.screen.query(Input).last().value = "7"
        await settle(pilot)
        monkeypatch.setattr(Client, sends, slow)
        await pilot.press("ctrl+s")
        await until(pilot, begun.is_set)
        await pilot.press("escape")
        go_on.set()
        await settle(pilot)
        assert "What you typed will be lost" not in text(pilot.app)

    assert play(seeded, make, use).answers == [None]


def test_arrows_pass_over_a_choice_and_enter_opens_it(seeded: Path) -> None:
    async def use(pilot: Pilot[Any]) -> None:
        screen = pilot.app.screen
        field = row(screen, "method").query_one(Select)
        field.focus()
        await settle(pilot)
        await press(pilot, "down")
        assert not field.expanded
        assert screen.focused is row(screen, "device").query_one(Input)
        await press(pilot, "up", "up")
        assert screen.focused is row(screen, "b").query_one(Input)
        await press(pilot, "down", "enter", "down", "enter")
        assert field.value != "string"

    play(seeded, lambda client: LaunchScreen(client, "connect", {**PAIR, "method": "string"}), use)


def test_a_relaunch_changes_what_was_filled_in_and_keeps_the_old_run(seeded: Path) -> None:
    async def change(pilot: Pilot[Any]) -> None:
        screen = pilot.app.screen
        assert row(screen, "lr").query_one(Input).placeholder == "0.001"
        row(screen, "lr").query_one(Input).value = "0.5"
        row(screen, "from").query_one(Select).value = "scratch"
        await pilot.press("ctrl+s", "ctrl+s")

    app = play(seeded, lambda client: RelaunchScreen(client, [1]), change)
    assert app.answers == [[6]]
    with Catalogue.open(seeded) as catalogue, catalogue.read() as session:
        old, new = Runs(session).get(1), Runs(session).get(6)
    assert (old.state, new.state, new.relaunch_of, new.resume) == ("done", "queued", 1, "scratch")
    assert from_json(new.spec) == msgspec.structs.replace(from_json(old.spec), lr=0.5)


def test_before_a_relaunch_it_says_what_would_be_enqueued_and_what_cannot_be(seeded: Path) -> None:
    async def look(pilot: Pilot[Any]) -> None:
        table = pilot.app.screen.query_one(DataTable)
        cells = [[str(cell) for cell in table.get_row_at(i)] for i in range(table.row_count)]
        assert [one[:2] for one in cells] == [["3", "✗"], ["5", "✗"], ["1", "scratch"]]
        assert "missing" in cells[0][2]
        assert "Run 5 is queued" in cells[1][2]
        assert "1 of 3 would be enqueued; runs 3 and 5 can't be repeated" in said_of(pilot.app, "verdict")
        assert "several kinds" in said_of(pilot.app, "about")
        await press(pilot, "ctrl+s")

    assert play(seeded, lambda client: RelaunchScreen(client, [1, 3, 5]), look).answers == [[6]]


def test_a_change_that_cannot_be_is_said_while_it_is_typed(seeded: Path) -> None:
    async def change(pilot: Pilot[Any]) -> None:
        row(pilot.app.screen, "epochs").query_one(Input).value = "-1"
        await pilot.pause(0.4)

    app = play(seeded, lambda client: RelaunchScreen(client, [1]), change)
    assert "✗ train: epochs must be a whole number at least 0, not '-1'." in text(app)


def test_a_run_whose_input_failed_is_not_repeated_without_it(home: Path) -> None:
    with Catalogue.open(home / "c.db") as catalogue:
        failed = add(catalogue, Train(network="fcn:8", data="digits"), "failed")
        waits = Connect(a=ModelRef(run=failed), b=ModelRef(run=failed, position=1), method=METHODS["linear"]())
        needs = add(catalogue, waits, "failed")
    alone = text(play(home / "c.db", lambda client: RelaunchScreen(client, [needs])))
    assert "✗ Run 1 has failed" in alone
    both = text(play(home / "c.db", lambda client: RelaunchScreen(client, [failed, needs])))
    assert "2 of 2 would be enqueued" in both


def test_a_form_of_a_bound_has_its_own_seed() -> None:
    spec = spec_of("bound", {"model": "1", "kind": "sparse", "seed": "7"})
    assert isinstance(spec, Bound)
    assert ("seed", "7") in [(option.name, value) for option, value in changeable(spec)]
