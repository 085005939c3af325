"""The job `certify`: another certificate of a path."""

from math import inf
from pathlib import Path

import msgspec
import torch

from core.arithmetic import suit_threads
from core.certify.enclosed import Wanted
from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.verifying import certificate_columns, describe_segments, verify_path
from core.errors import RunError
from core.examination import examine
from core.methods.connect import examination_sentence
from core.opening import open_joined
from core.path import Path as Curve
from core.penalty import Penalty
from core.progress import plural
from core.results import CertificateMade, as_loss
from core.specs.runs import Certify
from core.verification import other_losses, shortcomings


def run_certify(job: Job, spec: Certify, folder: Path, journal: Journal) -> None:
    """Leave the certificate, then raise RunError if less holds than the catalogue says.

    There is none of a path that does not join its models, nor where their losses are not those of the catalogue: the
    network computes something else.
    """
    journal.progress(None, "reading the data")
    (known,) = job.paths
    path = Curve.load(Path(known.file), sha256=known.sha256).moved(job.device)
    joined = open_joined(job.inputs, path.norms, job.device, job.data_root, journal)
    place = {model.id: i for i, model in enumerate(job.inputs)}
    a, b = place[known.model_a], place[known.model_b]
    problem = joined.between(a, b)
    suit_threads(problem, job.threads)
    segments = plural(len(path), "segment")
    journal.say(f"Certifies path {known.id} from model {known.model_a} to {known.model_b}, of {segments}, in float64.")
    journal.progress(None, f"certifying {segments}")
    wanted = Wanted(spec.slack, spec.passes or inf, test=spec.prove_test)
    penalty = Penalty(spec.ridge, spec.l1)
    examined = examine(problem.to(problem.device, torch.float64), path, spec.points, wanted, journal, penalty)
    found = verify_path(path, (joined.thetas[a], joined.thetas[b]), examined)
    journal.say(examination_sentence(examined))
    kept = msgspec.structs.asdict(known)
    if found["starts_at_a"] and found["ends_at_b"] and not other_losses(found, kept):
        journal.write(
            CertificateMade(
                path_id=known.id,
                kind=found["certificate"],
                level=as_loss(found["level"]),
                seen=as_loss(found["max_train_loss"]),
                drift=found["drift"],
                residual=found["residual"],
                segments=describe_segments(path, examined),
                **certificate_columns(examined, folder),
            )
        )
    # A proof may stop sooner than the one before: it contradicts that only where the loss itself is above its level.
    reached = found["max_train_loss"] if found["certificate"] == "enclosed" else found["level"]
    if wrong := shortcomings({**found, "level": reached}, kept):
        raise RunError("could not certify", f"could not certify: {'; '.join(wrong)}")
