"""How a path's knots are written: the first one whole, of each further one only what changed, bit for bit.

Between the knots of a constructed path most weights stay, and many become zero: written so, a path is about a
seventh as large. With numpy alone, so that whoever reads a path needs no torch.

    knots.0        (P,)  the first knot
    changed.I      (ceil(P / 8),) one bit an entry: whether knot I differs there from knot I - 1
    nonzero.I      (ceil(n / 8),) one bit for each of the n entries that changed: whether it is not +0.0 now
    values.I       (m,)  the new values of these
    knots.I        (P,)  the whole knot instead, where that is no longer

Of a string that was asked for snapshots (docs/methods.md), N the number of a UNIT, depth or stage:

    snapshot.UNIT.N.knots   (K, P) float32, the string's knots then
    snapshot.UNIT.N.values  (T, 4) float64: train loss and error, test loss and error, nan of what there is not, at
                            ON_A_LINE equal steps on each of its K - 1 lines

The path is read without them: who doesn't know them, or never looks for them, finds the same path.

The file's header, as JSON: `claims` of the segments, `curves` by segment, `norms` where the network has batch-norm.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
import psutil
from numpy.typing import NDArray
from safetensors import SafetensorError

from core.errors import UsageError, sentence_of
from core.files import amount, read_whole
from core.specs.batch_norm import PathNorms

T = TypeVar("T")
Array = NDArray[Any]
FORMAT = "thalweg-path-2"
DENSE = "thalweg-path-1"  # older files: all knots as one tensor `knots`
BITS = {4: np.uint32, 8: np.uint64, 2: np.uint16}
LONGEST = 1 << 22  # bytes of a header: more than 100,000 segments; nobody's header may fill the memory
ON_A_LINE = 4  # steps between two knots of a snapshot at which its values are known
SNAPSHOT = re.compile(r"snapshot\.([a-z]+)\.([0-9]{1,9})\.knots")


class Snapshot(NamedTuple):
    """A string as it was: of what `name`, such as depth 3; its knots (K, P) and values (T, 4)."""

    name: str
    knots: Array
    values: Array


class Header(msgspec.Struct, frozen=True):
    """Claims of the segments, and the families of those that are curved, by their number.

    Where the network has batch-norm, `norms` says how its points get their statistics.
    """

    claims: list[str]
    curves: dict[int, str]
    norms: PathNorms | None = None


class _Head(msgspec.Struct, frozen=True):
    """What a safetensors file begins with, apart from where its tensors are."""

    metadata: dict[str, str] | None = msgspec.field(name="__metadata__", default=None)


@contextmanager
def reading(
    file: Path, tensors_of: Callable[[bytes], dict[str, T]], sha256: str | None = None
) -> Iterator[tuple[Header, dict[str, T]]]:
    """Header and tensors of a path's file; `tensors_of` is safetensors' `load`, for numpy or torch.

    Raises UsageError, also for what is found in the block not to fit: ValueError, KeyError or TypeError there; and
    RunError where the file's content is not of this `sha256`.
    """
    try:
        content = read_whole(file, sha256)
        tensors = tensors_of(content)
        head = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")], type=_Head)
        del content  # as large as the tensors
        yield header_of(head.metadata), tensors
    except KeyError as error:
        raise UsageError(f"{file} can't be read as a path: it lacks {error}.") from None
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise UsageError(f"{file} can't be read as a path: {str(error).rstrip('.')}.") from None
    except (MemoryError, RecursionError) as error:  # a damaged or hostile file
        raise UsageError(f"{file} can't be read as a path: {sentence_of(error)}.") from None


def packed(knots: Array) -> dict[str, Array]:
    """What is written of knots (S + 1, P)."""
    found: dict[str, Array] = {"knots.0": knots[0]}
    bits = BITS[knots.itemsize]
    for i in range(1, len(knots)):
        here = knots[i].view(bits)
        changed = here != knots[i - 1].view(bits)
        now = here[changed]
        nonzero = now != 0
        if now.itemsize * int(nonzero.sum()) + len(now) // 8 + len(here) // 8 >= here.nbytes:
            found[f"knots.{i}"] = knots[i]
            continue
        found[f"changed.{i}"] = np.packbits(changed)
        found[f"nonzero.{i}"] = np.packbits(nonzero)
        found[f"values.{i}"] = now[nonzero].view(knots.dtype)
    return found


def header_of(metadata: Mapping[str, str] | None) -> Header:
    """The header in a file's metadata. Raises ValueError if it is not a path's, or damaged."""
    found = metadata or {}
    old = found.get("path") if found.get("format") == DENSE else None
    if (header := found.get(FORMAT, old)) is None:
        raise ValueError("it holds no path")
    if len(header) > LONGEST:
        raise ValueError(f"its header is of {amount(len(header))}, and {amount(LONGEST)} are allowed")
    return msgspec.json.decode(header, type=Header)


def unpacked(arrays: Mapping[str, Array], count: int) -> Array:
    """The inverse of `packed` for `count` knots; those of older files as they are.

    Raises KeyError or ValueError where the arrays don't fit.
    """
    if (dense := arrays.get("knots")) is not None:
        if dense.ndim != 2:
            raise ValueError(f"its knots have {dense.ndim} dimensions, not 2")
        return _floating(dense)
    first = _floating(arrays["knots.0"])
    if first.ndim != 1:
        raise ValueError(f"knots.0 has {first.ndim} dimensions, not 1")
    for i in range(1, count):  # before there is memory for all of them
        if arrays.keys().isdisjoint((f"knots.{i}", f"changed.{i}")):
            raise KeyError(f"knots.{i}")
    _require_room(count, first)
    knots = np.empty((count, len(first)), first.dtype)
    knots[0] = first
    for i in range(1, count):
        if f"knots.{i}" in arrays:
            knots[i] = _vector(arrays[f"knots.{i}"], len(first), first.dtype)
            continue
        changed = _mask(arrays[f"changed.{i}"], len(first))
        now = np.zeros(int(changed.sum()), first.dtype)
        nonzero = _mask(arrays[f"nonzero.{i}"], len(now))
        now[nonzero] = _vector(arrays[f"values.{i}"], int(nonzero.sum()), first.dtype)
        knots[i] = knots[i - 1]
        knots[i, changed] = now
    return knots


def snapshot_names(unit: str, number: int) -> tuple[str, str]:
    """What the knots and the values of a snapshot are called."""
    return f"snapshot.{unit}.{number}.knots", f"snapshot.{unit}.{number}.values"


def snapshots_in(arrays: Mapping[str, Array], width: int) -> list[Snapshot]:
    """The snapshots beside a path whose knots have `width` numbers, in the order in which they were taken.

    Raises KeyError or ValueError where the arrays don't fit.
    """
    named = sorted((int(match[2]), match[1]) for match in map(SNAPSHOT.fullmatch, arrays) if match)
    found = []
    for number, unit in named:
        knots, values = (_floating(arrays[name]) for name in snapshot_names(unit, number))
        if knots.ndim != 2 or knots.shape[1] != width or len(knots) < 2:
            raise ValueError(f"snapshot {number} of shape {knots.shape} is no string of knots of {width} numbers")
        if values.shape != ((len(knots) - 1) * ON_A_LINE + 1, 4):
            raise ValueError(f"values of shape {values.shape} are not those of a snapshot of {len(knots)} knots")
        found.append(Snapshot(f"{unit} {number}", knots, values))
    return found


def _require_room(count: int, first: Array) -> None:
    """Raise ValueError where knots don't fit into memory: a few bits in the file stand for each number of one."""
    wanted, free = count * first.nbytes, psutil.virtual_memory().available
    if wanted > free:
        knots = f"{count:,} knots of {len(first):,} numbers"
        raise ValueError(f"its {knots} take {amount(wanted)} of memory, and {amount(free)} are free")


def _floating(numbers: Array) -> Array:
    if numbers.dtype.kind != "f":
        raise ValueError(f"its numbers are {numbers.dtype}, not floating")
    return numbers


def _mask(bits: Array, count: int) -> NDArray[np.bool_]:
    if bits.dtype != np.uint8 or len(bits) != (count + 7) // 8:
        raise ValueError(f"{len(bits)} bytes of {bits.dtype} are no {count} bits")
    return np.unpackbits(bits, count=count).astype(bool)


def _vector(values: Array, count: int, dtype: np.dtype[Any]) -> Array:
    if values.shape != (count,) or values.dtype != dtype:
        raise ValueError(f"{values.dtype} numbers of shape {values.shape} are no {count} of {dtype}")
    return values
