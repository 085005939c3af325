"""What a search aims at, and what it may cost."""

from dataclasses import dataclass
from math import ceil, inf

MANY = 1e6  # passes: of more only that is said


@dataclass
class Target:
    """What no piece may exceed: slack above the largest loss seen so far, or `below` where that lies between them.

    A `strict` one is `below`, whatever was seen.
    """

    slack: float  # 0: `below` itself, even where that is higher
    seen: float
    below: float = inf
    strict: bool = False
    """Whether a loss above `below` ends the search."""

    @property
    def bound(self) -> float:
        if self.strict:
            return self.below
        tight = max((1 + self.slack) * self.seen, self.seen + 1e-9)
        if self.seen >= self.below:
            return tight
        return self.below if self.slack == 0 else min(tight, self.below)

    @property
    def room(self) -> float:
        """From the largest loss seen to the target."""
        return self.bound - self.seen

    @property
    def missed(self) -> bool:
        """Whether the search may end, since the target can't be reached."""
        return self.strict and self.seen > self.below


def passes_text(passes: float) -> str:
    """Passes as they are counted in the catalogue, rounded up: 2,500 passes."""
    return "1 pass" if (count := ceil(passes)) == 1 else f"{count:,} passes"


@dataclass
class Budget:
    """Passes over the data: `spent` of at most `passes`; `short` once something was not begun, since it costs more."""

    passes: float = inf
    spent: float = 0.0
    short: bool = False

    @property
    def left(self) -> float:
        return self.passes - self.spent


def apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers with four digits, or as many as it takes to tell them apart."""
    texts = ((f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in range(4, 18))
    return next((both for both in texts if both[0] != both[1]), (f"{one:.4g}", f"{other:.4g}"))


def too_many(expected: float, budget: Budget) -> str:
    """Why a search is not begun, if it is expected to take this many more passes."""
    many = expected + budget.spent
    text = f"{many:.0f}" if many < MANY else f"over {MANY:,.0f}"
    return f"a proof may take {text} passes over the data, and {budget.passes:.0f} are allowed"
