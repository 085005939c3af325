"""Screens that stay when something goes wrong that nobody foresaw: it is told, and kept in a file."""

import traceback
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_state_path
from textual import events, on
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from core.errors import ThalwegError
from store.errors import StoreError
from tui.shared.formatting import clean

T = TypeVar("T")


class Staying(MessagePump):
    """What goes wrong while a message is handled, or the action of a key, is told; those that follow are handled."""

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if isinstance(message, events.Compose | events.Mount):  # there is nothing yet that could stay
                raise
            self.app.notify(clean(sentence_on(error)), severity="error", markup=False, timeout=15)


class WorkingScreen(Staying, Screen[T]):
    """What goes wrong in a worker is told as well."""

    def run_worker(self, *given: Any, **how: Any) -> "Worker[Any]":
        return super().run_worker(*given, **{**how, "exit_on_error": False})

    @on(Worker.StateChanged)
    def tell_failure(self, message: Worker.StateChanged) -> None:
        error = message.worker.error
        if message.state == WorkerState.ERROR and error is not None:
            self.notify(clean(sentence_on(error)), severity="error", markup=False, timeout=15)


def sentence_on(error: BaseException) -> str:
    """What to tell; where it went wrong is kept in a file if it should not have happened."""
    if isinstance(error, ThalwegError | StoreError):
        return str(error)
    told = f"This should not have happened: {type(error).__name__}: {error}."
    file = user_state_path("thalweg", appauthor=False) / "error.txt"
    try:
        _keep(file, "".join(traceback.format_exception(error)))
    except OSError:
        return told
    return f"{told} Where it did is in {file}."


def _keep(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
