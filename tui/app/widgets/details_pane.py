"""The pane beside the table: what `tui.shared.details` found, with links to click."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from tui.shared.formatting import FOUND, state_symbol

if TYPE_CHECKING:
    from tui.shared.details import Details, Link

NAME = 23  # columns for the names of facts, at most


class DetailsPane(VerticalScroll):
    """Everything about the row under the cursor; scrolls when it has the focus."""

    DEFAULT_CSS = """
    DetailsPane {
        display: none; background: $surface; padding: 0 1; scrollbar-size: 1 1;
        scrollbar-background: $surface; scrollbar-color: $panel;
        &:focus { background-tint: $foreground 4%; }
        & > .pane--title { text-style: bold; }
        & > .pane--name { color: $text-muted; }
        & > .pane--head { color: $text-accent; text-style: bold; }
        & > .pane--link { color: $text-primary; text-style: underline; }
        & > .pane--failed { color: $text-error; }
        & > .pane--finding { color: $text-accent; }
        & > .pane--log { color: $text-muted; }
    }
    """
    COMPONENT_CLASSES = {  # noqa: RUF012
        "pane--title",
        "pane--name",
        "pane--head",
        "pane--link",
        "pane--failed",
        "pane--finding",
        "pane--log",
    }
    BINDINGS = [  # noqa: RUF012
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "Top", show=False),
        Binding("G", "scroll_end", "Bottom", show=False),
    ]
    HELP = "Everything about the row under the cursor. Links can be clicked; o lists them."

    def __init__(self) -> None:
        super().__init__(id="pane")
        self.details: Details | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="told", markup=False)
        yield Static(id="facts")
        yield Static(id="last", markup=False)

    def show(self, details: "Details | None") -> None:
        """Tell of this row; of another row from the top."""
        another = details is None or self.details is None or details.row_id != self.details.row_id
        if details == self.details:
            return
        self.details = details
        self.query_one("#told", Static).update("" if details is None else self._details_content(details))
        self.query_one("#facts", Static).update("" if details is None else self._facts(details.facts))
        self.query_one("#last", Static).update("" if details is None else self._environment_and_log(details))
        if another:
            self.scroll_home(animate=False)

    def _details_content(self, details: "Details") -> Content:
        lines = [self._styled(details.title, "title")]
        whose = "" if details.kind == "runs" else "its run: "  # a run that failed may have left something
        lines.append(Content(whose + state_symbol(details.state, self.app.console.encoding)))
        if details.cause:
            lines += [self._styled(details.cause, "finding" if details.state in FOUND else "failed")]
        if details.links:
            lines += [self._head("related"), *(self._link(link) for link in details.links)]
        if details.spec:
            lines += [self._head("asked for"), Content(details.spec)]
        return Content("\n").join([*lines, self._head("facts")])

    def _facts(self, facts: tuple[tuple[str, str], ...]) -> Table:
        """Names beside values; either may take several lines."""
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(style=self.get_component_rich_style("pane--name"), max_width=NAME)
        table.add_column(ratio=1, overflow="fold")
        for name, text in facts:
            table.add_row(Text(name), Text(text))
        return table

    def _environment_and_log(self, details: "Details") -> Content:
        """What is looked at last: where it ran, and the end of its log, which may be a traceback."""
        lines = [self._head("environment"), Content(details.environment)] if details.environment else []
        if details.log:
            lines += [self._head("last lines of its log"), *(self._styled(line, "log") for line in details.log)]
        return Content("\n").join(lines)

    def _head(self, text: str) -> Content:
        return Content("\n") + self._styled(text, "head")

    def _link(self, link: "Link") -> Content:
        jump = Style.from_meta({"@click": f"screen.go('{link.kind}', {link.row_id:d})"})
        style = self.get_visual_style("pane--link", partial=True) + jump
        return Content(f"{link.relation} ") + Content.styled(str(link.row_id), style)

    def _styled(self, text: str, name: str) -> Content:
        return Content.styled(text, self.get_visual_style(f"pane--{name}", partial=True))
