"""Letters over all jump targets; typing one jumps there."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.app import failures
from tui.app.jump_targets import Jump, labels


class JumpScreen(ModalScreen[Jump]):
    """Answers with the place that was chosen; Escape and letters that lead nowhere leave it."""

    DEFAULT_CSS = """
    JumpScreen { background: $background 40%; }
    JumpScreen Static {
        position: absolute; width: auto; height: 1;
        background: $accent; color: $background; text-style: bold; pointer: pointer;
    }
    JumpScreen Static.-away { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Leave", show=False)]

    def __init__(self, jumps: Sequence[Jump]) -> None:
        super().__init__()
        self._jumps = dict(zip(labels(len(jumps)), jumps, strict=False))
        self._typed = ""

    async def _dispatch_message(self, message: Message) -> None:
        await failures.handle_safely(super()._dispatch_message(message), message, self.app)

    def compose(self) -> ComposeResult:
        for label, jump in self._jumps.items():
            sign = Static(label, markup=False, name=label)
            sign.styles.offset = (jump.position.x, jump.position.y)
            yield sign

    def on_key(self, event: events.Key) -> None:
        """The letters so far lead somewhere, may still lead somewhere, or lead nowhere."""
        if event.character is None or not event.character.isprintable():
            return
        event.stop()
        self._typed += event.character.lower()
        if self._typed in self._jumps:
            self.dismiss(self._jumps[self._typed])
        elif not any(label.startswith(self._typed) for label in self._jumps):
            self.dismiss(None)
        for sign in self.query(Static):
            sign.set_class(not (sign.name or "").startswith(self._typed), "-away")

    def on_click(self, event: events.Click) -> None:
        widget, _ = self.get_widget_at(event.screen_x, event.screen_y)
        self.dismiss(self._jumps.get(widget.name or ""))
