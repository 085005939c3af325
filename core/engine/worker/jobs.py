"""Which function does which kind of run."""

from pathlib import Path

import torch

from core.engine.folders import Job
from core.engine.worker.arithmetic import settle_arithmetic
from core.engine.worker.connecting import run_connect
from core.engine.worker.descending import run_descend
from core.engine.worker.facts import environment
from core.engine.worker.journal import Journal
from core.engine.worker.small_jobs import run_bound, run_swap
from core.engine.worker.training import run_train
from core.files import amount
from core.reporting import plural
from core.results import Environment
from core.specs.runs import Bound, Connect, Descend, Swap, Train


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
        journal.say(f"There is a checkpoint to go on from: {amount(journal.left.stat().st_size)}.")
    match job.spec:
        case Train():
            run_train(job, job.spec, folder, journal)
        case Swap():
            run_swap(job, job.spec, folder, journal)
        case Connect():
            run_connect(job, job.spec, folder, journal)
        case Bound():
            run_bound(job, job.spec, folder, journal)
        case Descend():
            run_descend(job, job.spec, folder, journal)
