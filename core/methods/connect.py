"""connect(): the one driver of all methods. Premises, construction, examination: none of them skipped."""

import time
from collections import Counter
from dataclasses import dataclass, replace
from math import inf

import torch

from core.certify.enclosed import Prover, Wanted, passes_text
from core.examination import Examination, examine
from core.methods import METHODS
from core.methods.method import Construction, Task, require
from core.problem import part_of
from core.progress import OnlyProgress, plural
from core.specs.methods import MethodOptions, Metric, metric_text
from core.specs.runs import name_of_options, penalised_text


@dataclass(frozen=True)
class Connection:
    """A path with all that is known of it; `failure` says why it does not connect, None if it does."""

    construction: Construction
    examination: Examination
    failure: str | None
    seconds: float


def connect(
    options: MethodOptions, task: Task, points: int = 61, wanted: Wanted | None = None, must_prove: bool = False
) -> Connection:
    """Construct a path from task.a to task.b and examine it. Raises PremiseError before constructing.

    What has no proof by its construction is enclosed where that is `wanted`; a path that `must_prove` and isn't proven
    does not connect.
    """
    begun = time.monotonic()
    method = METHODS[name_of_options(options)]
    task, wanted = with_prover(task, wanted, must_prove)
    require(method.premises(options, task))
    made = method.build(options, task)
    return examined(made, task, points, wanted, must_prove, time.monotonic() - begun)


def with_prover(task: Task, wanted: Wanted | None, must_prove: bool) -> tuple[Task, Wanted | None]:
    """A method and the examination that follows share one prover where the path must be proven."""
    if wanted is None or not must_prove:
        return task, wanted
    prover = Prover(task.problem, wanted.passes)
    return replace(task, prover=prover), replace(wanted, prover=prover)


def examined(
    made: Construction, task: Task, points: int, wanted: Wanted | None, must_prove: bool, seconds: float
) -> Connection:
    """The construction, which took `seconds`, with all that is known of it."""
    begun = time.monotonic()
    assert torch.equal(made.path.start, task.a), "a path starts at a"
    assert torch.equal(made.path.end, task.b), "a path ends at b"
    task.reporter.progress(None, f"certifying and measuring {len(made.path)} segments")
    if wanted is not None:
        spent = None if must_prove else made.passes
        below = {made.on: made.below} if made.below is not None else {}
        wanted = replace(
            wanted, below=below.get("train-loss", inf), test_below=below.get("test-loss", inf), spent=spent
        )
    examination = examine(task.problem, made.path, points, wanted, OnlyProgress(task.reporter), task.penalty)
    task.reporter.say(examination_sentence(examination))
    failed = failure_of(made, examination, must_prove)
    return Connection(made, examination, failed, seconds + time.monotonic() - begun)


def examination_sentence(examination: Examination) -> str:
    """The certificate, how many segments were granted which claim, and how many points were looked at."""
    certificate = examination.certificate
    granted = Counter(str(one.granted) for one in certificate.verdicts if one.granted is not None)
    claims = [f"{count} {claim}" for claim, count in granted.most_common()]
    claims += [f"{len(certificate.refused)} refused"] if certificate.refused else []
    return (
        f"Certificate: {certificate.kind}, level {certificate.level:.6g} over ends of {certificate.loss_a:.6g} and "
        f"{certificate.loss_b:.6g}; {plural(len(certificate.verdicts), 'segment')}: {', '.join(claims)}. "
        f"{len(examination.profile.t)} points were looked at.{proof_told(examination)}{_penalty_told(examination)}"
    )


def proof_told(examination: Examination) -> str:
    """What a search for a proof found, as a sentence more; nothing where there was none."""
    proof = examination.proof
    if proof is None and examination.unproven is None:
        return _test_told(examination)
    if examination.unproven is not None:
        return f" Not proven: {examination.unproven}."
    assert proof is not None
    pieces = sum(len(one.pieces) for one in proof.enclosures.values())
    how = f"Proven on {plural(pieces, 'piece')} in {passes_text(proof.passes)}"
    level = examination.certificate.level
    on_test = _test_told(examination)
    return f" {how}: the train loss reaches {examination.max_train_loss:.6g} and is nowhere above {level:.6g}.{on_test}"


def _test_told(examination: Examination) -> str:
    proof = examination.on_test
    if proof is None:
        return ""
    if proof.failure is not None:
        return f" Of the test loss nothing is proven: {proof.failure}."
    return f" The test loss is nowhere above {proof.level:.6g}: {passes_text(proof.passes)}."


def _penalty_told(examination: Examination) -> str:
    level, penalty = examination.penalised_level, examination.penalty
    if level is None or penalty is None:
        return ""
    what = penalised_text(penalty.ridge, penalty.l1)
    if level == inf:
        return f" The {what} has no level: float64 has no number for so large a penalty."
    return f" The {what} is nowhere above {level:.6g}."


def failure_of(made: Construction, examination: Examination, must_prove: bool = False) -> str | None:
    """Why a construction does not connect: gaps that it left, a claim that the checker refuses, a proof that is missing
    though there must be one, or a level above the threshold; None if it does.
    """
    if made.gaps is not None:
        return made.gaps
    if refused := examination.certificate.refused:
        verdict = examination.certificate.verdicts[refused[0]]
        return f"segment {refused[0]} claims to be {verdict.claim}, which the checker refuses: {verdict.reason}"
    if must_prove and not examination.certificate.certified:
        used_up = examination.proof is not None and examination.proof.used_up
        advice = "; raise passes, or `thalweg certify` the path" if used_up else ""
        return f"could not prove: {examination.unproven}{advice}"
    if must_prove and made.on == "test-loss" and (reason := _test_unproven(examination)) is not None:
        return f"could not prove: of the test loss, {reason}"
    return None if made.below is None else _above(made.below, made, examination)


def _test_unproven(examination: Examination) -> str | None:
    """Why nothing is proven of the test loss."""
    if examination.on_test is None:
        return "nothing can be proven: the path has curves, or no finite test loss"
    return examination.on_test.failure


def _above(below: float, made: Construction, examination: Examination) -> str | None:
    """That what was seen is above the threshold or, where it is not, that the level is."""
    value = reached_value(made, examination)
    if not value <= below:
        return f"the path's {metric_text(made.on)} reaches {value:.4g}, above the threshold {below:.4g}"
    level = _proven_level(made.on, examination)
    if level is None or level <= below:
        return None
    return (
        f"the path's {metric_text(made.on)} reaches {value:.4g}, and is not proven to stay below the threshold "
        f"{below:.4g}, only below {level:.4g}"
    )


def _proven_level(on: Metric, examination: Examination) -> float | None:
    """What is proven of the value that the threshold is on; None where nothing is."""
    if on == "train-loss":
        return examination.certificate.level
    proof = examination.on_test if on == "test-loss" else None
    return None if proof is None or proof.failure is not None else proof.level


def reached_value(made: Construction, examination: Examination) -> float:
    """The largest value seen of what the threshold is on."""
    if made.on == "train-loss":
        return examination.max_train_loss
    values = examination.profile.train if part_of(made.on) == "train" else examination.profile.test
    assert values is not None
    return float(values.of(made.on).max())
