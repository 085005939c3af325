"""A change that can be taken back."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reversible:
    """What was done, in words, and what takes it back."""

    words: str
    undo: Callable[[], None]
