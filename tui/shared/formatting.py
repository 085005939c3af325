"""Values as people read them: numbers, times, and texts from the catalogue made harmless."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.cells import cell_len, chop_cells

from core.errors import FINDINGS

NOTHING = "-"
GAP = "   "
WIDEST = 2  # cells that a letter takes
# Reorders what stands around it: a name must not disguise itself.
BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
CONTROL = ("Cc", "Cs", "Zl", "Zp")
FOUND = (*FINDINGS.values(), "finding")  # what runs are called that failed with a finding
SYMBOLS = {"queued": "·", "running": "▸", "done": "✓", "failed": "✗", "stale": "?", "cancelled": "-"}
SYMBOLS |= dict.fromkeys(FOUND, "○")
PLAIN_SYMBOLS = {"queued": ".", "running": ">", "done": "+", "failed": "x", "stale": "?", "cancelled": "-"}
PLAIN_SYMBOLS |= dict.fromkeys(FOUND, "o")
COLOURS = {"running": "blue", "done": "green", "failed": "red", "stale": "yellow", "cancelled": "dim"}
COLOURS |= dict.fromkeys(FOUND, "cyan")
SUMMED = ("queued", "running", "stale", "done", *FOUND, "failed", "cancelled")  # the order in which runs are counted


def clean(text: str, keep: str = "") -> str:
    """The text with control characters shown as \\x1b instead of being sent to the terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter in keep or not _harmful(letter) else _shown(letter) for letter in text)


def stripped(text: str) -> str:
    """The text without control characters, as wide as before: they take no cell, but for halves of letters."""
    return "".join("?" if "\ud800" <= one <= "\udfff" else "" if _harmful(one) else one for one in text)


def _harmful(letter: str) -> bool:
    return letter in BIDIRECTIONAL or unicodedata.category(letter) in CONTROL


def _shown(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode()


def value(given: object) -> str:
    """Any value of the catalogue, for a table."""
    match given:
        case None:
            return NOTHING
        case bool():
            return "yes" if given else "no"
        case float():
            return number(given)
        case datetime():
            return ago(given)
        case list() | tuple():
            return ", ".join(value(one) for one in given) or NOTHING
        case _:
            return clean(str(given))


def number(given: float | None) -> str:
    """Four figures: 0.01234, 1.2e-07, 1234."""
    if given is None or math.isnan(given):
        return NOTHING
    return f"{given:.4g}"


def percent(given: float | None) -> str:
    return NOTHING if given is None or not math.isfinite(given) else f"{given:.0%}"


def shortened(path: str, width: int) -> str:
    """The end of a path in this many cells: …/runs/c.db."""
    if cell_len(path) <= width:
        return path
    end = path
    while cell_len(end) > width - 1:
        end = end[1:]
    return f"…{end}"


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most this many cells, broken at blanks; longer words behind their slashes, only then anywhere."""
    lines, width = [""], max(width, WIDEST)
    for word in re.findall(r"\s+|\S+", text):
        pieces = [word] if cell_len(word) <= width else re.findall(r"[^/]*/|[^/]+", word)
        for piece in (part for one in pieces for part in chop_cells(one, width)):
            if cell_len(lines[-1]) + cell_len(piece) > width:
                lines.append("")
            lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines if line.strip()] or [""]


def flowed(parts: Sequence[str], width: int) -> str:
    """The parts with gaps between them, each whole on its line where it fits into `width` cells."""
    lines = [""]
    for part in parts:
        if lines[-1] and cell_len(lines[-1]) + len(GAP) + cell_len(part) > width:
            lines.append("")
        lines[-1] += f"{GAP if lines[-1] else ''}{part}"
    return "\n".join(lines)


def duration(seconds: float | None) -> str:
    """0.12 s, 12 s, 3 min 20 s, 2 h 05 min, 3 d 4 h."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def ago(moment: datetime) -> str:
    """How long ago: just now, 5 min ago, 3 h ago, 2 d ago; then the date (UTC)."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if seconds < -60 or seconds >= 30 * 86400:
        return moment.astimezone(UTC).strftime("%Y-%m-%d")
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    return f"{seconds // 3600:.0f} h ago" if seconds < 86400 else f"{seconds // 86400:.0f} d ago"


def run_state_word(run_state: str, outcome: str | None, cause_kind: str | None) -> str:
    """A run's state in a word; of a finding what it found: not connected."""
    return FINDINGS.get(str(cause_kind), FOUND[-1]) if outcome == "finding" else run_state


def count_words(counts: Mapping[str, int], findings: Mapping[str, int]) -> dict[str, int]:
    """Runs counted by what they are called, from those by state and the findings among them by kind of cause."""
    found = Counter({run_state_word("failed", "finding", kind): count for kind, count in findings.items()})
    return {**counts, "failed": counts.get("failed", 0) - found.total(), **found}


def counts_text(counts: Mapping[str, int]) -> str:
    """Runs counted by what they are called, in words: 2 not connected, 1 failed."""
    return ", ".join(f"{counts[name]} {name}" for name in SUMMED if counts.get(name))


def state_symbol(name: str, encoding: str | None) -> str:
    """A run's state, or what it is called instead, by symbol and word."""
    symbols = SYMBOLS if (encoding or "").lower().startswith("utf") else PLAIN_SYMBOLS
    return f"{symbols.get(name, '?')} {clean(name)}"


def named(kind: str, ids: Sequence[int]) -> str:
    """ "run 3", "runs 3, 4 and 5", "120 runs"."""
    if len(ids) == 1:
        return f"{kind.removesuffix('s')} {ids[0]}"
    if len(ids) > 8:
        return f"{len(ids):,} {kind}"
    return f"{kind} {', '.join(map(str, ids[:-1]))} and {ids[-1]}"
