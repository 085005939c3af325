"""A whole path: every segment that has no other proof is searched, all of them for one target."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from math import inf
from pathlib import Path as File

from core.certify.enclosed.goal import Budget, Target, passes_text, too_many
from core.certify.enclosed.nonlinear import unknown
from core.certify.enclosed.pieces import Piece, load_pieces, require_whole, save_pieces
from core.certify.enclosed.prover import Prover
from core.certify.enclosed.resuming import Kept, subject_of
from core.certify.enclosed.search import Search, Start
from core.certify.knots import points64
from core.errors import UsageError
from core.path import Path, Segment
from core.problem import Part, Problem
from core.progress import Reporter, SilentReporter, Thinned, plural

FEW = 100.0  # passes that any proof may take
AGAIN = 16  # passes that checking a proof again may take for each of its pieces
MANY = 10_000  # checkpoints in the log at most: the first ones, then ever fewer
TRIALS = 32  # and more for each segment: with few samples, finding out how to begin takes that many


@dataclass(frozen=True)
class Wanted:
    """How tight a proof has to be, and what it may cost.

    The search stops at a bound of (1 + slack) times the largest loss seen, or 1e-9 above it; at `below`, where that
    is lower and the loss was not seen above it. `passes` over the data may be spent in all, trials included; the loss
    is that of the `part`. With `spent`, the passes that the path has cost so far, a proof may cost as many again, at
    least `FEW`, and is not begun where the trials suggest that it would take more.
    """

    slack: float = 0.05
    passes: float = inf
    below: float = inf
    spent: float | None = None
    test: bool = False
    test_below: float = inf
    part: Part = "train"
    stored: Mapping[int, tuple[Piece, ...]] = field(default_factory=dict)
    """By segment, pieces that were found before: they say where to begin, and their bounds are not believed."""
    prover: Prover | None = None
    """The checker that was asked while the path was made: it remembers what it proved, and has the same budget."""

    @classmethod
    def again(cls, file: File, level: float | None) -> "Wanted":
        """To check a proof again: that its own pieces, split where need be, are below its level.

        Raises UsageError where the file holds no pieces, or not all of a segment.
        """
        stored = load_pieces(file)
        require_whole(file, stored)
        passes = AGAIN * sum(len(pieces) for pieces in stored.values()) + (AGAIN + TRIALS) * len(stored)
        return cls(slack=0.0, passes=passes, below=inf if level is None else level, stored=stored)

    @property
    def of_test(self) -> "Wanted":
        """The same of the test loss, below `test_below`; it may cost as much again."""
        return replace(self, part="test", below=self.test_below, spent=None, prover=None)

    def after(self, passes: float) -> "Wanted":
        """What is wanted once looking at the path has cost some more passes."""
        if self.spent is None:
            return self
        spent = self.spent + passes
        return replace(self, spent=spent, passes=min(self.passes, max(FEW, spent)))


@dataclass(frozen=True)
class Enclosure:
    """What is proven of one segment: the mean loss is nowhere above `bound`, unless `reason` says why nothing is.

    `bound` is that of the highest piece, pieces that are not done included; `wrong` is the largest number of samples
    that may be classified wrongly at one point. Somewhere the loss is at least `seen`, all rounding taken off. Of a
    proof that was checked again, `doubt` says which stored bound is false.
    """

    pieces: tuple[Piece, ...]
    bound: float
    seen: float
    wrong: int
    reason: str | None = None
    doubt: str | None = None


@dataclass(frozen=True)
class Proof:
    """Enclosures by segment, the target that no loss was to exceed, and the passes over the data that they took.

    `samples` is how many there are; None for regression. `used_up`: they were all that were allowed.
    """

    enclosures: Mapping[int, Enclosure]
    target: float
    passes: float
    samples: int | None = None
    used_up: bool = False

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

    @property
    def doubts(self) -> list[str]:
        """What a file of pieces says and turned out to be false."""
        return [one.doubt for one in self.enclosures.values() if one.doubt is not None]

    def refused(self, reasons: Mapping[int, str]) -> "Proof":
        """The same with more reasons why segments are not proven."""
        changed = {i: replace(one, reason=one.reason or reasons.get(i)) for i, one in self.enclosures.items()}
        return replace(self, enclosures=changed)

    def save(self, file: File) -> None:
        """Write all pieces."""
        save_pieces(file, {i: one.pieces for i, one in self.enclosures.items()})


@dataclass
class _Progress:
    """How far a proof has come: what share of all segments' length is below the target, and what to resume from.

    `subject` names the problem and the path, as a hash.
    """

    reporter: Reporter
    segments: int
    subject: Callable[[], str]
    done: int = 0
    known: dict[int, tuple[Piece, ...]] = field(default_factory=dict)
    highest: dict[int, float] = field(default_factory=dict)
    saved: int = 0
    told: Thinned = field(default_factory=lambda: Thinned(MANY))

    def take_up(self) -> Kept:
        """What an earlier run kept of the same subject; its pieces become `known`."""
        if (file := self.reporter.left) is None:
            return Kept()
        try:
            known, kept = load_pieces(file), Kept.read(file, self.subject())
        except UsageError:  # it can't be read at all
            known, kept = {}, None
        if kept is None:
            why = "damaged, or of another problem or path"
            self.reporter.say(f"The pieces in the checkpoint are {why}, so the search starts from scratch.")
            return Kept()
        self.known, self.highest = known, kept.highest
        pieces = plural(sum(map(len, known.values())), "piece")
        self.reporter.say(f"The search goes on from {pieces}, found before in {passes_text(kept.passes)}.")
        return kept

    def __call__(self, i: int, search: Search) -> None:
        share = sum(one.end - one.start for one in search.accepted)
        text = f"proving segment {i}: {len(search.accepted)} pieces, {passes_text(search.budget.spent)}"
        self.reporter.progress((self.done + share) / self.segments, text)
        self.known[i], self.highest[i] = tuple(search.accepted), search.seen[1]
        self.reporter.checkpoint(partial(self._keep, i, search))

    def _keep(self, i: int, search: Search, file: File) -> None:
        kept = Kept(search.budget.spent, search.target.seen, self.highest)
        save_pieces(file, self.known, partial(kept.metadata, self.subject()))
        self.saved += 1
        if self.told.due(self.saved):
            found = plural(len(search.accepted), "piece")
            self.reporter.say(f"Segment {i}: {found}, {passes_text(search.budget.spent)} so far.")


def unprovable(problem: Problem, segment: Segment) -> str | None:
    """Why nothing can be proven of a segment by this, as the end of a sentence."""
    if segment.curve is not None:
        return "it is a curve, and only straight lines can be enclosed"
    if problem.layered is None:
        return f"the network has no view by layers{problem.because}"
    for number, layer in enumerate(problem.layered.layers, start=1):
        if (what := unknown(layer)) is not None:
            return f"layer {number} has {what}"
    if problem.loss.name not in ("cross-entropy", "square", "absolute", "hinge", "binary-cross-entropy"):
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
    progress = _Progress(
        reporter or SilentReporter(), len(at), lru_cache(lambda: subject_of(problem, path, at, wanted.part))
    )
    kept = progress.take_up()
    prover = wanted.prover if wanted.prover is not None and wanted.prover.knows(problem) else None
    budget = Budget(wanted.passes) if prover is None else prover.budget
    budget.spent += kept.passes
    target = Target(wanted.slack, max(seen, kept.seen), wanted.below)

    def search_of(i: int) -> Search:
        return Search(problem, points64(problem, path.knots[i : i + 2]), target, budget, wanted.part)

    found: dict[int, Enclosure] = {}
    starts: dict[int, Start] = {}
    if wanted.spent is not None and (reason := _out_of_reach(search_of, at, budget, starts)):
        return Proof({i: Enclosure((), inf, -inf, 0, reason) for i in at}, target.bound, budget.spent)
    for number, (i, where) in enumerate(at.items()):
        progress.done = number
        search = search_of(i)
        search.start = starts.get(i)
        search.take_up(progress.known.get(i, ()), progress.highest.get(i))
        if prover is not None and i not in progress.known:
            prover.remind(search)
        if i in wanted.stored:
            search.split_at([one.start for one in wanted.stored[i]])
        found[i] = _enclosed(search, i, where, progress)
        if found[i].reason is None:
            found[i] = _compared(search, i, found[i], wanted.stored.get(i, ()))
    split = problem.part(wanted.part)
    assert split is not None
    samples = None if split.y.is_floating_point() else len(split)
    return Proof(found, target.bound, budget.spent, samples, used_up=budget.short)


def _out_of_reach(
    search_of: Callable[[int], Search], at: Mapping[int, float], budget: Budget, starts: dict[int, Start]
) -> str | None:
    """Why the proof is not begun, where trials on the segments suggest that it would take more passes than are left.

    What the trials found is kept in `starts`.
    """
    expected = 0.0
    for i, where in at.items():
        search = search_of(i)
        start = search.begun(where)
        expected += search.trial() if start is None else start.passes
        if start is not None:
            starts[i] = start
        if not expected <= budget.left:
            return too_many(expected, budget)
    return None


def _enclosed(search: Search, i: int, at: float, progress: _Progress) -> Enclosure:
    """What the search finds of segment i; what a checkpoint kept of it proves nothing where a loss contradicts it."""
    try:
        reason = search.run(lambda one: progress(i, one), at)
    except ValueError as error:
        return Enclosure((), inf, -inf, len(search.split), f"segment {i}: {error}")
    reached = {} if search.part == "test" else {t: search.surely(t) for t in (search.seen[1], at)}
    reason = reason or _contradicted(search.accepted, reached)
    seen = max(reached.values(), default=-inf)
    wrong = max((one.wrong for one in search.accepted), default=len(search.split))
    said = None if reason is None else f"segment {i}: {reason}"
    return Enclosure(tuple(search.accepted), search.bound, seen, wrong, said)


def _contradicted(pieces: Sequence[Piece], reached: Mapping[float, float]) -> str | None:
    """The first piece, of those that a checkpoint kept, that is below a loss that is `reached` on it."""
    for t, loss in reached.items():
        for one in pieces:
            if one.start <= t <= one.end and loss > one.bound:
                said = f"from {one.start:.6g} to {one.end:.6g} nothing is above {one.bound:.6g}"
                return contradicted(said, f"the loss is at least {loss:.6g} at t = {t:.6g}")
    return None


def contradicted(said: str, found: str) -> str:
    """Why a segment is not proven though the pieces of a checkpoint say so."""
    return f"its pieces contradict it: they say that {said}, and {found}"


def _compared(search: Search, i: int, found: Enclosure, stored: Sequence[Piece]) -> Enclosure:
    """What was found of segment i, and the first stored bound or count that is false; counts are taken again."""
    starts = [piece.start for piece in stored]
    parts: list[list[Piece]] = [[] for _ in stored]
    for one in search.accepted if stored else ():
        parts[bisect_right(starts, one.start) - 1].append(one)
    counts, doubt = [0] if stored else [found.wrong], None
    for number, (said, those) in enumerate(zip(stored, parts, strict=True)):
        count = max((one.wrong for one in those), default=0)
        if doubt is None:
            count, why = _doubted(search, said, max((one.bound for one in those), default=-inf), count)
            doubt = why and f"segment {i}: the stored {why[0]} of piece {number} is {why[1]}"
        counts.append(count)
    return replace(found, wrong=max(counts), doubt=doubt)


def _doubted(search: Search, said: Piece, bound: float, count: int) -> tuple[int, tuple[str, str] | None]:
    """How many samples may be wrong on a stored piece; what of it is false, and what was found instead.

    Where the search found no more than what was said, nothing can be.
    """
    if bound > said.limit and (loss := search.contradicts(said)) is not None:
        return count, ("bound", f"{said.bound:.6g}, and {loss:.6g} was found")
    if count <= said.wrong:
        return count, None
    may, are = search.recount(said)
    if are > said.wrong:
        return count, ("count of samples that may be wrong", f"{said.wrong}, and {are} were found to be")
    return min(count, may), None
