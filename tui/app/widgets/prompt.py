"""The line where filters and commands are typed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Label

from tui.shared.formatting import clean


class Words(Suggester):
    """Completes the last word typed from those that may stand there."""

    def __init__(self, words: Callable[[str], Sequence[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        before, _, last = value.rpartition(" ")
        if not last:
            return None
        start = f"{before} " if before else ""
        return next((start + word for word in self._words(value) if word.startswith(last) and word != last), None)


class PromptInput(Input):
    """Where it is typed; its Enter is shown among the keys."""

    BINDINGS = [Binding("enter", "submit", "Apply")]  # noqa: RUF012


class Prompt(Horizontal):
    """Hidden until it is opened; says what was typed, what was given, or that it was left."""

    DEFAULT_CSS = """
    Prompt {
        height: auto; max-height: 3; background: $surface; display: none;
        Label { width: auto; color: $text-accent; text-style: bold; padding: 0 0 0 1; }
        Input { width: 1fr; background: $surface; }
        #refusal { color: $text-error; text-style: none; max-width: 60%; height: auto; padding: 0 1; }
    }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("escape", "leave", "Discard"),
        Binding("up", "recall(-1)", "Earlier", show=False),
        Binding("down", "recall(1)", "Later", show=False),
    ]
    HELP = "Enter applies the line, Escape discards it, Up brings back earlier lines."

    @dataclass
    class Typed(Message):
        """The text is another one, not given yet."""

        sign: str
        text: str

    @dataclass
    class Submitted(Message):
        """Enter was pressed."""

        sign: str
        text: str

    @dataclass
    class Left(Message):
        """Escape was pressed."""

        sign: str

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.sign = ""
        self._earlier: list[str] = []
        self._place = 0

    def compose(self) -> ComposeResult:
        yield Label("", id="sign", markup=False)
        yield PromptInput(compact=True)
        yield Label("", id="refusal", markup=False)

    @property
    def open(self) -> bool:
        return bool(self.display)

    def ask(self, sign: str, text: str, words: Callable[[str], Sequence[str]], earlier: Sequence[str]) -> None:
        """Open with a text; `earlier` ones come back by the arrow up."""
        self.sign = sign
        self._earlier = [*earlier, text]
        self._place = len(earlier)
        self.refuse("")
        self.query_one("#sign", Label).update(sign)
        field = self.query_one(Input)
        field.suggester = Words(words)
        with self.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        self.display = True
        field.focus()

    def close(self) -> None:
        self.display = False

    def refuse(self, why: str) -> None:
        """Say beside the text what is wrong with it."""
        self.query_one("#refusal", Label).update(clean(why))

    @on(Input.Changed)
    def tell_typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self.sign, event.value))

    @on(Input.Submitted)
    def tell_given(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(self.sign, event.value))

    def action_leave(self) -> None:
        self.post_message(self.Left(self.sign))

    def action_recall(self, steps: int) -> None:
        self._place = min(max(self._place + steps, 0), len(self._earlier) - 1)
        field = self.query_one(Input)
        field.value = self._earlier[self._place]
        field.cursor_position = len(field.value)
