"""The engine as a form asks it while it is filled in."""

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
    """What needs torch is asked of one process, which ends with the form; what was asked before is given up."""

    def __init__(self, screen: AppScreen[Any], client: "Client") -> None:
        self._screen, self._client = screen, client
        self._desk = Probe()
        self._rest: Timer | None = None

    def close(self) -> None:
        self._desk.close()

    def ask(
        self, question: "Callable[[Client], Answer]", then: Callable[[Answer], object], group: str = "question"
    ) -> None:
        """As a screen's `ask`, for one question to come before all that were asked of the engine until now."""
        client = self._client.with_probe(self._desk.new_asker())

        def asked() -> tuple[Answer] | None:
            try:
                return (question(client),)
            except OutdatedError:  # another question came
                return None

        self._screen.ask(asked, lambda found: None if found is None else then(*found), group)

    def after_pause(self, then: Callable[[], object]) -> None:
        """Call `then` when nobody has typed for a moment; what was to be called before is not."""
        self.cancel_pending()
        self._rest = self._screen.set_timer(PAUSE, then)

    def cancel_pending(self) -> None:
        """Nothing is to be called any more."""
        if self._rest is not None:
            self._rest.stop()
