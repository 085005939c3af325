"""A form that the engine looks at while it is filled in."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from textual.timer import Timer

from core.engine.probe import Desk
from tui.app.screens.client_screen import ClientScreen

if TYPE_CHECKING:
    from core.engine.client import Client

PAUSE = 0.3  # s after the last key before the engine is asked what would come of a form

T = TypeVar("T")


class FormScreen(ClientScreen[T]):
    """What needs torch is asked of one process, which ends with the form; what was asked before is given up."""

    def __init__(self, client: "Client") -> None:
        super().__init__(client)
        self._desk = Desk()
        self._rest: Timer | None = None
        self.sending = False  # what was filled in is on its way into the queue

    def on_unmount(self) -> None:
        self._desk.close()

    def asked_last(self) -> "Client":
        """The engine, for one question to come before all that were asked until now."""
        return self.client.asking(self._desk.turn())

    def at_rest(self, then: Callable[[], object]) -> None:
        """Call `then` when nobody has typed for a moment; what was to be called before is not."""
        self.restless()
        self._rest = self.set_timer(PAUSE, then)

    def restless(self) -> None:
        """Nothing is to be called any more."""
        if self._rest is not None:
            self._rest.stop()

    def refused(self, sentence: str) -> None:
        super().refused(sentence)
        self.sending = False
