"""Text as streams of words, and how well the simplest language models guess the next one. Imports no torch.

Lines become one stream of words, each line followed by `<eos>`; empty lines are skipped. The vocabulary is `<unk>`,
number 0, and the most frequent words of the part that is trained on, equally frequent ones in the order of the
alphabet; all other words are `<unk>`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from pathlib import Path

from core.data.files import TEXTS
from core.errors import UsageError
from core.specs.data import Words

UNKNOWN, END = "<unk>", "<eos>"
HELD_OUT = 10  # of a text in one file the last line of so many is the test part
SHARE = 0.8  # of the pairs seen in the bigram's guess, the rest being the unigram's


@dataclass(frozen=True)
class Streams:
    """The numbers of the words to train and to test on, in order, and how many different ones there are."""

    train: list[int]
    test: list[int]
    words: int


def read_streams(spec: Words, place: Path) -> Streams:
    """The text of `spec` from its files; `limit` takes the first windows, and the vocabulary is made of these.

    Raises UsageError where there are fewer windows, a part is shorter than a window, or can't be read as text.
    """
    train, test = (words_of(lines) for lines in _parts_of(place))
    for part, words in (("train", train), ("test", test)):
        _require_window(place, part, words, spec.window)
    if spec.limit is not None:
        if spec.limit > (there := (len(train) - 1) // spec.window):
            raise UsageError(f"limit={spec.limit} is more than the {there} train samples available.")
        train = train[: spec.limit * spec.window + 1]
    numbers = vocabulary(train, spec.vocabulary)
    first, last = ([numbers.get(word, 0) for word in part] for part in (train, test))
    return Streams(first, last, 1 + len(numbers))


def _parts_of(place: Path) -> tuple[list[str], list[str]]:
    """The lines of the train and of the test part: two files in a folder, or a file and its last tenth."""
    if place.is_dir():
        train, test = (_lines(place / name) for name in TEXTS)
        return train, test
    lines = _lines(place)
    first = len(lines) - len(lines) // HELD_OUT
    return lines[:first], lines[first:]


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{file} can't be read as text: {reason}.") from None


def words_of(lines: Sequence[str]) -> list[str]:
    """One stream of words, each line ended by `<eos>`."""
    return [word for line in lines for word in (*line.split(), END)]


def vocabulary(words: Sequence[str], most: int) -> dict[str, int]:
    """The numbers, from 1, of the most frequent words but `<unk>`; with that at most so many."""
    counts = Counter(words)
    del counts[UNKNOWN]
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate(ordered[: most - 1], start=1)}


def _require_window(place: Path, part: str, words: Sequence[str], window: int) -> None:
    if len(words) <= window:
        raise UsageError(
            f"{place} has {len(words)} words to {part} on, ends of lines included, and a window of {window} with the "
            f"word that follows needs {window + 1}: choose a smaller window, or a longer text."
        )


def unigram(streams: Streams) -> float:
    """The test perplexity of a model that knows how frequent each word of the train part is, one added to each."""
    guess = _unigram(streams)
    return _perplexity(guess(word) for word in streams.test[1:])


def bigram(streams: Streams) -> float:
    """The test perplexity of a model that knows how often each word of the train part follows each."""
    rare, pairs = _unigram(streams), Counter(pairwise(streams.train))
    before = Counter(streams.train[:-1])

    def guess(first: int, then: int) -> float:
        known = before[first]
        return SHARE * pairs[first, then] / known + (1 - SHARE) * rare(then) if known else rare(then)

    return _perplexity(guess(first, then) for first, then in pairwise(streams.test))


def _unigram(streams: Streams) -> Callable[[int], float]:
    counts, total = Counter(streams.train), len(streams.train) + streams.words
    return lambda word: (counts[word] + 1) / total


def _perplexity(shares: Iterable[float]) -> float:
    logarithms = [log(share) for share in shares]
    return exp(-sum(logarithms) / len(logarithms))
