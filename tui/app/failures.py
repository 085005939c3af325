"""Unforeseen errors: they are shown, their traceback is kept in a file, and the screen stays."""

import traceback
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from platformdirs import user_state_path
from textual import events
from textual.app import App
from textual.message import Message

from core.errors import ThalwegError
from store.errors import StoreError


async def handle_safely(handling: Awaitable[None], message: Message, app: App[Any]) -> None:
    """Handle a message, or the action of a key; show what goes wrong, and keep handling those that follow."""
    try:
        await handling
    except Exception as error:
        if isinstance(message, events.Compose | events.Mount):  # there is nothing yet that could stay
            raise
        show_failure(error, app)


def show_failure(error: BaseException, app: App[Any]) -> None:
    """Say what went wrong, for long enough to be read."""
    app.notify(failure_sentence(error), severity="error", markup=False, timeout=15)


def failure_sentence(error: BaseException) -> str:
    """The sentence to show; the traceback is kept in a file if the error was unforeseen."""
    if isinstance(error, ThalwegError | StoreError):
        return str(error)
    told = f"Unexpected error: {type(error).__name__}: {error}."
    file = user_state_path("thalweg", appauthor=False) / "error.txt"
    try:
        _keep(file, "".join(traceback.format_exception(error)))
    except OSError:
        return told
    return f"{told} The traceback is in {file}."


def _keep(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
