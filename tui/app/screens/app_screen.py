"""The base of all screens: slow work happens in threads, errors are shown, and the screen stays."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from textual import on
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState, get_current_worker

from core.errors import ThalwegError
from store.errors import StoreError
from tui.app import failures

SILENCE = 30.0  # s
BACK = Binding("escape", "leave", "Back")

T = TypeVar("T")
Answer = TypeVar("Answer")


class AppScreen(Screen[T]):
    """Survives unforeseen errors in handlers and workers, and asks the catalogue and the engine in threads."""

    def __init__(self) -> None:
        super().__init__()
        self._refused = ("", 0.0)

    async def _dispatch_message(self, message: Message) -> None:
        await failures.handle_safely(super()._dispatch_message(message), message, self.app)

    def run_worker(self, *given: Any, **how: Any) -> "Worker[Any]":
        return super().run_worker(*given, **{**how, "exit_on_error": False})

    @on(Worker.StateChanged)
    def tell_failure(self, message: Worker.StateChanged) -> None:
        error = message.worker.error
        if message.state == WorkerState.ERROR and error is not None:
            failures.show_failure(error, self.app)

    def ask(
        self,
        question: Callable[[], Answer],
        then: Callable[[Answer], object],
        group: str = "question",
        *,
        exclusive: bool = True,
    ) -> None:
        """Call `question` in a thread, then `then` here; a newer question of its group comes before an older one.

        What the catalogue, the engine or a file refuses is told as a notification.
        """

        def answered() -> None:
            try:
                answer = question()
            except (ThalwegError, StoreError, OSError) as error:
                said: Callable[[], object] = partial(self.refused, str(error))
            else:
                said = partial(then, answer)
            if not get_current_worker().is_cancelled:
                self.call_later(said)

        self.run_worker(answered, group=group, exclusive=exclusive, thread=True)

    def tell(self, text: str, *, wrong: bool = False) -> None:
        """Show a text that may come from outside."""
        self.notify(text, severity="error" if wrong else "information", markup=False)

    def refused(self, sentence: str) -> None:
        """Show a refusal; the same one again only after a while, since some questions are repeated."""
        before, when = self._refused
        if sentence != before or time.monotonic() - when > SILENCE:
            self._refused = (sentence, time.monotonic())
            self.tell(sentence, wrong=True)

    def action_leave(self) -> None:
        self.dismiss(None)
