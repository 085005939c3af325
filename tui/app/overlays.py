"""Overlays for every screen: the list of its keys, and letters over all jump targets."""

from textual.app import App

from tui.app import jump_targets
from tui.app.jump_targets import Jump
from tui.app.screens.help import HelpScreen, known_keys
from tui.app.screens.jump import JumpScreen


def show_help(app: App[object]) -> None:
    """List the keys that work here; the one that is chosen is pressed."""
    focused = app.focused
    here = (getattr(focused, "HELP", None) if focused else None) or "Keys"

    def press(key: str | None) -> None:
        if key is not None:
            app.simulate_key(key)

    app.push_screen(HelpScreen(known_keys(app.screen), here), press)


def show_letters(app: App[object]) -> None:
    """Put letters over all jump targets; typing one jumps there."""

    def go(jump: Jump | None) -> None:
        if jump is not None:
            jump.action()

    app.push_screen(JumpScreen(jump_targets.jumps_on(app.screen)), go)
