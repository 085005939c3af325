"""What data sets of the user's own hold: a process that loads torch reads them, and says so or why it can't."""

from dataclasses import dataclass
from pathlib import Path

from core.code_files import read_source, sha256_of
from core.data.files import array_files, data_root
from core.engine.probe import Ask
from core.specs.data_spec import DataSpec
from core.specs.own_data import Csv, DataFile, Tensors


@dataclass(frozen=True)
class Contents:
    """Of a data set: its name, the `shape` of a sample, whether targets are values, and whether there are tests.

    `labels` says whether targets are classes, or all of them 0 or 1.
    """

    name: str
    shape: tuple[int, ...]
    regression: bool
    tested: bool
    labels: bool
    words: bool = False

    def __str__(self) -> str:
        return self.name


def contents_of(data: DataSpec, root: str | None, ask: Ask) -> Contents:
    """Raise UsageError where it can't be used, for whatever is wrong with its numbers."""
    question = {"question": "data", "data": str(data), "root": str(data_root(root)), "stamp": _stamp(data)}
    answer = ask(question)
    return Contents(answer["name"], tuple(answer["shape"]), answer["regression"], answer["tested"], answer["labels"])


def _stamp(data: DataSpec) -> list[object]:
    """While it is the same a kept answer holds: the sha256 of code, and of other files what changes with them."""
    if isinstance(data, DataFile):
        return [sha256_of(read_source(data))]
    if not isinstance(data, Tensors | Csv):
        return []
    states = [file.stat() for file in array_files(Path(data.path))]
    return [[one.st_size, one.st_ino, one.st_mtime_ns, one.st_ctime_ns] for one in states]
