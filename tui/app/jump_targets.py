"""Jump targets on a screen: tabs, headings, rows, fields; and their letters."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget

LETTERS = "asdfghjklqwertyuiopzxcvbnm"  # those under the fingers first


@dataclass(frozen=True)
class Jump:
    """A position on the screen, and the action of jumping there."""

    position: Offset
    action: Callable[[], object]


@runtime_checkable
class Jumpable(Protocol):
    """A widget with several places to go to."""

    def jumps(self) -> Iterable[Jump]: ...


def jumps_on(screen: Screen[object]) -> list[Jump]:
    """All visible targets, from top to bottom: positions within widgets, and widgets that can have the focus."""
    found = [jump for widget in screen.walk_children(Widget) if _is_visible(widget) for jump in _of(widget)]
    seen = [jump for jump in found if screen.region.contains_point(jump.position)]
    return sorted(seen, key=lambda jump: (jump.position.y, jump.position.x))


def _is_visible(widget: Widget) -> bool:
    return widget.visible and all(one.display for one in widget.ancestors_with_self if isinstance(one, Widget))


def _of(widget: Widget) -> Iterator[Jump]:
    if isinstance(widget, Jumpable):
        yield from widget.jumps()
    elif widget.focusable:
        place = widget.region.offset
        if widget.container_viewport.contains_point(place):
            yield Jump(place, widget.focus)


def labels(count: int) -> list[str]:
    """Labels of which none starts another one: letters, and pairs of letters once these run out."""
    pairs = min(-(-max(count - len(LETTERS), 0) // (len(LETTERS) - 1)), len(LETTERS))
    single, first = LETTERS[: len(LETTERS) - pairs], LETTERS[len(LETTERS) - pairs :]
    return [*single, *(one + other for one in first for other in LETTERS)][:count]
