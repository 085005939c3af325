"""The job `connect`: a path between two models, with everything that is measured of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from torch import Tensor

from core.arithmetic import suit_threads
from core.certify.enclosed import Wanted
from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.log_sentences import log_file, options_text
from core.engine.worker.training import describe_model
from core.engine.worker.verifying import certificate_columns, describe_segments, file_at
from core.errors import PremiseError, RunError, UsageError
from core.files import write_whole
from core.methods.connect import Connection
from core.methods.method import Helper, Task
from core.methods.pairs import OfPair, Pairs, connect_all
from core.opening import Joined, open_joined
from core.penalty import Penalty
from core.problem import Problem
from core.profile import Profile
from core.progress import Reporter
from core.results import ModelMade, PathMade, PointMade, as_loss
from core.specs.batch_norm import BATCH, PathNorms, no_lerp
from core.specs.kinds import chosen_options
from core.specs.methods import Linear, MethodOptions
from core.specs.runs import Connect, ModelRef, RunSpec, name_of_options

PATH = "path.safetensors"
TOLD = 3  # pairs that don't connect whose reasons stand in the run's cause; the log has all


def run_connect(job: Job, spec: Connect, folder: Path, journal: Journal) -> None:
    """Connect, leave each path whatever came of it, then raise RunError if one doesn't connect."""
    journal.progress(None, "reading the data")
    below = "" if spec.below is None else f" below {spec.below:g}"
    how = f"{name_of_options(spec.method)}, seed {spec.seed} {options_text(spec.method)}".rstrip()
    norms = PathNorms(spec.bn, spec.bn_samples, BATCH)
    joined = open_joined(job.inputs, norms, job.device, job.data_root, journal)
    require_line(joined, spec.method)
    names = [f"{a} and {b}" for a, b in spec.ends]
    journal.say(f"Connects models {', '.join(names)}{below} by {how}.")
    suit_threads(joined.problem, job.threads)
    tasks = _tasks(job, spec, joined, journal)
    wanted = None if spec.prove == "off" else Wanted(spec.slack, spec.passes or inf, test=spec.prove_test)
    made = connect_all(spec.method, tasks, journal, spec.points, wanted, must_prove=spec.prove == "on")
    failures: list[str] = []
    helpers: list[Helper] = []
    for position, one in enumerate(made):
        if isinstance(one, PremiseError) and spec.count == 1:
            raise one
        if isinstance(one, Connection):
            file = folder / file_at(position, PATH)
            construction = one.construction
            path = replace(construction.path, norms=joined.norms)
            write_whole(file, partial(path.save, beside=construction.beside))
            log_file(file, journal)
            of_norms = norm_columns(job, joined, spec.ends[position])
            journal.write(describe_path(job, spec, joined.problem, one, folder, position, of_norms=of_norms))
            helpers += construction.helpers
        reason = str(one).rstrip(".") if isinstance(one, PremiseError) else one.failure
        if reason is not None:
            failures.append(reason if spec.count == 1 else f"models {names[position]}: {reason}")
        if spec.count > 1:
            tasks[position].reporter.say("Connected." if reason is None else f"Could not connect: {reason}.")
            tasks[position].reporter.progress(1.0, "done")
    leave_helpers(job, spec, joined, helpers, folder, journal)
    if failures:
        raise RunError("could not connect", f"could not connect{_told(failures, spec.count)}")


def require_line(joined: Joined, options: MethodOptions) -> None:
    """Raise UsageError where statistics would have to be interpolated and are not known at all knots."""
    if joined.norms is not None and joined.norms.bn == "lerp" and not isinstance(options, Linear):
        raise UsageError(no_lerp(name_of_options(options)))


def norm_columns(job: Job, joined: Joined, ends: tuple[ModelRef, ModelRef]) -> dict[str, Any]:
    """How a path's points get the statistics of batch-norms, and what its ends are worth with their stored ones."""
    place = {model.id: i for i, model in enumerate(job.inputs)}
    stored = [joined.stored[place[ref.model or 0]] for ref in ends]
    losses = [None if one is None else as_loss(one) for one in stored]
    bn = None if joined.norms is None else joined.norms.bn
    return {"bn": bn, "stored_train_loss_a": losses[0], "stored_train_loss_b": losses[1]}


def _tasks(job: Job, spec: Connect, joined: Joined, journal: Journal) -> list[Task]:
    """A task for each pair, with one who says which pair it is where there are several."""
    place = {model.id: i for i, model in enumerate(job.inputs)}
    ends = [(place[a.model or 0], place[b.model or 0]) for a, b in spec.ends]
    theta = joined.thetas
    pairs = Pairs(journal, spec.count)
    reporters: list[Reporter] = [OfPair(pairs, i) for i in range(spec.count)] if spec.count > 1 else [journal]
    penalty = Penalty(spec.ridge, spec.l1)
    return [
        Task(theta[a], theta[b], joined.between(a, b), spec.below, spec.seed, reporter, penalty=penalty)
        for (a, b), reporter in zip(ends, reporters, strict=True)
    ]


def _told(failures: Sequence[str], count: int) -> str:
    """Why pairs don't connect, and of several how many."""
    if count == 1:
        return f": {failures[0]}"
    more = f"; and {len(failures) - TOLD} more" if len(failures) > TOLD else ""
    return f" {len(failures)} of {count} pairs: {'; '.join(failures[:TOLD])}{more}"


def leave_helpers(
    job: Job, spec: Connect, joined: Joined, helpers: Sequence[Helper], folder: Path, journal: Journal
) -> None:
    """The networks that a path rests on, as models of the role helper."""
    source = job.inputs[0]
    for position, helper in enumerate(helpers):
        problem, theta = joined.as_model(helper.theta)
        made = ModelMade(
            **describe_model(problem, theta, position, folder),
            network=source.network,
            data=source.data,
            seed=spec.seed,
            epochs=0,
            reached=None,
            seconds=journal.seconds,
            name=helper.name,
            role="helper",
        )
        journal.write(made)


def describe_path(  # noqa: PLR0913  whose path, in which problem, what is known of it, and where it is left
    job: Job,
    spec: RunSpec,
    problem: Problem,
    connection: Connection,
    folder: Path,
    position: int = 0,
    *,
    of_norms: Mapping[str, Any] | None = None,
) -> PathMade:
    """All rows that a run's path leaves in the catalogue; one with a single input leads to the model that it leaves.

    The pieces that it was proven on are left in `folder`.
    """
    made, seen = connection.construction, connection.examination
    certificate = seen.certificate
    path = made.path
    of_pieces = certificate_columns(seen, folder, position)
    pieces_file = of_pieces.pop("file")
    values: dict[str, Any] = {
        "name": spec.name,
        "method": name_of_options(chosen_options(spec) or spec),
        "network": job.inputs[0].network,
        "data": job.inputs[0].data,
        "on": made.on.replace("-", "_"),
        "threshold": made.below,
        "connected": None if made.below is None else connection.failure is None,
        **seen.profile.summary(),
        "max_train_loss": seen.max_train_loss,
        "barrier": as_loss(seen.barrier),
        "train_loss_a": as_loss(certificate.loss_a),
        "train_loss_b": as_loss(certificate.loss_b),
        "level": certificate.level,
        "drift": certificate.drift,
        "excess": as_loss(certificate.excess),
        **(of_norms or {}),
        "certified": certificate.certified,
        "certificate": certificate.kind,
        "residual": certificate.residual,
        **of_pieces,
        "length": path.length(),
        "normalized_length": path.normalized_length(),
        "beads": made.beads,
        "dtype": str(problem.dtype).removeprefix("torch."),
        "forward_passes": seen.profile.forward_passes,
        "seconds": connection.seconds,
    }
    ends = [ref.row_id for ref in spec.ends[position]] if isinstance(spec, Connect) else [job.inputs[0].id, None]
    return PathMade(
        position=position,
        file=file_at(position, PATH),
        model_a=ends[0] or 0,
        model_b=ends[1],
        values=values,
        segments=describe_segments(path, seen),
        points=describe_points(seen.profile),
        pieces_file=pieces_file,
    )


def describe_points(profile: Profile) -> list[PointMade]:
    """The profile, point by point."""
    count = len(profile.t)

    def column(tensor: Tensor | None) -> list[float | None]:
        return [None] * count if tensor is None else [as_loss(value) for value in tensor.tolist()]

    test = profile.test
    rows = zip(
        profile.t.tolist(),
        profile.segment.tolist(),
        column(profile.train.loss),
        column(profile.train.error),
        column(None if test is None else test.loss),
        column(None if test is None else test.error),
        strict=True,
    )
    return [
        PointMade(t=t, segment=i, train_loss=loss, train_error=error, test_loss=test_loss, test_error=test_error)
        for t, i, loss, error, test_loss, test_error in rows
    ]
