"""The status line: how many runs are in which state, whether an agent works on them, the machine's memory."""

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.shared.formatting import FOUND, clean, state_symbol

TOLD = ("running", "queued", *FOUND, "failed", "stale")


@dataclass(frozen=True)
class MachineStatus:
    """What is known of the machine: its agent (see `Client.agent`), devices, and its memory in bytes."""

    agent: str
    devices: tuple[str, ...]
    used: int
    total: int


class MachineLine(Widget):
    """Updated by its screen; draws only."""

    DEFAULT_CSS = """
    MachineLine {
        height: 1; background: $panel; color: $text-muted;
        & > .machine--running { color: $text-primary; text-style: bold; }
        & > .machine--failed { color: $text-error; text-style: bold; }
        & > .machine--finding { color: $text-accent; }
        & > .machine--stale { color: $text-warning; text-style: bold; }
        & > .machine--agent { color: $text-success; }
    }
    """
    COMPONENT_CLASSES = {  # noqa: RUF012
        "machine--running",
        "machine--failed",
        "machine--finding",
        "machine--stale",
        "machine--agent",
    }

    counts: reactive[dict[str, int] | None] = reactive(None)
    machine: reactive[MachineStatus | None] = reactive(None)

    def render(self) -> Content:
        if self.counts is None:
            return Content(" opening the catalogue…")
        return Content("   ").join([*self._states(self.counts), *self._host()]).truncate(self.size.width, ellipsis=True)

    def _states(self, counts: dict[str, int]) -> list[Content]:
        parts = []
        for name in TOLD:
            number = counts.get(name, 0)
            if number or name in ("running", "queued"):
                symbol, word = state_symbol(name, self.app.console.encoding).split(" ", 1)
                style = "finding" if name in FOUND else name
                parts.append(self._styled(f"{symbol} {number} {word}", style if number else ""))
        return [Content(" ") + parts[0], *parts[1:]]

    def _host(self) -> list[Content]:
        if self.machine is None:
            return []
        agent = self._agent(self.machine.agent)
        gigabytes = f"memory {self.machine.used / 2**30:.1f} of {self.machine.total / 2**30:.0f} GB"
        return [agent, Content(", ".join(self.machine.devices)), Content(gigabytes)]

    def _agent(self, state: str) -> Content:
        if state == "works":
            return self._styled("agent works", "agent")
        return Content("no agent") if state == "none" else self._styled(clean(state), "stale")

    def _styled(self, text: str, name: str) -> Content:
        known = f"machine--{name}" in self.COMPONENT_CLASSES
        return Content.styled(text, self.get_visual_style(f"machine--{name}", partial=True) if known else "")
