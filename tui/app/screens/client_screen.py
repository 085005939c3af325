"""A screen over a catalogue: what takes time happens in a thread, what goes wrong is said."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from inspect import iscoroutine
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from core.engine.probe import OutdatedError
from core.errors import ThalwegError
from store.errors import StoreError
from tui.app.screens.leaving import Leaving
from tui.app.screens.working import WorkingScreen
from tui.shared.formatting import clean

if TYPE_CHECKING:
    from core.engine.client import Client

SILENCE = 30.0  # s

T = TypeVar("T")
Answer = TypeVar("Answer")


class ClientScreen(WorkingScreen[T], Leaving[T]):
    """Asks the catalogue and the engine through `client`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]

    @dataclass
    class Answered(Message):
        """A question was answered in its thread."""

        tell: Callable[[], object]

    def __init__(self, client: "Client") -> None:
        super().__init__()
        self.client = client
        self._refused = ("", 0.0)

    def ask(self, question: Callable[[], Answer], then: Callable[[Answer], object], group: str = "question") -> None:
        """Call `question` in a thread, then `then` here; a newer question of its group comes before an older one.

        What the catalogue, the engine or a file refuses is told as a notification.
        """

        def answered() -> None:
            try:
                answer = question()
            except OutdatedError:
                return
            except (ThalwegError, StoreError, OSError) as error:
                sentence = str(error)
                self.post_message(self.Answered(lambda: self.refused(sentence)))
            else:
                if not get_current_worker().is_cancelled:
                    self.post_message(self.Answered(lambda: then(answer)))

        self.run_worker(answered, group=group, exclusive=True, thread=True)

    @on(Answered)
    async def tell(self, message: Answered) -> None:
        result = message.tell()
        if iscoroutine(result):
            await result

    def refused(self, sentence: str) -> None:
        """Say what could not be done; the same again only after a while, since some things are asked repeatedly."""
        before, when = self._refused
        if sentence != before or time.monotonic() - when > SILENCE:
            self._refused = (sentence, time.monotonic())
            self.notify(clean(sentence), severity="error", markup=False)
