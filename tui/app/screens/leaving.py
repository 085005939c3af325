"""Screens that somebody leaves with Escape: where something was typed they ask first."""

from typing import TypeVar

from textual.screen import Screen

T = TypeVar("T")


class Leaving(Screen[T]):
    """Dismissed with None by `action_leave`."""

    @property
    def typed(self) -> bool:
        """Whether something was typed that would be lost."""
        return False

    def action_leave(self) -> None:
        if self.typed:
            from tui.app.screens.asking import Confirm  # which is left in this way itself

            self.app.push_screen(Confirm("What was typed is lost. Leave all the same?", "Leave"), self._leave)
        else:
            self.dismiss(None)

    def _leave(self, agreed: bool | None) -> None:
        if agreed:
            self.dismiss(None)
