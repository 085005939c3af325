"""Options as rows of a form: name, value, help; what is left empty keeps its default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Select, Static

from core.specs.options import Option, text_of
from tui.shared.formatting import clean

NAMES = {"network": "fcn:245x10", "data": "mnist"}


class ChoiceField(Select[str], inherit_bindings=False):
    """A field to choose in; the arrows lead on to other fields until its list is open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "show_overlay", "List", key_display="enter")]


class OptionRow(Horizontal):
    """One option: its name, a field, its help."""

    DEFAULT_CSS = """
    OptionRow { height: 1; }
    OptionRow > .name { width: 14; padding: 0 1; }
    OptionRow > .help { width: 1fr; padding: 0 1; color: $foreground-muted; }
    OptionRow > Static { text-wrap: nowrap; text-overflow: ellipsis; }
    OptionRow > Input, OptionRow > Select { width: 22; }
    OptionRow.-here > .name { text-style: bold reverse; }
    """

    def __init__(self, option: Option, text: str = "", *, kept: str | None = None, known: Sequence[str] = ()) -> None:
        """`text` is filled in; `kept` is what an empty field means (None: the default); `known` are completed."""
        super().__init__()
        self.option, self.text, self.known = option, text, known
        self.empty = kept if kept is not None else _default(option)

    def compose(self) -> ComposeResult:
        yield Static(self.option.name, classes="name", markup=False)
        if self.option.choices:
            chosen = self.text if self.text in self.option.choices else Select.NULL
            yield ChoiceField(
                [(one, one) for one in self.option.choices],
                prompt=self.empty,
                value=chosen,
                allow_blank=not self.option.required,
                compact=True,
            )
        else:
            suggester = SuggestFromList(self.known) if self.known else None
            yield Input(clean(self.text), placeholder=clean(self.empty), compact=True, suggester=suggester)
        yield Static(self.option.help or self.option.allowed, classes="help", markup=False)

    def on_descendant_focus(self) -> None:
        self.add_class("-here")

    def on_descendant_blur(self) -> None:
        self.remove_class("-here")

    @property
    def value(self) -> str:
        """The text in the field, "" where it is empty."""
        field = self.query("Input, Select").first()
        if isinstance(field, Input):
            return field.value.strip()
        return str(field.value) if isinstance(field, Select) and field.value is not Select.NULL else ""


def _default(option: Option) -> str:
    if option.required:
        return f"such as {NAMES[option.name]}" if option.name in NAMES else "needed"
    if option.default is None:
        return "default" if option.choices else ""
    return text_of(option.default)


def option_explanation(option: Option) -> str:
    """An option's help, what it allows and its default, in one line."""
    default = "" if option.default is None or option.required else f"; default {text_of(option.default)}"
    return f"{option.name}: {option.help or '?'}; {option.allowed}{default}"


class Form(Vertical):
    """Rows of options; says when a text changed, and which option is being looked at."""

    DEFAULT_CSS = "Form { height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Some text changed."""

        form: "Form"
        name: str

    @dataclass
    class Entered(Message):
        """An option's field got the focus."""

        option: Option

    def __init__(self, rows: Sequence[OptionRow] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(*rows, id=id)

    @property
    def texts(self) -> dict[str, str]:
        """What was filled in, by option."""
        return {row.option.name: row.value for row in self.query(OptionRow) if row.value}

    async def fill(self, rows: Sequence[OptionRow]) -> None:
        """Ask for other options."""
        await self.remove_children()
        await self.mount(*rows)

    @on(Input.Changed)
    @on(Select.Changed)
    def change(self, event: Input.Changed | Select.Changed) -> None:
        event.stop()
        row = event.control.parent
        if isinstance(row, OptionRow):
            self.post_message(self.Changed(self, row.option.name))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        row = event.widget.parent
        if isinstance(row, OptionRow):
            self.post_message(self.Entered(row.option))


def rows_of(options: Sequence[Option], texts: Mapping[str, str], known: Mapping[str, Sequence[str]]) -> list[OptionRow]:
    """Rows with what is known of their values; `known` are completed."""
    return [OptionRow(one, texts.get(one.name, ""), known=known.get(one.name, ())) for one in options]
