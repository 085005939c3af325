"""Plans of runs: their references, and which of their runs exist already."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from sqlalchemy.orm import Session

from core.engine.model_inputs import find
from core.errors import UsageError
from core.specs.kinds import inputs_of, with_inputs
from core.specs.runs import Reference, RunSpec, from_json, to_json
from core.studies.plan import Planned
from store import NotFoundError, Run, Runs


def renumbered(spec: RunSpec, new: Callable[[int], int]) -> RunSpec:
    """The spec with references to runs, or to runs of a plan by index, turned to others."""
    return with_inputs(spec, lambda ref: ref if ref.run is None else type(ref)(run=new(ref.run), position=ref.position))


def already_begun(session: Session, plan: Sequence[Planned]) -> list[Run | None]:
    """For every run of a plan the newest run of any study that does the same to the same inputs; None: there is none.

    The same is: an equal spec, seeds and name included, whose inputs come from runs that were found themselves.
    """
    known = _earlier_runs(session)
    found: list[Run | None] = []
    for planned in plan:
        inputs = [found[ref.run] for ref in inputs_of(planned.spec) if ref.run is not None]
        ids = [0 if run is None else run.id for run in found]
        complete = all(run is not None for run in inputs)
        found.append(known.get(to_json(renumbered(planned.spec, ids.__getitem__))) if complete else None)
    return found


def is_reusable(run: Run) -> bool:
    """Whether a run's result can be used instead of repeating it."""
    # Every finding stands, not only a missing connection: it is an answer, and the same spec would give it again. What
    # was cancelled or hit by a fault has no answer, and neither has what waited for a run that failed.
    return run.state not in ("failed", "cancelled") or run.outcome == "finding"


def _earlier_runs(session: Session) -> dict[str, Run]:
    """Runs of studies by their spec, inputs in it named by the runs that made them; the newest of each."""
    known = {}
    for run in Runs(session).of_studies():
        with suppress(UsageError, NotFoundError):  # another version's spec; an input that was deleted
            spec = from_json(run.spec)
            known[to_json(with_inputs(spec, partial(_by_run, session)))] = run
    return known


def _by_run(session: Session, ref: Reference) -> Reference:
    if ref.run is not None:
        return ref
    made = find(session, ref)
    return type(ref)(run=made.run_id, position=made.position)
