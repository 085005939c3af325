"""A network file's content, before anything in it runs. Imports no torch."""

from hashlib import sha256

from core.errors import UsageError
from core.specs.networks import File

SHOWN = 12  # figures of a hash that a sentence gives


def read_source(spec: File) -> bytes:
    """The content of the file. Raises UsageError where it can't be read."""
    try:
        return spec.path.read_bytes()
    except OSError as error:
        raise UsageError(f"The network file {spec.path} can't be read: {error.strerror or error}.") from None


def sha256_of(source: bytes) -> str:
    return sha256(source).hexdigest()


def changed_sentence(spec: File, now: str) -> str:
    """The sentence that says that the file's content is not what it was."""
    then = (spec.sha256 or "")[:SHOWN]
    return f"The network file {spec.path} has changed: its sha256 was {then}... and is now {now[:SHOWN]}..."


def one_start(name: str) -> str:
    """The beginning of a sentence about a network whose start doesn't depend on the seed."""
    return f"{name} starts alike whatever the seed is, as what sets the seed itself or loads a checkpoint does"


def several_of_one_start(name: str, count: int) -> str:
    """The sentence that refuses several models of it in one training."""
    return f"{one_start(name)}: {count} models would be one and the same; take that out of it, or train with --count 1."
