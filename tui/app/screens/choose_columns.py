"""Which columns a table shows, and in which order."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from tui.app.screens.questions import Question
from tui.app.widgets.keys import Keys
from tui.shared.text_table import cut

MEANING = 35  # columns for what a column means


class ColumnsScreen(Question[list[str]]):
    """Columns shown stand first, in their order. Answers with their names; an empty list is our choice."""

    BINDINGS = [  # noqa: RUF012
        Binding("space", "show_or_hide", "Show or hide"),
        Binding("<,K", "shift(-1)", "Earlier"),
        Binding(">,J", "shift(1)", "Later"),
        Binding("s", "accept", "Take", tooltip="Show these columns"),
        Binding("R", "dismiss([])", "Our choice", tooltip="The default columns"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
    ]

    def __init__(self, shown: Sequence[str], known: Sequence[tuple[str, str]]) -> None:
        """`known` are names with what they mean."""
        super().__init__()
        self._shown = list(shown)
        self._meaning = dict(known)
        self._order = [*shown, *(name for name, _ in known if name not in shown)]

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Label("Columns (Enter or Space shows or hides one, s applies)", classes="title", markup=False)
            yield OptionList(compact=True)
        yield Keys()

    def on_mount(self) -> None:
        self._draw(0)

    def _draw(self, place: int) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(Content(self._option_text(name)), id=name) for name in self._order)
        options.highlighted = place

    def _option_text(self, name: str) -> str:
        return f"{'[x]' if name in self._shown else '[ ]'} {name:20} {cut(self._meaning.get(name, ''), MEANING)}"

    def on_option_list_option_selected(self) -> None:
        self.action_show_or_hide()

    def action_move(self, steps: int) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if steps > 0 else options.action_cursor_up()

    def action_show_or_hide(self) -> None:
        place = self.query_one(OptionList).highlighted or 0
        name = self._order[place]
        if name not in self._shown:
            self._shown.append(name)
        elif len(self._shown) > 1:
            self._shown.remove(name)
        else:
            self.notify("A table needs at least one column.", severity="warning")
        self._draw(place)

    def action_shift(self, steps: int) -> None:
        place = self.query_one(OptionList).highlighted or 0
        other = place + steps
        if 0 <= other < len(self._order):
            self._order[place], self._order[other] = self._order[other], self._order[place]
            self._draw(other)

    def action_accept(self) -> None:
        self.dismiss([name for name in self._order if name in self._shown])
