"""The question where to write the table, and how much of it."""

from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Label

from core.errors import UsageError
from core.files import from_home
from tui.app.screens.questions import Question
from tui.app.widgets.keys import Keys

SUFFIXES = (".csv", ".json")


@dataclass(frozen=True)
class Export:
    """A file ending in .csv or .json; `whole`: every row and column, not those shown."""

    file: Path
    whole: bool


class ExportScreen(Question[Export]):
    """Answers with what to write; the rows shown or all of them."""

    def __init__(self, kind: str, rows: str) -> None:
        super().__init__()
        self._kind, self._rows = kind, rows

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Label(f"Export {self._kind} to a .csv or .json file", classes="title")
            yield Input(str(unused(Path(f"{self._kind}.csv"))), compact=True)
            with Horizontal(classes="buttons"):
                yield Button(f"As shown: {self._rows} rows", id="shown", variant="primary", compact=True)
                yield Button("Every row and column", id="whole", compact=True)
        yield Keys()

    @on(Input.Submitted)
    def answer_shown(self) -> None:
        self._answer(whole=False)

    @on(Button.Pressed)
    def answer(self, event: Button.Pressed) -> None:
        self._answer(whole=event.button.id == "whole")

    def _answer(self, *, whole: bool) -> None:
        try:
            file = from_home(self.query_one(Input).value.strip())
        except UsageError as error:
            self.notify(str(error), markup=False)
            return
        if file.suffix not in SUFFIXES:
            self.notify(f"{file}: unknown format. End the file name in .csv or .json.", markup=False)
        else:
            self.dismiss(Export(file.absolute(), whole))


def unused(file: Path) -> Path:
    """The file, with a number if there is one of its name: runs.csv, runs-2.csv."""
    numbered = (file.with_stem(f"{file.stem}-{number}") for number in count(2))
    return next(one for one in chain([file], numbered) if not one.exists())
