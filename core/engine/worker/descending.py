"""The job `descend`: a path from a model down to a new one, and that model."""

import time
from pathlib import Path

from core.arithmetic import suit_threads
from core.engine.folders import Job
from core.engine.worker.connecting import describe_path
from core.engine.worker.journal import Journal
from core.engine.worker.log_sentences import log_file, log_model, options_text
from core.engine.worker.training import describe_model
from core.errors import RunError
from core.examination import examine
from core.files import write_whole
from core.methods.connect import Connection, examination_sentence, failure_of
from core.methods.descent import descend
from core.methods.method import Task
from core.opening import open_models
from core.penalty import Penalty
from core.results import ModelMade
from core.specs.runs import Descend


def run_descend(job: Job, spec: Descend, folder: Path, journal: Journal) -> None:
    """Descend, leave the model reached and the path to it, then raise RunError if float64 could not follow."""
    journal.progress(None, "reading the data")
    source = job.inputs[0]
    problem, (start,) = open_models(job.inputs, job.device, job.data_root, journal)
    journal.say(f"Descends from model {source.id} to {spec.to:g} above the lowest loss: {options_text(spec)}.")
    suit_threads(problem, job.threads)
    begun = time.monotonic()
    task = Task(start, start, problem, seed=spec.seed, reporter=journal)
    made = descend(task, spec.to, spec.theorem, spec.delta, spec.ridge)
    journal.progress(None, f"certifying and measuring {len(made.path)} segments")
    examination = examine(problem, made.path, spec.points, penalty=Penalty(spec.ridge))
    journal.say(examination_sentence(examination))
    described = describe_model(problem, made.path.end, 0, folder)
    log_model("at the end of the path", described, folder, journal)
    journal.write(
        ModelMade(
            **described,
            network=source.network,
            data=source.data,
            seed=spec.seed,
            epochs=0,
            reached=made.gaps is None,
            seconds=journal.seconds,
            name=spec.name,
        )
    )
    write_whole(folder / "path.safetensors", made.path.save)
    log_file(folder / "path.safetensors", journal)
    connection = Connection(made, examination, failure_of(made, examination), time.monotonic() - begun)
    journal.write(describe_path(job, spec, problem, connection, folder))
    if connection.failure is not None:
        raise RunError("could not descend", f"could not descend: {connection.failure}")
