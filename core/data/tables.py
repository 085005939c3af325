"""Tables of the user's own: rows of numbers and texts as samples, one column as the target."""

import csv
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from core.data.dataset import Dataset, Say, Split
from core.data.own_arrays import checked
from core.data.reading import Reading
from core.data.sampling import limit_samples
from core.errors import UsageError
from core.specs.own_data import Csv

DELIMITERS = (",", ";", "\t")
MOST = 1_000  # different texts of a column
EMPTY = ("", "na", "n/a", "nan", "null", "none")
Column = list[str]


def load_table(spec: Csv, say: Say) -> Dataset:
    """A table as samples (N, D), in float64 until a run takes them, and its target. Raises UsageError."""
    table = read_table(Path(spec.path))
    _require_columns(spec, table)
    rows = _rows(spec, table)
    left = [name for name in table if name not in (spec.target, spec.split, *spec.dropped)]
    if not left:
        raise UsageError(f"{spec.path} has no column beside the target {spec.target!r}.")
    x = torch.cat([_features(spec, name, table[name], rows["train"], say) for name in left], dim=1)
    y, names = _targets(spec, table[spec.target])
    _require_classes(spec, y[rows["train"]], names)
    found = checked(spec.path, {part: Split(x[some], y[some], Reading()) for part, some in rows.items() if len(some)})
    if names:
        say(f"classes: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}")
    train = found.train if spec.limit is None else limit_samples(found.train, spec.limit, spec.seed)
    return Dataset(str(spec), train, found.test, found.classes, content=f"{found.sha256} {spec.limit} {spec.seed}")


def _require_classes(spec: Csv, labels: Tensor, names: Sequence[str]) -> None:
    """Raise UsageError where a class has no train row."""
    there = set(labels.flatten().tolist())
    if lacking := [name for i, name in enumerate(names) if i not in there]:
        raise UsageError(
            f"{spec.path}: no row to train on has {spec.target}={lacking[0]}: choose another seed or split, or remove "
            "the rows of that class."
        )


def read_table(file: Path) -> dict[str, Column]:
    """The columns by name. Raises UsageError where a row has other fields than the first line names."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
            stream.seek(0)
            rows = [row for row in csv.reader(stream, delimiter=max(DELIMITERS, key=head.count), strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        told = getattr(error, "strerror", None) or error
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else told
        raise UsageError(f"{file} can't be read as a table: {reason}.") from None
    names = [name.strip() for name in rows[0]] if rows else []
    if len(rows) < 2 or len(set(names)) < len(names):
        why = "it needs a line of names and rows below it" if len(rows) < 2 else "two columns have one name"
        raise UsageError(f"{file} can't be read as a table: {why}.")
    for i, row in enumerate(rows[1:], start=1):
        if len(row) != len(names):
            raise UsageError(f"{file}: row {i} has {len(row)} fields, and {len(names)} columns are named.")
    return {name: [row[k].strip() for row in rows[1:]] for k, name in enumerate(names)}


def _require_columns(spec: Csv, table: dict[str, Column]) -> None:
    for name in (spec.target, spec.split, *spec.dropped):
        if name is not None and name not in table:
            raise UsageError(f"{spec.path} has no column {name!r}: it has {', '.join(table)}.")
    for name, column in table.items():
        if name not in spec.dropped and (empty := [i for i, one in enumerate(column, 1) if one.lower() in EMPTY]):
            raise UsageError(
                f"{spec.path}: column {name!r} has no value in {len(empty)} rows, the first is row {empty[0]}: fill "
                "them, remove them, or leave the column out with drop=."
            )


def _rows(spec: Csv, table: dict[str, Column]) -> dict[str, Tensor]:
    """The numbers of the rows to train and to test on, each in the order of the file."""
    samples = len(table[spec.target])
    if spec.split is None:
        order = torch.randperm(samples, generator=torch.Generator().manual_seed(spec.seed))
        tests = round(spec.test * samples)
        return {"train": order[tests:].sort().values, "test": order[:tests].sort().values}
    parts = [one.lower() for one in table[spec.split]]
    if odd := sorted(set(parts) - {"train", "test"}):
        raise UsageError(f"{spec.path}: column {spec.split!r} must say train or test, and says {odd[0]!r}.")
    if "train" not in parts:
        raise UsageError(f"{spec.path}: column {spec.split!r} says train of no row.")
    return {part: torch.tensor([i for i, one in enumerate(parts) if one == part]) for part in ("train", "test")}


def numbers_of(column: Sequence[str]) -> Tensor | None:
    """A column as float64 (N,), None where one is no finite number."""
    try:
        found = [float(one) for one in column]
    except ValueError:
        return None
    return torch.tensor(found, dtype=torch.float64) if all(map(isfinite, found)) else None


def _features(spec: Csv, name: str, column: Column, train: Tensor, say: Say) -> Tensor:
    """A column as numbers (N, 1) of mean 0 and deviation 1 on the train part, or as 0 and 1 (N, texts)."""
    numbers = numbers_of(column)
    if numbers is not None:
        mean, deviation = numbers[train].mean(), numbers[train].std(correction=0)
        return ((numbers - mean) / torch.where(deviation > 0, deviation, 1.0))[:, None]
    texts = sorted({column[i] for i in train.tolist()})
    if len(texts) > MOST:
        raise UsageError(
            f"{spec.path}: column {name!r} has {len(texts)} different texts, over {MOST}: leave it out with "
            f"drop={name}."
        )
    if unknown := set(column) - set(texts):
        say(f"texts of column {name} that only test rows have, all of them 0: {len(unknown)}")
    return torch.tensor([[one == text for text in texts] for one in column], dtype=torch.float64)


def _targets(spec: Csv, column: Column) -> tuple[Tensor, list[str]]:
    """Labels (N,) with the names of the classes, or values (N, 1)."""
    numbers = numbers_of(column)
    whole = numbers is not None and all(one.lstrip("+-").isdecimal() for one in column)
    if spec.task == "values" and numbers is None:
        raise UsageError(
            f"{spec.path}: the target {spec.target!r} is not a finite number in every row: give task=classes."
        )
    if numbers is not None and (spec.task == "values" or (spec.task is None and not whole)):
        return numbers[:, None], []
    names = sorted(set(column), key=float) if numbers is not None else sorted(set(column))
    if whole and spec.task is None and len(names) > len(column) / 2:
        raise UsageError(
            f"{spec.path}: the target {spec.target!r} has {len(names)} different whole numbers in {len(column)} rows: "
            "say task=values or task=classes."
        )
    known = {name: i for i, name in enumerate(names)}
    return torch.tensor([known[one] for one in column]), names
