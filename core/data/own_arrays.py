"""Arrays of the user's own as a data set: checked to the last number once, and known again by content."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor

from core.data.dataset import Split
from core.data.files import ARRAYS as NAMES
from core.errors import UsageError

PARTS = ("train", "test")
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64)


@dataclass(frozen=True)
class Checked:
    """Splits without a reading, the number of classes (None: y are values), and a sha256 of all numbers."""

    train: Split
    test: Split | None
    classes: int | None
    sha256: str


def splits(where: str, arrays: Mapping[str, Tensor]) -> dict[str, Split]:
    """Samples with targets, labels (N,) int64 or values (N, C), by part. What needs no look at the numbers is checked.

    Raises UsageError: `where` is what holds the arrays.
    """
    needed = NAMES if {"x_test", "y_test"} & arrays.keys() else NAMES[:2]
    if lacking := [name for name in needed if name not in arrays]:
        there = f"it has {', '.join(arrays)}" if arrays else "it has none of these"
        raise UsageError(f"{where} lacks {' and '.join(lacking)}: {', '.join(NAMES[:2])} are needed ({there}).")
    found = {}
    for part in PARTS[: len(needed) // 2]:
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        _check_lengths(where, part, x, y)
        found[part] = Split(_samples(where, f"x_{part}", x), _targets(where, f"y_{part}", y))
    if len(found) > 1:
        _check_alike(where, found["train"], found["test"])
    return found


def _check_lengths(where: str, part: str, x: Tensor, y: Tensor) -> None:
    if x.dim() == 0 or y.dim() == 0 or len(x) != len(y):
        sizes = [f"{len(one)}" if one.dim() else "a single number" for one in (x, y)]
        raise UsageError(
            f"{where}: x_{part} and y_{part} must have one row for each sample, and are {sizes[0]} and {sizes[1]} long."
        )
    if x.numel() == 0:
        raise UsageError(f"{where}: x_{part} is empty, of shape {tuple(x.shape)}.")


def _samples(where: str, name: str, x: Tensor) -> Tensor:
    if x.dtype not in (torch.uint8, *FLOATS):
        raise UsageError(
            f"{where}: {name} is of {_dtype(x)}, and samples must be floats or uint8: convert it, to float32 for "
            "instance."
        )
    return x[:, None] if x.dim() == 1 else x


def _targets(where: str, name: str, y: Tensor) -> Tensor:
    if y.dtype in INTEGERS and y.dim() == 1:
        return y.long()
    if y.dtype in (torch.float16, torch.bfloat16):
        y = y.float()
    if y.dtype in FLOATS and y.dim() in (1, 2) and y.numel():
        return y[:, None] if y.dim() == 1 else y
    raise UsageError(
        f"{where}: {name} is of {_dtype(y)} and of shape {tuple(y.shape)}; it must be integers of shape (N,), which "
        "are classes, or floats of shape (N,) or (N, C), which are values."
    )


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _check_alike(where: str, train: Split, test: Split) -> None:
    for what, of_train, of_test in (
        ("x", (*train.shape, _dtype(train.stored)), (*test.shape, _dtype(test.stored))),
        ("y", (*train.y.shape[1:], _dtype(train.y)), (*test.y.shape[1:], _dtype(test.y))),
    ):
        if of_train != of_test:
            texts = ["x".join(map(str, one[:-1])) + f" {one[-1]}" for one in (of_train, of_test)]
            raise UsageError(
                f"{where}: {what}_train and {what}_test must be alike, and a sample of them is {texts[0].strip()} and "
                f"{texts[1].strip()}."
            )


def checked(where: str, found: Mapping[str, Split]) -> Checked:
    """The data set that splits are, every number of which was looked at. Raises UsageError."""
    train, test = found["train"], found.get("test")
    for part, split in found.items():
        _check_finite(where, f"x_{part}", split.stored, split)
        _check_finite(where, f"y_{part}", split.y, split)
    classes = None if train.y.is_floating_point() else _classes(where, train.y)
    if classes is not None and test is not None:
        _check_known(where, test.y, classes)
    return Checked(train, test, classes, digest(found))


def _check_finite(where: str, name: str, numbers: Tensor, split: Split) -> None:
    if not numbers.is_floating_point():
        return
    for rows in split.pieces():
        finite = numbers[rows].isfinite().flatten(1).all(1)
        if not bool(finite.all()):
            first = rows.start + int((~finite).nonzero()[0])
            raise UsageError(f"{where}: {name} is not finite in sample {first} (counted from 0): repair or remove it.")


def _classes(where: str, labels: Tensor) -> int:
    """How many classes there are. Raises UsageError unless they are 0 to C-1, each with a sample."""
    there: Tensor = torch.unique(labels)
    low, high, count = int(there[0]), int(there[-1]), len(there)
    if low == 0 and high == count - 1:
        if count == 1:
            raise UsageError(f"{where}: all labels in y_train are 0, and there is nothing to tell apart in one class.")
        return count
    if high - low == count - 1:
        why = f"they go from {low} to {high}: subtract {low}"
    else:
        gap = next(i for i in range(count) if i >= count or int(there[i]) != low + i)
        why = f"there are {count} different ones from {low} to {high}, and no {low + gap}: number them anew"
    raise UsageError(f"{where}: labels in y_train must be 0 to C-1, each of them there, and {why}.")


def _check_known(where: str, labels: Tensor, classes: int) -> None:
    odd = labels[(labels < 0) | (labels >= classes)]
    if len(odd):
        raise UsageError(
            f"{where}: y_test has the label {int(odd[0])}, and the classes of y_train are 0 to {classes - 1}: train "
            "and test must be of the same classes."
        )


def digest(found: Mapping[str, Split]) -> str:
    """A sha256 of all numbers, with their shapes and dtypes."""
    total = sha256()
    for part, split in found.items():
        for name, one in ((f"x_{part}", split.stored), (f"y_{part}", split.y)):
            total.update(f"{name} {one.dtype} {tuple(one.shape)}\n".encode())
            for content in _bytes(one, split.pieces()):
                total.update(content)
    return total.hexdigest()


def _bytes(tensor: Tensor, pieces: Iterator[slice]) -> Iterator[memoryview]:
    for rows in pieces:
        yield tensor[rows].contiguous().view(torch.uint8).numpy().data
