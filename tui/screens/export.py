"""Where to write the table, and how much of it."""

from dataclasses import dataclass
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Checkbox, Input, Label

from tui.screens.asking import Question
from tui.widgets.keys import Keys

SUFFIXES = (".csv", ".json")


@dataclass(frozen=True)
class Export:
    """A file ending in .csv or .json; `whole`: every row and column, not those shown."""

    file: Path
    whole: bool


class ExportScreen(Question[Export]):
    """Answers with what to write; the rows shown or all of them."""

    BINDINGS = [Binding("ctrl+s", "accept", "Write")]  # noqa: RUF012

    def __init__(self, kind: str, rows: str) -> None:
        super().__init__()
        self._kind, self._rows = kind, rows

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Label(f"Export {self._kind}", classes="title")
            yield Label("File, ending in .csv or .json:")
            yield Input(f"{self._kind}.csv", compact=True)
            yield Checkbox(
                Content(f"every row and column, not the {self._rows} rows and the columns shown"), compact=True
            )
            with Horizontal(classes="buttons"):
                yield Button("Write", id="write", variant="primary", compact=True)
                yield Button("Leave", id="leave", compact=True)
        yield Keys()

    @on(Input.Submitted)
    def action_accept(self) -> None:
        file = Path(self.query_one(Input).value.strip()).expanduser()
        if file.suffix not in SUFFIXES:
            self.notify(f"End the file's name with .csv or .json: {file} tells no format.", markup=False)
            return
        self.dismiss(Export(file.absolute(), self.query_one(Checkbox).value))

    @on(Button.Pressed)
    def choose(self, event: Button.Pressed) -> None:
        self.action_accept() if event.button.id == "write" else self.dismiss(None)
