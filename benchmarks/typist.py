"""Somebody who types at the catalogue's table, knows where each key has to lead, and sees when it has led there."""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.terminal import Terminal

PACE = 20.0  # keys a second
FIRST_ROW = 2
DOWN, UP = "\x06", "\x02"  # a page
SCRIPT = f"jjjjjjj{DOWN}jjjjkkk{DOWN}{DOWN}jjj{UP}kkkksjjjjj{DOWN}jjjj2jjjjj{DOWN}jjj1jjjs{DOWN}jjjjGkkkkkk{UP}kkkgjj"
ABSOLUTE = "sgG"  # they lead to one place from anywhere, so what was missed before them has to be noticed first
LOST = 3.0  # s after which a key had no effect
ROW = re.compile(r"[● ][★ ] +(\d+) +[^ …]")  # a row that was read


@dataclass
class Hand:
    """Where the cursor has to be: the ids of each view, its order turned round by `s`."""

    ids: dict[str, Sequence[int]]
    page: int
    view: str = "1"
    at: dict[str, int] = field(default_factory=dict)

    def after(self, key: str) -> int:
        """The id under the cursor once this key was pressed."""
        if key in self.ids:
            self.view = key
        elif key == "s":
            self.ids[self.view] = self.ids[self.view][::-1]
        ids, before = self.ids[self.view], self.at.get(self.view, 0)
        places = {"j": before + 1, "k": before - 1, DOWN: before + self.page, UP: before - self.page}
        places |= {"s": 0, "g": 0, "G": len(ids) - 1}
        self.at[self.view] = min(max(places.get(key, before), 0), len(ids) - 1)
        return ids[self.at[self.view]]


@dataclass
class Typed:
    """How many keys were typed and when, and the seconds until each that had its effect had it."""

    begun: float = field(default_factory=time.perf_counter)
    ended: float = 0.0
    sent: int = 0
    seconds: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


@dataclass
class Typist:
    """Types the script over and over; goes on where the last call ended."""

    terminal: Terminal
    hand: Hand
    _awaited: list[tuple[str, int, float]] = field(default_factory=list)
    _seen: int | None = None

    def __post_init__(self) -> None:
        ground = self.terminal.ground
        self.terminal.until(lambda: ground[FIRST_ROW][0] not in ("", ground[FIRST_ROW + 1][0]))
        self._cursor = ground[FIRST_ROW][0]

    def type(self, rounds: int) -> Typed:
        """Type the script so many times."""
        typed = Typed()
        for _ in range(rounds):
            due = time.perf_counter()
            for key in SCRIPT:
                self._watch(due, typed)
                if key in ABSOLUTE:
                    self._settle(typed)
                self.terminal.press(key)
                self._awaited.append((key, self.hand.after(key), time.perf_counter()))
                typed.sent += 1
                due += 1 / PACE
            self._settle(typed)
        typed.ended = time.perf_counter()
        return typed

    def leave(self) -> None:
        """Quit the application, and see it end."""
        self.terminal.press("q")
        with suppress(OSError):  # a terminal that nobody is in any more
            while True:
                self.terminal.look(LOST)

    def _watch(self, until: float, typed: Typed) -> None:
        """Look at the screen until then; a change shows the effect of the key that leads there, and of those before."""
        while (left := until - time.perf_counter()) > 0:
            if not self.terminal.look(left) or (seen := self.under_cursor()) in (None, self._seen):
                continue
            self._seen, now = seen, time.perf_counter()
            places = [place for place, (_, row_id, _) in enumerate(self._awaited) if row_id == seen]
            if places:
                typed.seconds += [now - sent for _, _, sent in self._awaited[: places[0] + 1]]
                del self._awaited[: places[0] + 1]

    def _settle(self, typed: Typed) -> None:
        """Wait for the last effects; what never comes was missed, and the hand finds its place anew."""
        ends = time.perf_counter() + LOST
        while self._awaited and time.perf_counter() < ends:
            self._watch(time.perf_counter() + 0.05, typed)
        if self._awaited and self._awaited[-1][1] != self._seen:
            typed.missed += [key for key, _, _ in self._awaited]
            ids = self.hand.ids[self.hand.view]
            self.hand.at[self.hand.view] = ids.index(self._seen) if self._seen in ids else 0
        self._awaited.clear()

    def under_cursor(self) -> int | None:
        """The id of the row under the cursor, None where it isn't painted or read."""
        grounds, lines = self.terminal.ground, self.terminal.lines
        found = [ROW.match(line) for line, row in zip(lines, grounds, strict=True) if row[0] == self._cursor]
        return int(found[0][1]) if len(found) == 1 and found[0] else None
