"""What is known of a path: its claims decided, its losses looked at, and the certificate that follows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import torch

from core.certify.certificate import Certificate, as_seen, certificate_of, largest, path_verdicts
from core.certify.decide import Verdict, entry_name
from core.certify.enclosed import Enclosure, Proof, Wanted, contradicted, prove, unprovable
from core.certify.knots import KnotLosses, knot_losses, points64
from core.certify.penalised import penalised_level
from core.path import Claim, Path
from core.penalty import Penalty
from core.problem import Problem, Values
from core.profile import Profile, profile
from core.progress import Reporter, plural

AT_ENDS = (Claim.INVARIANT, Claim.CONVEX)
"""Claims by which the loss is largest at a knot, so that nothing between needs to be looked at in float64."""


@dataclass(frozen=True)
class Examination:
    """Profile in the problem's dtype; certificate, and the largest train loss at knots and on the grid, in float64.

    `proof` holds the enclosures of segments; None if none was requested, or needed. Once it is complete, all rounding
    is taken off `max_train_loss`: somewhere the loss is at least that. `unproven` says why a path that was to be proven
    is only sampled. `on_test` is a proof of the test loss, if that was requested too. The train loss with its `penalty`
    is nowhere above `penalised_level`; None without a penalty, or without a proof of that,
    inf where float64 has no number for it.
    """

    profile: Profile
    certificate: Certificate
    max_train_loss: float
    proof: Proof | None = None
    unproven: str | None = None
    on_test: Proof | None = None
    penalised_level: float | None = None
    penalty: Penalty | None = None

    @property
    def error_level(self) -> float | None:
        """The largest share of the train set that may be classified wrongly somewhere; None where that isn't proven."""
        every = range(len(self.certificate.verdicts))
        if self.proof is None or self.proof.failure is not None or not all(i in self.proof.enclosures for i in every):
            return None
        return self.proof.error

    @property
    def barrier(self) -> float:
        """How far the largest train loss seen is above the larger end's, float64."""
        return self.max_train_loss - max(self.certificate.loss_a, self.certificate.loss_b)


def examine(
    problem: Problem,
    path: Path,
    points: int = 61,
    wanted: Wanted | None = None,
    reporter: Reporter | None = None,
    penalty: Penalty | None = None,
) -> Examination:
    """Decide the claims of a path in float64, then look along it on at least `points` points.

    Segments without a proof are enclosed where that is `wanted` and possible. Those that are claimed to be enclosed and
    move several layers are searched in any case: that is how such a claim is decided, whatever the path has cost.
    With a `penalty` the examination also bounds the loss and the penalty together.
    """
    found = _examined(problem, path, points, wanted, reporter)
    if not penalty:
        return found
    level = penalised_level(problem, path, found.certificate.verdicts, found.proof, penalty)
    return replace(found, penalised_level=level, penalty=penalty)


def _examined(
    problem: Problem, path: Path, points: int, wanted: Wanted | None, reporter: Reporter | None
) -> Examination:
    problem = as_seen(problem, path)
    exact = problem.to(problem.device, torch.float64)
    knots = knot_losses(exact, path)
    verdicts = path_verdicts(exact, path, knots)
    looked = profile(problem, path.cast(problem.dtype), points, granted=[verdict.granted for verdict in verdicts])
    between = [i for i, verdict in enumerate(verdicts) if verdict.granted not in AT_ENDS]
    seen = highest_loss(exact, path, looked, between)
    most = largest(*knots.loss.tolist(), *seen.values())
    if any(_undecided(verdict) for verdict in verdicts):
        wanted = replace(wanted or Wanted(), spent=None)
    found = Examination(looked, certificate_of(verdicts, knots, seen), most)
    unproven = [i for i, verdict in enumerate(verdicts) if not verdict.proven]
    if wanted is None:
        return found
    if not unproven:
        return replace(found, on_test=_on_test(exact, path, looked, wanted) if wanted.test else None)
    reason = _not_finite(exact, path, knots, seen) or _beyond_proof(exact, path, verdicts, unproven)
    if reason is not None:
        return replace(found, unproven=reason)
    wanted = wanted.after(looked.forward_passes)
    proof = prove(exact, path, _highest_within(path, looked, unproven, looked.train), most, wanted, reporter)
    proof = proof.refused(dict(_contradictions(exact, path, looked, knots, proof)))
    verdicts = tuple(_enclosed(i, one, proof.enclosures.get(i)) for i, one in enumerate(verdicts))
    found = replace(found, certificate=certificate_of(verdicts, knots, seen), proof=proof)
    if proof.failure is not None:
        return replace(found, unproven=proof.failure)
    on_test = _on_test(exact, path, looked, wanted) if wanted.test else None
    return replace(found, max_train_loss=at_least(knots, proof), on_test=on_test)


def _contradictions(
    exact: Problem, path: Path, looked: Profile, knots: KnotLosses, proof: Proof
) -> Iterator[tuple[int, str]]:
    """Segments whose pieces are below a loss at a knot, or an error that was seen, as forged ones may be."""
    sure = (knots.loss - knots.margin).tolist()
    for i, one in proof.enclosures.items():
        if one.reason is not None:
            continue
        if (loss := max(sure[i], sure[i + 1])) > one.bound:
            said = contradicted(f"nothing is above {one.bound:.6g}", f"the loss is at least {loss:.6g} at an end")
            yield i, f"segment {i}: {said}"
        elif proof.samples is not None and (wrong := _wrong_seen(exact, path, looked, i)) > one.wrong:
            said = contradicted(f"{plural(one.wrong, 'sample')} may be classified wrongly", f"{wrong} are")
            yield i, f"segment {i}: {said}"


def _wrong_seen(exact: Problem, path: Path, looked: Profile, i: int) -> int:
    """How many samples float64 classifies wrongly where the profile saw the most of that on segment i."""
    assert looked.train.error is not None
    here = looked.segment == i
    t = float(looked.t[here][looked.train.error[here].argmax()]) * len(path) - i
    ends = points64(exact, path.knots[i : i + 2])
    error = exact.values(torch.lerp(ends[0], ends[1], min(max(t, 0.0), 1.0))[None], "train").error
    assert error is not None
    return round(float(error) * len(exact.data.train))


def _on_test(exact: Problem, path: Path, looked: Profile, wanted: Wanted) -> Proof | None:
    """The same of the test loss on every segment: what the claims say holds of the train set alone."""
    if looked.test is None or path.curves or not bool(torch.isfinite(looked.test.loss).all()):
        return None
    at = _highest_within(path, looked, range(len(path)), looked.test)
    return prove(exact, path, at, float(looked.test.loss.max()), wanted.of_test)


def _not_finite(exact: Problem, path: Path, knots: KnotLosses, seen: Mapping[int, float]) -> str | None:
    """Where a path has a loss that is no finite number: nothing can be proven to stay below it."""
    loss = knots.loss.tolist()
    for i in range(len(path)):
        found = [one for one in (loss[i], loss[i + 1], seen.get(i, loss[i])) if not isfinite(one)]
        if found:
            what = _odd_entry(exact, path, i) or f"a loss seen on it is {found[0]}"
            return f"segment {i}: {what}: it has to be finite"
    return None


def _odd_entry(exact: Problem, path: Path, segment: int) -> str | None:
    """The first parameter at an end of a segment that is not finite."""
    for where, point in zip(("start", "end"), points64(exact, path.knots[segment : segment + 2]), strict=True):
        wrong = (~torch.isfinite(point)).nonzero()
        if len(wrong):
            i = int(wrong[0])
            return f"{entry_name(exact, i)}, of its {where} is {float(point[i])}"
    return None


def _beyond_proof(exact: Problem, path: Path, verdicts: Sequence[Verdict], unproven: Sequence[int]) -> str | None:
    """Why a path can't be proven, whatever the search finds."""
    refused = next((i for i, one in enumerate(verdicts) if one.granted is None and not _undecided(one)), None)
    if refused is not None:
        return f"segment {refused}: {verdicts[refused].reason}"
    reasons = ((i, unprovable(exact, path.segment(i))) for i in unproven)
    return next((f"segment {i}: {reason}" for i, reason in reasons if reason is not None), None)


def _undecided(verdict: Verdict) -> bool:
    """Whether a segment is claimed to be enclosed, and more than the rule for one layer is needed to tell."""
    return verdict.claim is Claim.ENCLOSED and verdict.granted is None


def _enclosed(i: int, verdict: Verdict, enclosure: Enclosure | None) -> Verdict:
    """The verdict on segment i, if it was searched."""
    if enclosure is None:
        return verdict
    if enclosure.reason is not None:
        reason = enclosure.reason.removeprefix(f"segment {i}: ")
        return replace(verdict, reason=reason) if _undecided(verdict) else verdict
    pieces = plural(len(enclosure.pieces), "piece")
    reason = f"on {pieces} the loss is nowhere above {enclosure.bound:.6g}, and reaches {enclosure.seen:.6g}"
    return replace(verdict, granted=Claim.ENCLOSED, reason=reason, bound=enclosure.bound)


def at_least(knots: KnotLosses, proof: Proof) -> float:
    """A loss that the path surely reaches: the largest of those seen, less their margins."""
    sure = (knots.loss - knots.margin).max()
    return max(0.0, float(sure), *(one.seen for one in proof.enclosures.values()))


def highest_loss(exact: Problem, path: Path, looked: Profile, segments: list[int]) -> dict[int, float]:
    """The loss in float64 at the highest point that the profile saw on each of `segments`."""
    if not segments:
        return {}
    at = torch.tensor([_highest_t(looked, i, looked.train) for i in segments], dtype=torch.float64)
    points = path.points(at).to(exact.device, exact.dtype)
    losses = torch.cat([exact.as_module.losses(some) for some in torch.split(points, 8)])
    return dict(zip(segments, losses.tolist(), strict=True))


def _highest_within(path: Path, looked: Profile, segments: Iterable[int], values: Values) -> dict[int, float]:
    """By segment, where between its ends, 0 and 1, the largest loss was seen."""
    return {i: _highest_t(looked, i, values) * len(path) - i for i in segments}


def _highest_t(looked: Profile, segment: int, values: Values) -> float:
    """Where on the path a segment's largest loss was seen; a loss that is not a number counts as the largest."""
    here = looked.segment == segment
    losses = torch.nan_to_num(values.loss[here], nan=torch.inf)
    return float(looked.t[here][losses.argmax()])
