"""Pieces of segments that are proven, and the file that keeps them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path as File

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.errors import UsageError
from core.files import write_whole

ALIKE = 1e-5  # relative: what two looks at one piece may differ by
FIELDS = (
    ("segment", torch.int64, 1),
    ("start", torch.float64, 1),
    ("end", torch.float64, 1),
    ("ends", torch.float64, 2),
    ("wrong", torch.int64, 1),
)
"""What a file of pieces has of each of them: names, and what the tensors are."""


@dataclass(frozen=True)
class Piece:
    """[start, end] of a segment with its line: the loss at t is nowhere above the chord of `ends`.

    `wrong` is how many samples may be classified wrongly somewhere on it, at most.
    """

    start: float
    end: float
    ends: tuple[float, float]
    wrong: int

    @property
    def bound(self) -> float:
        return max(self.ends)

    @property
    def limit(self) -> float:
        """What no loss on it is above, whoever looks: another machine rounds in another way."""
        return self.bound * (1 + ALIKE) + 1e-9


def save_pieces(
    file: File,
    known: Mapping[int, Sequence[Piece]],
    describe: Callable[[Mapping[str, Tensor]], dict[str, str]] | None = None,
) -> None:
    """Write ends and bounds of all pieces: `segment` (M,), `start`, `end`, and `ends` (M, 2), in float64.

    `describe` says what is written beside them.
    """
    rows = [(i, one) for i, pieces in known.items() for one in pieces]
    tensors = {
        "segment": torch.tensor([i for i, _ in rows], dtype=torch.int64),
        "start": torch.tensor([one.start for _, one in rows], dtype=torch.float64),
        "end": torch.tensor([one.end for _, one in rows], dtype=torch.float64),
        "ends": torch.tensor([one.ends for _, one in rows], dtype=torch.float64).view(-1, 2),
        "wrong": torch.tensor([one.wrong for _, one in rows], dtype=torch.int64),
    }
    write_whole(file, lambda draft: save_file(tensors, draft, None if describe is None else describe(tensors)))


def load_pieces(file: File) -> dict[int, tuple[Piece, ...]]:
    """The pieces of every segment that `save_pieces` wrote, in order.

    Raises UsageError where the file holds none, or such as no search leaves.
    """
    try:
        known = _read(load_file(file))
    except KeyError as error:
        raise UsageError(f"{file} can't be read as the pieces of a proof: it lacks {error}.") from None
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise UsageError(f"{file} can't be read as the pieces of a proof: {str(error).rstrip('.')}.") from None
    return {i: tuple(pieces) for i, pieces in known.items()}


def _read(tensors: Mapping[str, Tensor]) -> dict[int, list[Piece]]:
    """Raises KeyError, ValueError or TypeError where the tensors don't fit, or what they say of a piece can't be."""
    known: dict[int, list[Piece]] = {}
    for name, dtype, dimensions in FIELDS:
        if (tensors[name].dtype, tensors[name].dim()) != (dtype, dimensions):
            raise ValueError(f"{name} is {tensors[name].dtype} of {tensors[name].dim()} dimensions")
    for i, start, end, ends, wrong in zip(*(tensors[name].tolist() for name, *_ in FIELDS), strict=True):
        before = known.setdefault(i, [])
        if not (i >= 0 and wrong >= 0 and (before[-1].end if before else 0.0) <= start < end <= 1):
            raise ValueError(f"piece {len(before)} of segment {i} is from {start:.9g} to {end:.9g}")
        if not (len(ends) == 2 and all(isfinite(one) for one in ends)):
            raise ValueError(f"the bounds of piece {len(before)} of segment {i} are {ends}")
        before.append(Piece(start, end, (ends[0], ends[1]), wrong))
    return known


def require_whole(file: File, stored: Mapping[int, Sequence[Piece]]) -> None:
    """Raise UsageError where something of a segment is in none of its pieces."""
    for i, pieces in stored.items():
        edges = [0.0, *(t for one in pieces for t in (one.start, one.end)), 1.0]
        gap = next(((a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a != b), None)
        if gap is not None:
            raise UsageError(
                f"{file} is not a complete proof: segment {i} has no piece from {gap[0]:.9g} to {gap[1]:.9g}."
            )
