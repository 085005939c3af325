"""Which function does which kind of run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from core.arithmetic import settle_arithmetic
from core.engine.folders import Job
from core.engine.worker.bounding import run_bound
from core.engine.worker.certifying import run_certify
from core.engine.worker.connecting import run_connect
from core.engine.worker.descending import run_descend
from core.engine.worker.facts import environment
from core.engine.worker.importing import run_import
from core.engine.worker.journal import Journal
from core.engine.worker.swapping import run_swap
from core.engine.worker.training import run_train
from core.files import amount
from core.progress import plural
from core.results import Environment
from core.specs.runs import Bound, Certify, Connect, Descend, Import, RunSpec, Swap, Train

#: One function for each kind of run: it does what the spec asks for, and leaves results in the journal.
JOBS: dict[type[RunSpec], Callable[[Job, Any, Path, Journal], None]] = {
    Train: run_train,
    Import: run_import,
    Swap: run_swap,
    Connect: run_connect,
    Bound: run_bound,
    Descend: run_descend,
    Certify: run_certify,
}


def perform(job: Job, folder: Path, journal: Journal) -> None:
    """Do what the job's spec asks for, on its device and number of threads."""
    torch.set_num_threads(job.threads)
    if job.device != "cpu":
        settle_arithmetic()
    facts = environment(job.device)
    journal.write(Environment(facts=facts))
    with_what = f"thalweg {facts['thalweg']}, torch {facts['torch']}, {plural(facts['threads'], 'thread')}"
    journal.say(f"Run {job.run_id}, attempt {folder.name}, on {job.device} of {facts['host']}: {with_what}.")
    if journal.left is not None:
        journal.say(f"There is a checkpoint to resume from: {amount(journal.left.stat().st_size)}.")
    JOBS[type(job.spec)](job, job.spec, folder, journal)
