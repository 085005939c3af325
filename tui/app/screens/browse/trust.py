"""The question whether to accept a network file that has changed."""

from concurrent.futures import Future

from textual.screen import Screen
from textual.worker import get_current_worker

from tui.app.screens.questions import Confirm

POLL = 0.1  # s between looks at whether the thread that waits is still wanted


class Trust:
    """Asks about each change once, and keeps the answer."""

    def __init__(self, screen: Screen[None]) -> None:
        self._app = screen.app
        self._answers: dict[str, Future[bool | None]] = {}

    def confirm(self, sentence: str) -> bool:
        """Ask, from a worker's thread, with the sentence that says what changed. Leaving means no."""
        self._app.call_from_thread(self._ask_once, sentence)
        answer = self._answers[sentence]
        while not get_current_worker().is_cancelled:
            try:
                return bool(answer.result(POLL))
            except TimeoutError:
                continue
        return False

    def _ask_once(self, sentence: str) -> None:
        if sentence not in self._answers:
            answer = self._answers[sentence] = Future()
            self._app.push_screen(Confirm(f"{sentence} Continue with it as it is now?", "Go on"), answer.set_result)
