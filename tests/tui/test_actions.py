"""The table of actions and the classes that have them done: what holds for every one of them."""

import inspect
from importlib import import_module
from pkgutil import walk_packages

import pytest
from textual.binding import BindingsMap
from textual.screen import Screen

import tui.app
from tui.app.actions import APP_ACTIONS, Action, Needs
from tui.app.app import ThalwegApp
from tui.app.lazy import imported
from tui.app.screens.browse.actions import ACTIONS
from tui.app.screens.browse.prompt_commands import COMMANDS, TYPED
from tui.app.screens.browse.screen import BrowseScreen

EVERY = [*ACTIONS, *APP_ACTIONS]
MODULES = [one.name for one in walk_packages(tui.app.__path__, "tui.app.")]
OURS = sorted(
    {
        kind
        for name in MODULES
        for kind in vars(import_module(name)).values()
        if inspect.isclass(kind) and kind.__module__.startswith("tui.app.")
    },
    key=lambda kind: (kind.__module__, kind.__name__),
)
SCREENS = [kind for kind in OURS if issubclass(kind, Screen)]


@pytest.mark.parametrize("action", EVERY, ids=lambda one: f"{one.name} {one.key}")
def test_every_action_has_a_body_that_takes_what_its_name_gives(action: Action) -> None:
    owner = BrowseScreen if action in ACTIONS else ThalwegApp
    assert callable(getattr(owner, f"action_{action.verb}"))
    if action.does:
        taken = len(inspect.signature(imported(action.does)).parameters)
        assert taken == (1 if action.typed else 2)


def test_no_key_means_two_things() -> None:
    keys = [key for one in EVERY for key, _ in BindingsMap([one.binding])]
    assert len(set(keys)) == len(keys)


def test_what_is_typed_after_a_colon_is_an_action_or_a_command_and_needs_no_argument() -> None:
    assert set(TYPED) == {one.name for one in EVERY if "(" not in one.name}
    assert {"filter", "sort", "columns", "export", "tag", "note"} <= set(COMMANDS) & set(TYPED)  # alone or with words


def test_only_what_cannot_have_other_keys_has_no_name_in_a_key_map() -> None:
    nameless = [one.name for one in EVERY if one.binding.id is None]
    assert [name for name in nameless if "(" not in name] == ["leave", "quit"]


def test_whatever_is_about_a_row_or_writes_needs_the_catalogue() -> None:
    needing = [one for one in EVERY if one.needs & (Needs.ROW | Needs.WRITABLE)]
    assert needing
    assert all(Needs.CATALOGUE in one.needs for one in needing)


@pytest.mark.parametrize("kind", OURS, ids=lambda one: one.__name__)
def test_no_class_inherits_from_more_than_one_other_of_ours(kind: type) -> None:
    assert len([one for one in kind.__mro__ if one.__module__.startswith("tui.")]) <= 2


@pytest.mark.parametrize("kind", SCREENS, ids=lambda one: one.__name__)
def test_no_screen_has_more_than_200_lines(kind: type) -> None:
    assert len(inspect.getsource(kind).splitlines()) <= 200
