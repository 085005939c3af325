"""The job `bound`: one model in, some numbers out."""

from pathlib import Path

from core.arithmetic import suit_threads
from core.bounds import BOUNDS
from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.telling import options_told
from core.opening import open_models
from core.results import BoundMade
from core.specs.runs import Bound, name_of_options


def run_bound(job: Job, spec: Bound, folder: Path, journal: Journal) -> None:  # noqa: ARG001 - no tensors here
    """Compute a quantity of one model."""
    source = job.inputs[0]
    kind = name_of_options(spec.bound)
    problem, (theta,) = open_models(job.inputs, job.device, job.data_root, journal)
    journal.say(f"Bound {kind} of model {source.id}: {options_told(spec.bound)}.")
    suit_threads(problem, job.threads)
    found = BOUNDS[kind](spec.bound, problem, theta, journal)
    journal.say(f"Found: {found.summary}.")
    journal.write(
        BoundMade(
            position=0,
            model_id=source.id,
            kind=kind,
            value=found.value,
            layer_count=found.layer_count,
            summary=found.summary,
            seconds=journal.seconds,
            measurements=found.measurements,
        )
    )
