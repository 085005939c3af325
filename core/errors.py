"""Everything that can go wrong and has a name.

    ThalwegError
    ├── UsageError      what was asked for can't be done as asked: exit status 2, nothing enqueued
    │   └── KeysError   a checkpoint's names or shapes are not the network's; has the table, and names to propose
    ├── PremiseError    an assumption of a theorem or method does not hold; says which, with numbers
    └── RunError        a run failed; `kind` is its short cause ("could not connect", "bad data", ...)

`str(error)` is one sentence for the person at the terminal: what was wrong, what is allowed, what to do.

A run that fails of a cause in FINDINGS has found something out; every other failure is a fault.
"""

import errno
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

#: Kinds of causes that are answers: nothing broke, and the same run would say the same again. And what it is called.
FINDINGS = {
    "could not connect": "not connected",
    "could not descend": "not descended",
    "could not certify": "not certified",
    "premise": "premise fails",
    "loss not reached": "loss not reached",
    "ill-conditioned": "ill-conditioned",
    "not as expected": "not as expected",
}

Row = tuple[str, str, str]
SURROGATE = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    """A text that UTF-8 can hold: bytes of a file's name that are none of it are shown as \\xff.

    Python lets them stand for themselves in texts (as surrogates), which no file, database or terminal takes.
    """
    return SURROGATE.sub(lambda one: f"\\x{ord(one[0]) - 0xDC00:02x}" if "\udc80" <= one[0] <= "\udcff" else "?", text)


class ThalwegError(Exception):
    """The root of the tree. Its sentence can be written anywhere."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(printable(sentence))


class UsageError(ThalwegError):
    """Bad input: nothing was enqueued and nothing written."""


class KeysError(UsageError):
    """A checkpoint doesn't fit a network.

    `rows` are the names that don't, each with its shape in the file and in the network; `proposed` are new names by old
    ones under which all would fit.
    """

    def __init__(self, sentence: str, rows: Sequence[Row], proposed: Mapping[str, str]) -> None:
        super().__init__(sentence)
        self.rows = tuple(rows)
        self.proposed = dict(proposed)


class PremiseError(ThalwegError):
    """An assumption that a construction needs is violated."""

    kind = "premise"


class RunError(ThalwegError):
    """A run can't continue; the cause is stored with it."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends already."""
    return text if text.endswith((".", "!", ")")) else f"{text}."


def unknown_name(noun: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in a registry, with the nearest known one."""
    names = sorted(known)
    near = get_close_matches(name.casefold(), names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return UsageError(f"Unknown {noun} {name!r}. {hint}Available: {', '.join(names)}.")


def sentence_of(error: BaseException) -> str:
    """Another library's error as a part of a sentence: its type, and its text on one line."""
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


#: What torch's allocators say; on the CPU they raise a plain RuntimeError.
OUT_OF_MEMORY = (
    "OutOfMemory",
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "ALLOC_FAILED",
    "bad_alloc",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, whoever noticed."""
    text = f"{type(error).__name__}: {error}"
    return isinstance(error, MemoryError) or any(one in text for one in OUT_OF_MEMORY)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether the disk, or a user's share of it, has no room left, whoever noticed and whatever came of that."""
    while error is not None:
        text = str(error)
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in text:
            return True
        if f"os error {errno.ENOSPC}" in text:  # safetensors says so
            return True
        error = error.__cause__
    return False
