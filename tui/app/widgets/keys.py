"""Lines of keys to be clicked: what can be done here, and the views there are."""

from collections.abc import Iterator
from functools import partial
from itertools import accumulate

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Offset
from textual.reactive import reactive
from textual.widget import Widget

from tui.app.jump_targets import Jump
from tui.shared.formatting import GAP, clean, shortened

ALWAYS = ("help", "quit")  # actions that are shown however narrow it is
LEAST_OF_PATH = 12  # cells: with less room than this the catalogue isn't named
KIND_KEYS = {"runs": "1", "models": "2", "paths": "3", "bounds": "4"}


class ClickLine(Widget):
    """One line of pieces; a click on a piece is the press of its key."""

    DEFAULT_CSS = """
    ClickLine {
        height: 1; pointer: pointer;
        & > .line--key { color: $footer-key-foreground; text-style: bold; }
        & > .line--dim { color: $text-disabled; }
        & > .line--here { color: $primary; text-style: bold underline; }
        & > .line--note { color: $text-warning; text-style: bold; }
    }
    """
    COMPONENT_CLASSES = {"line--key", "line--dim", "line--here", "line--note"}  # noqa: RUF012

    def pieces(self) -> list[tuple[Content, str]]:
        """Texts with their keys."""
        raise NotImplementedError

    def render(self) -> Content:
        return Content("").join(content for content, _ in self.pieces())

    def placed(self) -> Iterator[tuple[int, int, str]]:
        """Where each piece begins and ends, and its key."""
        left = 0
        for content, key in self.pieces():
            yield left, left + content.cell_length, key
            left += content.cell_length

    def on_click(self, event: events.Click) -> None:
        for left, right, key in self.placed():
            if left <= event.x < right:
                self.app.simulate_key(key)

    def styled(self, text: str, name: str = "") -> Content:
        return Content.styled(text, self.get_visual_style(f"line--{name}", partial=True) if name else "")


class Keys(ClickLine):
    """The keys that matter here, as many as fit; those that can't be now are dim, and say why when pressed."""

    DEFAULT_CSS = "Keys { background: $footer-background; color: $footer-description-foreground; }"

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def pieces(self) -> list[tuple[Content, str]]:
        shown: dict[str, tuple[Content, str]] = {}
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and not binding.system and binding.description and binding.action not in shown:
                shown[binding.action] = (self._piece(binding, enabled), binding.key)
        last = [shown.pop(action) for action in ALWAYS if action in shown]
        others = list(shown.values())
        room = self.size.width - sum(content.cell_length for content, _ in last)
        if sum(content.cell_length for content, _ in others) > room:
            more = self.styled("… ", "dim")
            others = _fitting(others, room - more.cell_length)
            last.insert(0, (more, last[0][1] if last else ""))
        return [*others, *last]

    def _piece(self, binding: Binding, enabled: bool) -> Content:
        key = self.app.get_key_display(binding)
        if not enabled:
            return self.styled(f"{key} {binding.description}  ", "dim")
        return Content.assemble(self.styled(key, "key"), f" {binding.description}  ")


def _fitting(pieces: list[tuple[Content, str]], room: int) -> list[tuple[Content, str]]:
    """The first of them, as many as there is room for."""
    ends = accumulate(content.cell_length for content, _ in pieces)
    return [piece for piece, end in zip(pieces, ends, strict=True) if end <= room]


class Views(ClickLine):
    """The views, which one is open, of which catalogue, its filter, and how many rows it has."""

    DEFAULT_CSS = "Views { background: $panel; }"

    def __init__(self, catalogue: str) -> None:
        """`catalogue`: where it is, or nothing where that need not be said."""
        super().__init__()
        self._catalogue = clean(catalogue)

    kind = reactive("runs")
    where = reactive("")
    count = reactive("")
    marked = reactive(0)

    def jumps(self) -> Iterator[Jump]:
        for left, _, key in self.placed():
            yield Jump(Offset(self.region.x + left, self.region.y), partial(self.app.simulate_key, key))

    def pieces(self) -> list[tuple[Content, str]]:
        tabs = [
            (self.styled(f" {key} {kind.capitalize()} ", "here" if kind == self.kind else ""), key)
            for kind, key in KIND_KEYS.items()
        ]
        room = self.size.width - sum(content.cell_length for content, _ in tabs)
        where = f" /{clean(self.where)}" if self.where else ""
        marked = f", {self.marked:,} marked" if self.marked else ""
        side = self.styled(where, "note") + Content(f" {self.count}{marked} ")
        left = max(room - side.cell_length, 0)
        named = f"  {shortened(self._catalogue, left - len(GAP))}" if left > LEAST_OF_PATH else ""
        gap = self.styled(named, "dim") + Content(" " * (left - cell_len(named)))
        bound = self.screen.active_bindings.items()
        filter_key = next((key for key, active in bound if active.binding.action == "filter"), "")
        return [*tabs, (gap + side.truncate(max(room, 0), ellipsis=True), filter_key)]
