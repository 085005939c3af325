"""The job `bound`: one model in, some numbers out, and perhaps a grid to look at."""

from pathlib import Path

from core import grid_files
from core.arithmetic import suit_threads
from core.bounds import BOUNDS
from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.log_sentences import options_text
from core.files import write_whole
from core.opening import open_models
from core.results import BoundMade
from core.specs.runs import Bound, name_of_options

GRID = "grid.safetensors"


def run_bound(job: Job, spec: Bound, folder: Path, journal: Journal) -> None:
    """Compute a quantity of one model; leave its grid, where it has one, in a file."""
    source = job.inputs[0]
    kind = name_of_options(spec.bound)
    problem, (theta,) = open_models(job.inputs, job.device, job.data_root, journal)
    journal.say(f"Bound {kind} of model {source.id}: {options_text(spec.bound)}.")
    suit_threads(problem, job.threads)
    found = BOUNDS[kind](spec.bound, problem, theta, journal)
    journal.say(f"Found: {found.summary}.")
    if found.grid is not None:
        grid = found.grid
        write_whole(folder / GRID, lambda draft: grid_files.save(grid, draft))
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
            file=None if found.grid is None else GRID,
        )
    )
