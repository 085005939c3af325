"""Screens in an app of their own, driven by a pilot, and what they look like as text."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.worker import WorkerCancelled

from core.engine.client import Client
from store import Catalogue

Act = Callable[[Pilot[Any]], Awaitable[None]]


class Stage(App[None]):
    """Shows one screen; `answers` are what it was dismissed with."""

    def __init__(self, make: Callable[[Client], Screen[Any]], client: Client) -> None:
        super().__init__()
        self.make, self.client, self.answers = make, client, []  # type: ignore[var-annotated]
        self.told: list[str] = []  # notifications themselves go away after some seconds

    def notify(self, message: str, **looks: Any) -> None:
        self.told.append(message)
        super().notify(message, **looks)

    def on_mount(self) -> None:
        self.push_screen(self.make(self.client), self.answers.append)


def play(
    catalogue: Path, make: Callable[[Client], Screen[Any]], act: Act | None = None, size: tuple[int, int] = (80, 24)
) -> Stage:
    """Show a screen over a catalogue, let `act` use it; the app as it was left."""

    async def played() -> Stage:
        with Catalogue.open(catalogue) as opened:
            app = Stage(make, Client(opened))
            async with app.run_test(size=size) as pilot:
                await settle(pilot)
                if act is not None:
                    await act(pilot)
                    await settle(pilot)
                app.shown = shown(app)  # type: ignore[attr-defined]
            return app

    return asyncio.run(played())


async def settle(pilot: Pilot[Any]) -> None:
    """Wait for what goes on in threads, and for what follows from it."""
    for _ in range(3):
        await pilot.pause()
        for screen in pilot.app.screen_stack:
            await answered(screen)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def answered(screen: Screen[Any]) -> None:
    """Wait for a screen's threads; where a newer question cancels an older one, for the newer."""
    while True:
        try:
            return await screen.workers.wait_for_complete()
        except WorkerCancelled:
            continue


async def press(pilot: Pilot[Any], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def until(pilot: Pilot[Any], condition: Callable[[], object], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await pilot.pause(0.02)


def shown(app: App[Any]) -> list[str]:
    """The lines on the screen."""
    width, height = app.size
    strips = app.screen._compositor.render_strips(app.size) if width and height else []
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def text(app: App[Any]) -> str:
    with suppress(AttributeError):
        return "\n".join(app.shown)  # type: ignore[attr-defined]
    return "\n".join(shown(app))
