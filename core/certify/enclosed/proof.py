"""A whole path: every segment that has no other proof is searched, all of them below one target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from pathlib import Path as File

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.certify.enclosed.nonlinear import unknown
from core.certify.enclosed.search import Budget, Piece, Search, Start, Target
from core.certify.knots import points64
from core.errors import UsageError
from core.files import write_whole
from core.path import Path, Segment
from core.problem import Part, Problem
from core.progress import Reporter, SilentReporter

FEW = 100.0
MANY = 1e6
AGAIN = 16  # passes that checking a proof again may take for each of its pieces
TRIALS = 32  # and for each segment: with few samples that is what finding out how to begin takes
FIELDS = (
    ("segment", torch.int64, 1),
    ("start", torch.float64, 1),
    ("end", torch.float64, 1),
    ("ends", torch.float64, 2),
    ("wrong", torch.int64, 1),
)
"""What a file of pieces has of each of them: names, and what the tensors are."""


@dataclass(frozen=True)
class Wanted:
    """How tight a proof has to be, and what it may cost.

    The search stops at a bound of (1 + slack) times the largest loss seen, or 1e-9 above it; at `below`, where that
    is lower and the loss was not seen above it. `passes` over the data may be spent in all, trials included; `part` is
    what the loss is of. With `spent`, the passes that the path has cost so far, a proof may cost as many again, at
    least `FEW`, and is not begun where the trials let expect more.
    """

    slack: float = 0.05
    passes: float = inf
    below: float = inf
    spent: float | None = None
    test: bool = False
    part: Part = "train"
    stored: Mapping[int, tuple[Piece, ...]] = field(default_factory=dict)
    """Where pieces begin and end that have been found before, by segment; what was said of them is not believed."""

    @classmethod
    def again(cls, file: File, level: float | None) -> "Wanted":
        """To check a proof again: that its own pieces, split where it must be, are below its level.

        Raises UsageError where the file holds none, or not all of a segment.
        """
        stored = load_pieces(file)
        _require_whole(file, stored)
        passes = AGAIN * sum(len(pieces) for pieces in stored.values()) + (AGAIN + TRIALS) * len(stored)
        return cls(slack=0.0, passes=passes, below=inf if level is None else level, stored=stored)

    @property
    def of_test(self) -> "Wanted":
        """The same of the test loss, for which no threshold is meant; it may cost as much again."""
        return replace(self, part="test", below=inf, spent=None)

    def after(self, passes: float) -> "Wanted":
        """What is wanted when looking at the path has cost some passes more."""
        if self.spent is None:
            return self
        spent = self.spent + passes
        return replace(self, spent=spent, passes=min(self.passes, max(FEW, spent)))


@dataclass(frozen=True)
class Enclosure:
    """What is proven of one segment: the mean loss is nowhere above `bound`, unless `reason` says why nothing is.

    `bound` is that of the highest piece, of those that are not done too; `wrong` is the largest number of samples that
    may be classified wrongly at one point. Somewhere the loss is at least `seen`, all rounding taken off.
    """

    pieces: tuple[Piece, ...]
    bound: float
    seen: float
    wrong: int
    reason: str | None = None


@dataclass(frozen=True)
class Proof:
    """Enclosures by segment, what the loss has to stay below, and the passes over the data that they took.

    `samples` is how many there are; None for regression.
    """

    enclosures: Mapping[int, Enclosure]
    target: float
    passes: float
    samples: int | None = None

    @property
    def level(self) -> float:
        """The largest bound of a segment."""
        return max(one.bound for one in self.enclosures.values())

    @property
    def error(self) -> float | None:
        """The largest 0/1 error that a segment may have; None for regression."""
        return None if self.samples is None else max(one.wrong for one in self.enclosures.values()) / self.samples

    @property
    def failure(self) -> str | None:
        """Why a segment is not proven; None where all are."""
        return next((one.reason for one in self.enclosures.values() if one.reason is not None), None)

    def save(self, file: File) -> None:
        """Write ends and bounds of all pieces: `segment` (M,), `start`, `end`, and `ends` (M, 2), in float64."""
        rows = [(i, one) for i, enclosure in self.enclosures.items() for one in enclosure.pieces]
        tensors = {
            "segment": torch.tensor([i for i, _ in rows], dtype=torch.int64),
            "start": torch.tensor([one.start for _, one in rows], dtype=torch.float64),
            "end": torch.tensor([one.end for _, one in rows], dtype=torch.float64),
            "ends": torch.tensor([one.ends for _, one in rows], dtype=torch.float64).view(-1, 2),
            "wrong": torch.tensor([one.wrong for _, one in rows], dtype=torch.int64),
        }
        write_whole(file, lambda draft: save_file(tensors, draft))


@dataclass
class _Progress:
    """How far a proof is: what share of all segments' length is below the target."""

    reporter: Reporter
    segments: int
    done: int = 0
    known: dict[int, tuple[Piece, ...]] = field(default_factory=dict)

    def __call__(self, i: int, search: Search) -> None:
        share = sum(one.end - one.start for one in search.accepted)
        text = f"proving segment {i}: {len(search.accepted)} pieces, {search.budget.spent:.0f} passes"
        self.reporter.progress((self.done + share) / self.segments, text)
        self.reporter.checkpoint(lambda file: save_pieces(file, self.known | {i: tuple(search.accepted)}))


def unprovable(problem: Problem, segment: Segment) -> str | None:
    """Why nothing can be proven of a segment by this, as the end of a sentence."""
    if segment.curve is not None:
        return "it is a curve, and only straight lines can be enclosed"
    if problem.layered is None:
        return f"the network has no view by layers{problem.because}"
    for number, layer in enumerate(problem.layered.layers, start=1):
        if (what := unknown(layer)) is not None:
            return f"layer {number} has {what}"
    if problem.loss.name not in ("cross-entropy", "square", "absolute", "hinge"):
        return f"the loss {problem.loss.name} can't be enclosed"
    return None


def prove(
    problem: Problem, path: Path, at: Mapping[int, float], seen: float, wanted: Wanted, reporter: Reporter | None = None
) -> Proof:
    """Enclose segments of a path, in float64, together.

    `at[i]` in [0, 1] is where segment i was highest when it was looked at, and `seen` the largest loss known anywhere
    on the path. None of the segments is `unprovable`.
    """
    if odd := [i for i in wanted.stored if i >= len(path)]:
        raise UsageError(
            f"The pieces are of another path: they speak of segment {odd[0]}, and this one has {len(path)}."
        )
    reporter = reporter or SilentReporter()
    budget, target = Budget(wanted.passes), Target(wanted.slack, seen, wanted.below)
    progress = _Progress(reporter, len(at), known=load_pieces(reporter.left))
    found: dict[int, Enclosure] = {}
    starts: dict[int, Start] = {}
    if wanted.spent is not None and (reason := _out_of_reach(problem, path, at, (target, budget, wanted.part), starts)):
        return Proof({i: Enclosure((), inf, -inf, 0, reason) for i in at}, target.bound, budget.spent)
    for number, (i, where) in enumerate(at.items()):
        progress.done = number
        search = Search(problem, points64(problem, path.knots[i : i + 2]), target, budget, wanted.part)
        search.start = starts.get(i)
        search.take_up(progress.known.get(i, ()))
        if i in wanted.stored:
            search.split_at([one.start for one in wanted.stored[i]])
        found[i] = _enclosed(search, i, where, progress)
        progress.known[i] = found[i].pieces
    split = problem.part(wanted.part)
    assert split is not None
    return Proof(found, target.bound, budget.spent, None if split.y.is_floating_point() else len(split))


def _out_of_reach(
    problem: Problem,
    path: Path,
    at: Mapping[int, float],
    how: tuple[Target, Budget, Part],
    starts: dict[int, Start],
) -> str | None:
    """That trials on the segments let expect more passes than are allowed; `starts` keeps what they found."""
    target, budget, part = how
    expected = 0.0
    for i, where in at.items():
        search = Search(problem, points64(problem, path.knots[i : i + 2]), target, budget, part)
        starts[i] = search.begun(where)
        expected += starts[i].passes
        if not expected <= budget.left:
            many = f"{expected + budget.spent:.0f}" if expected < MANY else f"over {MANY:,.0f}"
            return f"a proof may take {many} passes over the data, and {budget.passes:.0f} are allowed"
    return None


def _enclosed(search: Search, i: int, at: float, progress: _Progress) -> Enclosure:
    try:
        reason = search.run(lambda one: progress(i, one), at)
    except ValueError as error:
        return Enclosure((), inf, -inf, len(search.split), f"segment {i}: {error}")
    seen = -inf if search.part == "test" else max(search.surely(t) for t in {search.seen[1], at})
    wrong = max((one.wrong for one in search.accepted), default=len(search.split))
    said = None if reason is None else f"segment {i}: {reason}"
    return Enclosure(tuple(search.accepted), search.bound, seen, wrong, said)


def save_pieces(file: File, known: Mapping[int, tuple[Piece, ...]]) -> None:
    """Keep pieces that are done, to go on from."""
    Proof({i: Enclosure(pieces, 0.0, 0.0, 0) for i, pieces in known.items()}, 0.0, 0.0).save(file)


def load_pieces(file: File | None) -> dict[int, tuple[Piece, ...]]:
    """The pieces of every segment that `save` wrote, in order; none without a file.

    Raises UsageError where the file holds none, or such as no search leaves.
    """
    if file is None:
        return {}
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


def _require_whole(file: File, stored: Mapping[int, Sequence[Piece]]) -> None:
    """Raise UsageError where something of a segment is in none of its pieces."""
    for i, pieces in stored.items():
        edges = [0.0, *(t for one in pieces for t in (one.start, one.end)), 1.0]
        gap = next(((a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a != b), None)
        if gap is not None:
            raise UsageError(
                f"{file} is not a complete proof: segment {i} has no piece from {gap[0]:.9g} to {gap[1]:.9g}."
            )
