"""A change that can be undone."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reversible:
    """What was done, in words, and how to undo it."""

    words: str
    undo: Callable[[], None]
