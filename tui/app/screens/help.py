"""All keys that do something here: search them, run them."""

from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from tui.app.screens.questions import Question
from tui.app.widgets.keys import Keys

Known = tuple[str, str, str, bool]  # key, how it is written, what it does, whether it can now


def known_keys(screen: Screen[object]) -> list[Known]:
    """The keys that work on a screen: those of the widget with the focus first, one line an action."""
    found: dict[str, Known] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.description and not binding.system:
            name = f"{type(active.node).__name__} {binding.action}"
            written = screen.app.get_key_display(binding)
            if name in found:
                key, others, told, enabled = found[name]
                found[name] = (key, f"{others} {written}", told, enabled)
            else:
                found[name] = (binding.key, written, _words(active), active.enabled)
    return list(found.values())


def _words(active: ActiveBinding) -> str:
    binding = active.binding
    return f"{binding.description}: {binding.tooltip}" if binding.tooltip else binding.description


class HelpScreen(Question[str]):
    """Answers with the key to press."""

    BINDINGS = [  # noqa: RUF012
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
    ]

    def __init__(self, keys: list[Known], here: str) -> None:
        super().__init__()
        self._keys, self._here = keys, here

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Label(self._here, classes="title", markup=False)
            yield Input(placeholder="search; Enter runs the line", compact=True)
            yield OptionList(compact=True)
        yield Keys()

    def on_mount(self) -> None:
        self._draw("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def search(self, event: Input.Changed) -> None:
        self._draw(event.value)

    def _draw(self, text: str) -> None:
        options = self.query_one(OptionList)
        words = text.lower().split()
        options.clear_options()
        for key, written, told, enabled in self._keys:
            if all(word in f"{written} {told}".lower() for word in words):
                line = f"{written:14} {told}"
                options.add_option(Option(Content(line) if enabled else Content.styled(line, "dim"), id=key))
        options.highlighted = 0 if options.option_count else None

    def action_move(self, steps: int) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if steps > 0 else options.action_cursor_up()

    def action_page(self, steps: int) -> None:
        options = self.query_one(OptionList)
        options.action_page_down() if steps > 0 else options.action_page_up()  # type: ignore[no-untyped-call]

    @on(Input.Submitted)
    def run(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)

    @on(OptionList.OptionSelected)
    def run_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)
