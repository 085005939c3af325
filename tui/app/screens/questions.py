"""Small questions before an action: yes or no, one of several, a text, which columns."""

from collections.abc import Sequence
from typing import Any, TypeVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList
from textual.widgets.option_list import Option

from tui.app import failures
from tui.app.widgets.keys import Keys
from tui.shared.formatting import clean, wrapped

DIGITS = "123456789"

Answer = TypeVar("Answer")


class Sentence(Widget):
    """The text of a box, without markup: long paths are broken behind slashes, words never."""

    def __init__(self, text: str, *, classes: str = "") -> None:
        super().__init__(classes=classes)
        self.text = clean(text, keep="\n")

    def lines(self, width: int) -> list[str]:
        return [one for line in self.text.split("\n") for one in wrapped(line, width)]

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        return max(map(cell_len, self.text.split("\n")))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return len(self.lines(width))

    def render(self) -> Content:
        return Content("\n".join(self.lines(self.content_size.width)))


class Question(ModalScreen[Answer]):
    """A box in the middle; Escape leaves it without an answer."""

    CSS_PATH = "questions.tcss"
    BINDINGS = [Binding("escape", "leave", "Leave")]  # noqa: RUF012

    async def _dispatch_message(self, message: Message) -> None:
        await failures.handle_safely(super()._dispatch_message(message), message, self.app)

    def action_leave(self) -> None:
        self.dismiss(None)


class Confirm(Question[bool]):
    """Yes or no; Enter alone says no."""

    BINDINGS = [  # noqa: RUF012
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Sentence(self._question)
            with Horizontal(classes="buttons"):
                yield Button(Content(f"{self._yes} (y)"), id="yes", variant="error", compact=True)
                yield Button(Content("No (n)"), id="no", compact=True)
        yield Keys()

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    @on(Button.Pressed)
    def answer(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


def numbered(choices: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Choices for `Pick`, (answer, text), with digits as keys as far as there are any."""
    return [(answer, DIGITS[place : place + 1], text) for place, (answer, text) in enumerate(choices)]


class Pick(Question[str]):
    """One of several: (answer, key or "", text)."""

    BINDINGS = [Binding("j", "move(1)", "Down", show=False), Binding("k", "move(-1)", "Up", show=False)]  # noqa: RUF012

    def __init__(self, title: str, choices: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self._title, self._choices = title, choices

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Sentence(self._title, classes="title")
            yield OptionList(
                *(Option(Content(f"{key}  {text}" if key else text), id=answer) for answer, key, text in self._choices),
                compact=True,
            )
        yield Keys()

    def on_key(self, event: events.Key) -> None:
        for answer, key, _ in self._choices:
            if key and event.character == key and self.is_active:
                event.stop()
                self.dismiss(answer)

    def action_move(self, steps: int) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if steps > 0 else options.action_cursor_up()

    @on(OptionList.OptionSelected)
    def answer(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)


class AskText(Question[str]):
    """One line of text."""

    def __init__(self, title: str, hint: str = "", text: str = "") -> None:
        super().__init__()
        self._title, self._hint, self._text = title, hint, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Sentence(self._title, classes="title")
            yield Input(self._text, placeholder=self._hint, compact=True)
        yield Keys()

    def action_leave(self) -> None:
        leave(self, typed=self.query_one(Input).value not in ("", self._text))

    @on(Input.Submitted)
    def answer(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


def leave(screen: Screen[Any], *, typed: bool) -> None:
    """Dismiss a screen with None, after asking if typed text would be lost."""

    def answered(agreed: bool | None) -> None:
        if agreed:
            screen.dismiss(None)

    if typed:
        screen.app.push_screen(Confirm("What you typed will be lost. Leave anyway?", "Leave"), answered)
    else:
        screen.dismiss(None)
