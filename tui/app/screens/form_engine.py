"""The engine, as a form uses it while it is filled in."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual.timer import Timer

from core.engine.probe import OutdatedError, Probe
from tui.app.screens.app_screen import AppScreen

if TYPE_CHECKING:
    from core.engine.client import Client

PAUSE = 0.3  # s after the last key before the engine is asked what would come of a form

Answer = TypeVar("Answer")


class FormEngine:
    """Questions that need torch go to one process, which ends with the form; a new question replaces earlier ones."""

    def __init__(self, screen: AppScreen[Any], client: "Client") -> None:
        self._screen, self._client = screen, client
        self._desk = Probe()
        self._rest: Timer | None = None

    def close(self) -> None:
        self._desk.close()

    def ask(
        self, question: "Callable[[Client], Answer]", then: Callable[[Answer], object], group: str = "question"
    ) -> None:
        """Like a screen's `ask`, for a question to the engine that replaces all earlier ones."""
        client = self._client.with_probe(self._desk.new_asker())

        def asked() -> tuple[Answer] | None:
            try:
                return (question(client),)
            except OutdatedError:  # another question came
                return None

        self._screen.ask(asked, lambda found: None if found is None else then(*found), group)

    def after_pause(self, then: Callable[[], object]) -> None:
        """Call `then` after a pause in typing, instead of whatever was scheduled before."""
        self.cancel_pending()
        self._rest = self._screen.set_timer(PAUSE, then)

    def cancel_pending(self) -> None:
        """Cancel whatever is scheduled."""
        if self._rest is not None:
            self._rest.stop()
