"""An action: the one record that gives its key, footer, help, command and refusal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Protocol, TypeVar

from textual.binding import Binding, BindingType

FIXED_KEYS = ("escape", "ctrl+q")


class Needs(Flag):
    """The conditions of an action."""

    NOTHING = 0
    CATALOGUE = auto()
    """The catalogue is open."""
    WRITABLE = auto()
    """It can be written."""
    ROW = auto()
    """There is a row, and it is known which ones are marked."""


@dataclass(frozen=True)
class Action:
    """Something that a key does.

    `name` is what Textual calls it, with arguments in brackets where there are some; those without can be typed after a
    colon and have keys of one's own. `does` is where its body is, `module:function`, imported on use; without one it is
    a method. `why_not` says why it can't be done now, given the same as the body, once all that it needs is there.
    """

    name: str
    key: str
    label: str
    tooltip: str = ""
    does: str = ""
    needs: Needs = Needs.NOTHING
    why_not: Callable[[Any], str | None] = lambda _: None
    shown: bool = True  # among the keys in the last line
    priority: bool = False

    @property
    def verb(self) -> str:
        """Its name without arguments."""
        return self.name.partition("(")[0]

    @property
    def typed(self) -> bool:
        """Whether its name can be typed after a colon."""
        return self.verb == self.name

    @property
    def binding(self) -> Binding:
        """With an id, by which a person gives it other keys, where it may have other keys."""
        remappable = self.typed and self.key not in FIXED_KEYS
        return Binding(
            self.key,
            self.name,
            self.label,
            show=self.shown,
            tooltip=self.tooltip,
            priority=self.priority,
            id=self.name if remappable else None,
        )


def bindings_of(actions: Iterable[Action]) -> list[BindingType]:
    return [one.binding for one in actions]


class Performer(Protocol):
    """Performs actions."""

    def perform(self, action: Action, *given: object) -> None: ...


P = TypeVar("P", bound=Performer)


def with_methods_for(actions: Iterable[Action]) -> Callable[[type[P]], type[P]]:
    """Give a class the methods that Textual looks for, action_NAME, for all actions with a body."""

    def added(kind: type[P]) -> type[P]:
        for one in actions:
            if one.does:
                setattr(kind, f"action_{one.verb}", _method(one))
        return kind

    return added


def _method(action: Action) -> Callable[..., None]:
    def perform(self: Performer, *given: object) -> None:
        self.perform(action, *given)

    return perform


#: What can be done on every screen.
APP_ACTIONS = (
    Action("help", "?", "Help", "All keys; search them, run them", "tui.app.overlays:show_help"),
    Action(
        "jump",
        "ctrl+o",
        "Jump",
        "Label everything you can jump to; type a label",
        "tui.app.overlays:show_letters",
        shown=False,
    ),
    Action("quit", "q", "Quit", "Quit; jobs keep running"),
    Action("quit", "ctrl+q", "Quit", shown=False, priority=True),
)
