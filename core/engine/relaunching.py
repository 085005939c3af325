"""What a relaunch is: a new run with the old one's spec, some options changed, from a checkpoint or from scratch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.engine.folders import checkpoint
from core.engine.sources import Trust, pinned
from core.errors import UsageError
from core.specs.kinds import changed, with_inputs
from core.specs.runs import ModelRef, RunSpec, Train, from_json
from store import Catalogue, Run, Runs
from store.run_rows import FINISHED

#: Options of a training that its checkpoint depends on.
FIXED = ("network", "data", "loss", "seed", "count", "dtype", "optimizer", "batch")


@dataclass(frozen=True)
class Relaunch:
    """A run to repeat, with the spec and the start ("checkpoint" or "scratch") that the new one will have."""

    old: Run
    spec: RunSpec
    resume: str

    @property
    def run_id(self) -> int:
        return self.old.id

    def pointing_at(self, again: Mapping[int, int]) -> RunSpec:
        """The spec with references to runs in `again` turned to their relaunches."""

        def turned(ref: ModelRef) -> ModelRef:
            return ref if ref.run is None else ModelRef(run=again.get(ref.run, ref.run), position=ref.position)

        return with_inputs(self.spec, turned)


def plan_relaunch(
    catalogue: Catalogue, run_ids: Sequence[int] | None, resume: str | None, changes: dict[str, str], trust: Trust
) -> list[Relaunch]:
    """Relaunches in the order of the old runs' ids, so that what others need comes first.

    Raises NotFoundError, UsageError, also where a network's file has changed and isn't trusted.
    """
    with catalogue.read() as session:
        runs = Runs(session)
        chosen = runs.failed_not_relaunched() if run_ids is None else sorted(set(run_ids))
        olds = [runs.get(run_id) for run_id in chosen]
        newest = {run_id: runs.newest_relaunch(run_id) for old in olds for run_id in runs.needs(old.id)}
    plan = []
    for old in olds:
        if old.state not in FINISHED:
            raise UsageError(
                f"Run {old.id} is {old.state}: only a run that has ended can be relaunched; cancel it first."
            )
        spec = pinned(catalogue, changed(from_json(old.spec), changes), trust)
        one = Relaunch(old, spec, _start(catalogue, old, spec, resume, changes))
        plan.append(Relaunch(old, one.pointing_at(newest), one.resume))
    return plan


def _start(catalogue: Catalogue, old: Run, spec: RunSpec, resume: str | None, changes: dict[str, str]) -> str:
    """Where a relaunch starts: as asked, by default from a checkpoint where there is one that fits."""
    there = checkpoint(catalogue.files / "runs", old.id) is not None
    bound = _bound(old, spec, changes)
    if resume == "checkpoint" and not there:
        raise UsageError(f"Run {old.id} left no checkpoint: relaunch it with --from scratch.")
    if resume == "checkpoint" and bound:
        raise UsageError(f"Run {old.id} can't go on from its checkpoint with another {bound[0]}: use --from scratch.")
    return resume or ("checkpoint" if there and not bound else "scratch")


def _bound(old: Run, spec: RunSpec, changes: Mapping[str, str]) -> list[str]:
    """Changes that keep a training from going on from its checkpoint."""
    before = from_json(old.spec)
    if not isinstance(before, Train) or not isinstance(spec, Train):
        return []
    # A model that has reached its goal has left the batch: towards a lower one it would have to come back.
    stopped = before.until_loss is not None and (before.count > 1 or old.state == "done")
    further = stopped and (spec.until_loss is None or spec.until_loss < (before.until_loss or 0))
    other_file = before.network != spec.network and "network" not in changes
    return [name for name in FIXED if name in changes] + ["network"] * other_file + ["until_loss"] * further
