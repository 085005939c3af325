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
from core.results import Environment
from core.specs.runs import Bound, Connect, Descend, Swap, Train


def perform(job: Job, folder: Path, journal: Journal) -> None:
    """Do what the job's spec asks for, on its device and number of threads."""
    torch.set_num_threads(job.threads)
    if job.device != "cpu":
        settle_arithmetic()
    journal.write(Environment(facts=environment(job.device)))
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
