"""The job `certify`: another certificate of a path."""

from pathlib import Path

import msgspec

from core.arithmetic import suit_threads
from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.verifying import verify_path
from core.errors import RunError
from core.opening import open_models
from core.path import Path as Curve
from core.progress import plural
from core.results import CertificateMade, as_loss
from core.specs.runs import Certify
from core.verification import other_losses, shortcomings


def run_certify(job: Job, spec: Certify, folder: Path, journal: Journal) -> None:  # noqa: ARG001 - no tensors here
    """Leave the certificate, then raise RunError if less holds than the catalogue says.

    There is none of a path that does not join its models, nor where their losses are not those of the catalogue: the
    network computes something else.
    """
    journal.progress(None, "reading the data")
    (known,) = job.paths
    problem, thetas = open_models(job.inputs, job.device, job.data_root, journal)
    theta = {model.id: one for model, one in zip(job.inputs, thetas, strict=True)}
    suit_threads(problem, job.threads)
    path = Curve.load(Path(known.file), sha256=known.sha256).moved(job.device)
    segments = plural(len(path), "segment")
    journal.say(f"Certifies path {known.id} from model {known.model_a} to {known.model_b}, of {segments}, in float64.")
    journal.progress(None, f"certifying {segments}")
    found = verify_path(path, problem, (theta[known.model_a], theta[known.model_b]), spec.points)
    journal.say(
        f"Certificate: {found['certificate']}, level {found['level']:.6g}; {len(found['refused'])} claims refused."
    )
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
                pieces=found["segments"],
            )
        )
    if wrong := shortcomings(found, kept):
        raise RunError("could not certify", f"could not certify: {'; '.join(wrong)}")
