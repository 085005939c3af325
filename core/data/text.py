"""Text as windows of words with the word that follows each: what language models are trained on."""

from collections.abc import Sequence
from pathlib import Path

import torch

from core.data.dataset import Split
from core.data.words import read_streams
from core.specs.data import Words


def read_text(spec: Words, place: Path) -> tuple[Split, Split, int]:
    """Windows of words with the next words, train and test, and how many different words there are.

    Raises UsageError where a part is shorter than a window, or can't be read as text.
    """
    found = read_streams(spec, place)
    return windows(found.train, spec.window), windows(found.test, spec.window), found.words


def windows(words: Sequence[int], window: int) -> Split:
    """Disjoint windows (N, window) int64 of a stream, and the same one word later."""
    count = (len(words) - 1) // window
    found = torch.tensor(words[: count * window + 1])
    return Split(found[:-1].view(count, window), found[1:].view(count, window))
