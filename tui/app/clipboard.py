"""Copying to the clipboard of the terminal in front of the person, also over ssh: OSC 52, and a file beside it."""

import os
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_state_path

from core.files import write_whole

LONGEST = 74_000  # bytes of text: terminals refuse sequences of more than 100,000
KNOWN = ("kitty", "ghostty", "WezTerm", "iTerm.app", "alacritty", "foot", "contour")  # take OSC 52 as they come


def sequence(text: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The escape sequence that asks the terminal to copy; None where the text is too long for it."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) > LONGEST:
        return None
    plain = f"\x1b]52;c;{b64encode(encoded).decode()}\a"
    if "TMUX" not in environment:
        return plain
    # tmux takes the plain one under `set-clipboard on` and hands the wrapped one on under `allow-passthrough on`
    return plain + "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def keep_in_file(text: str) -> Path:
    """Keep the text in a file too, for terminals that ignore the sequence. Raises OSError."""
    file = user_state_path("thalweg", appauthor=False, ensure_exists=True) / "copied.txt"
    write_whole(file, lambda draft: _write(draft, text))
    return file


def is_reliable(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is known to support copying."""
    names = (environment.get("TERM_PROGRAM", ""), environment.get("TERM", ""))
    return "TMUX" not in environment and any(known in name for known in KNOWN for name in names)


def copy_message(text: str, sequence: str | None, file: Path, environment: Mapping[str, str] = os.environ) -> str:
    """What to say about a text that was copied and kept."""
    if sequence is None:
        return f"Too long for a terminal's clipboard; the text is in {file}."
    size = f"{len(text)} characters"
    if is_reliable(environment):
        return f"Copied {size}."
    return f"Sent {size} to the terminal's clipboard; if it isn't there, the text is in {file}."


def _write(draft: Path, text: str) -> None:
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8", errors="backslashreplace")
