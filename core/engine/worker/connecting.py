"""The job `connect`: a path between two models, with everything that is measured of it."""

from collections.abc import Sequence
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
from core.engine.worker.verifying import certificate_columns, describe_segments
from core.errors import RunError
from core.files import write_whole
from core.methods.connect import Connection, connect
from core.methods.method import Helper, Task
from core.opening import open_models
from core.penalty import Penalty
from core.problem import Problem
from core.profile import Profile
from core.results import ModelMade, PathMade, PointMade, as_loss
from core.specs.kinds import chosen_options
from core.specs.runs import Connect, RunSpec, name_of_options


def run_connect(job: Job, spec: Connect, folder: Path, journal: Journal) -> None:
    """Connect, leave the path whatever came of it, then raise RunError if it doesn't connect."""
    journal.progress(None, "reading the data")
    a, b = job.inputs
    below = "" if spec.below is None else f" below {spec.below:g}"
    how = f"{name_of_options(spec.method)}, seed {spec.seed} {options_text(spec.method)}".rstrip()
    problem, (start, end) = open_models(job.inputs, job.device, job.data_root, journal)
    journal.say(f"Connects models {a.id} and {b.id}{below} by {how}.")
    suit_threads(problem, job.threads)
    penalty = Penalty(spec.ridge, spec.l1)
    task = Task(start, end, problem, spec.below, spec.seed, journal, penalty=penalty)
    wanted = None if spec.prove == "off" else Wanted(spec.slack, spec.passes or inf, test=spec.prove_test)
    connection = connect(spec.method, task, spec.points, wanted, must_prove=spec.prove == "on")
    write_whole(folder / "path.safetensors", connection.construction.path.save)
    log_file(folder / "path.safetensors", journal)
    journal.write(describe_path(job, spec, problem, connection, folder))
    leave_helpers(job, spec, problem, connection.construction.helpers, folder, journal)
    if connection.failure is not None:
        raise RunError("could not connect", f"could not connect: {connection.failure}")


def leave_helpers(
    job: Job, spec: Connect, problem: Problem, helpers: Sequence[Helper], folder: Path, journal: Journal
) -> None:
    """The networks that a path rests on, as models of the role helper."""
    source = job.inputs[0]
    for position, helper in enumerate(helpers):
        made = ModelMade(
            **describe_model(problem, helper.theta, position, folder),
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


def describe_path(job: Job, spec: RunSpec, problem: Problem, connection: Connection, folder: Path) -> PathMade:
    """All rows that a path leaves in the catalogue; one with a single input leads to the model that the run leaves.

    The pieces that it was proven on are left in `folder`.
    """
    made, seen = connection.construction, connection.examination
    certificate = seen.certificate
    path = made.path
    of_pieces = certificate_columns(seen, folder)
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
    return PathMade(
        position=0,
        file="path.safetensors",
        model_a=job.inputs[0].id,
        model_b=job.inputs[1].id if len(job.inputs) > 1 else None,
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
