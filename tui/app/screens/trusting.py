"""A screen that asks the person whether a network's file that has changed is gone on with."""

from concurrent.futures import Future

from textual.worker import get_current_worker

from tui.app.screens.working import WorkingScreen

POLL = 0.1  # s between looks at whether the thread that waits is still wanted


class TrustingScreen(WorkingScreen[None]):
    """Keeps the answers: the same change is asked about once."""

    def __init__(self) -> None:
        super().__init__()
        self._trusted: dict[str, Future[bool | None]] = {}

    def trusts(self, sentence: str) -> bool:
        """Called in a worker's thread, with the sentence that says what changed. Whoever leaves says no."""
        self.app.call_from_thread(self._ask_once, sentence)
        answer = self._trusted[sentence]
        while not get_current_worker().is_cancelled:
            try:
                return bool(answer.result(POLL))
            except TimeoutError:
                continue
        return False

    def _ask_once(self, sentence: str) -> None:
        from tui.app.screens.asking import Confirm

        if sentence not in self._trusted:
            answer = self._trusted[sentence] = Future()
            self.app.push_screen(Confirm(f"{sentence} Go on with it as it is now?", "Go on"), answer.set_result)
