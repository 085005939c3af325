"""The job `swap`: one model in, one out."""

from pathlib import Path

from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.log_sentences import log_model
from core.engine.worker.training import describe_model
from core.methods.swapping import swap_units
from core.opening import open_models
from core.results import ModelMade
from core.specs.runs import Swap


def run_swap(job: Job, spec: Swap, folder: Path, journal: Journal) -> None:
    """Leave the model with two hidden units exchanged."""
    source = job.inputs[0]
    problem, (theta,) = open_models(job.inputs, job.device, job.data_root, journal)
    journal.say(f"Exchanges units {spec.first} and {spec.second} of layer {spec.layer} of model {source.id}.")
    swapped = swap_units(problem, theta, spec.layer, (spec.first, spec.second))
    made = describe_model(problem, swapped, 0, folder)
    log_model("with these units exchanged", made, folder, journal)
    journal.write(
        ModelMade(
            **made,
            network=source.network,
            data=source.data,
            seed=source.seed,
            epochs=source.epochs,
            reached=None,
            seconds=journal.seconds,
            name=spec.name,
        )
    )
