"""The application under a pilot: opening it on a catalogue, waiting for what is true, reading what it shows."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tui.app.app import ThalwegApp
from tui.app.screens.browse.browser import ASKING, Browser
from tui.app.screens.browse.screen import BrowseScreen
from tui.app.widgets.keys import Views
from tui.app.widgets.machine import MachineLine
from tui.shared.location import Location

BORDERS = re.compile("[\u2500-\u259f]")


class Sitting:
    """Somebody in front of the screen."""

    def __init__(self, app: ThalwegApp, pilot: Pilot[Any], notified: list[str] | None = None) -> None:
        self.app, self.pilot = app, pilot
        self._notified = [] if notified is None else notified

    @property
    def screen(self) -> BrowseScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, BrowseScreen)
        return screen

    @property
    def browser(self) -> Browser:
        return self.screen.browser

    @property
    def ids(self) -> list[int]:
        return list(self.browser.table.ids)

    async def press(self, *keys: str) -> None:
        """Press keys, one when the other has come to an end."""
        for key in keys:
            await self.pilot.press(key)
            await self.settled()

    async def type(self, text: str) -> None:
        await self.press(*("space" if letter == " " else letter for letter in text))

    async def settled(self) -> None:
        """Wait for threads that were started and for the messages they sent; not for questions left open."""

        def busy() -> bool:
            lasting = ("live", "host") if self.app.screen is self.screen else ("live", "host", ASKING)
            return any(one.is_running for one in self.app.workers if one.group not in lasting)

        await self.pilot.pause()
        await self.until(lambda: not busy())
        await self.pilot.pause()

    async def until(self, true: Callable[[], object], seconds: float = 60) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(
                f"this never came true, on a screen that shows\n{self.shown}\nand told {self.told!r}"
            ) from None

    @property
    def lines(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def shown(self) -> str:
        return "\n".join(self.lines)

    @property
    def said(self) -> str:
        """What stands on the screen, wherever lines end and boxes begin."""
        return " ".join(BORDERS.sub(" ", self.shown).split())

    @property
    def told(self) -> str:
        """All that was notified."""
        return "\n".join(self._notified)


def kept(app: ThalwegApp) -> list[str]:
    """What will be notified; from the screen it goes away after some seconds."""
    notified: list[str] = []
    notify = app.notify

    def keep(message: str, **looks: Any) -> None:
        notified.append(message)
        notify(message, **looks)

    app.notify = keep  # type: ignore[method-assign]
    return notified


@asynccontextmanager
async def sitting(
    catalogue: Path, size: tuple[int, int] = (80, 24), where: str | None = None
) -> AsyncIterator[Sitting]:
    """The application, opened, its table read."""
    app = ThalwegApp(Location(catalogue), where)
    notified = kept(app)
    async with app.run_test(size=size, notifications=True) as pilot:
        one = Sitting(app, pilot, notified)
        line = one.screen.query_one(MachineLine)
        await one.until(lambda: one.screen.query_one(Views).count and line.counts is not None and line.machine)
        await one.settled()
        yield one


def play(catalogue: Path, act: Callable[[Sitting], Awaitable[None]], **how: Any) -> None:
    """Let somebody use the application."""

    async def played() -> None:
        async with sitting(catalogue, **how) as one:
            await act(one)

    asyncio.run(played())
