"""A key queue: each key press takes effect before the next one is handled.

Textual hands a key to the widget that has the focus when it arrives. Of a burst, as a slow connection or a paste brings
it, all keys arrive before the first has opened the prompt or the question that the others are meant for.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TypeVar

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

PATIENCE = 1.0  # s that a key waits for what an earlier one asked for
ROUNDS = 2  # a key's own way, and that of the message its action sent: Enter submits, what is submitted closes

T = TypeVar("T")


class KeyQueue(App[T]):
    """An application that processes key presses one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: asyncio.Queue[events.Key] = asyncio.Queue()
        self._hand: asyncio.Task[None] | None = None

    async def ready(self, screen: Screen[Any]) -> None:
        """Wait for what a screen has yet to show before it can take a key; subclasses know more."""
        while not screen.is_mounted:
            await asyncio.sleep(0.005)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._keys.put_nowait(event)
            if self._hand is None or self._hand.done():
                self._hand = asyncio.create_task(self._process_keys())
        else:
            await super().on_event(event)

    async def _settled(self) -> None:
        """Wait until the screen on top can take a key; another one may open meanwhile."""
        screen = None
        while screen is not self.screen:
            screen = self.screen
            await self.ready(screen)

    async def _process_keys(self) -> None:
        while not self._keys.empty():
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._settled()
            way = _key_route(self.focused or self.screen)
            await super().on_event(self._keys.get_nowait())
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    for _ in range(ROUNDS):
                        await _drained(way)


def _key_route(widget: Widget) -> list[MessagePump]:
    """The pumps that a key passes from this widget on; the application last, as it moves the focus."""
    return [*widget.ancestors_with_self, widget.app]


async def _drained(way: Iterable[MessagePump]) -> None:
    """Wait until each of these, one after the other, has handled all that it was sent before."""
    for pump in way:
        handled = asyncio.Event()
        if pump.call_later(handled.set):
            await handled.wait()
