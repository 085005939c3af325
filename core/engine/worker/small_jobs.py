"""The jobs `swap` and `bound`: one model in, one model or some numbers out."""

from pathlib import Path

from core.bounds import BOUNDS
from core.engine.folders import Job
from core.engine.worker.journal import Journal
from core.engine.worker.opening import opened, suit_threads
from core.engine.worker.telling import options_told, tell_model
from core.engine.worker.training import describe_model
from core.methods.swapping import swap_units
from core.results import BoundMade, ModelMade
from core.specs.runs import Bound, Swap, name_of_options


def run_swap(job: Job, spec: Swap, folder: Path, journal: Journal) -> None:
    """Leave the model with two hidden units exchanged."""
    source = job.inputs[0]
    problem, (theta,) = opened(job.inputs, job.device, job.data_root, journal)
    journal.say(f"Exchanges units {spec.first} and {spec.second} of layer {spec.layer} of model {source.id}.")
    swapped = swap_units(problem, theta, spec.layer, (spec.first, spec.second))
    made = describe_model(problem, swapped, 0, folder)
    tell_model("with these units exchanged", made, folder, journal)
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


def run_bound(job: Job, spec: Bound, folder: Path, journal: Journal) -> None:  # noqa: ARG001 - no tensors here
    """Compute a quantity of one model."""
    source = job.inputs[0]
    kind = name_of_options(spec.bound)
    problem, (theta,) = opened(job.inputs, job.device, job.data_root, journal)
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
