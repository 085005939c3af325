"""What a relaunch is: a new run with the old one's spec, some options changed, from a checkpoint or from scratch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.engine.folders import checkpoint
from core.engine.network_files import Trust, with_pinned_network
from core.engine.planning import renumbered
from core.errors import UsageError
from core.specs.kinds import changed, inputs_of
from core.specs.runs import RunSpec, Train, from_json
from store import Catalogue, Run, Runs
from store.states import FINISHED

#: Options of a training that its checkpoint depends on.
FIXED = ("network", "data", "loss", "seed", "count", "dtype", "optimizer", "batch")


#: Why a run is not repeated that nobody named.
AS_IT_WAS = "It failed because of bad input and is unchanged: change an option, or name the run to repeat it anyway."


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
        return renumbered(self.spec, lambda run_id: again.get(run_id, run_id))

    @property
    def is_hopeless(self) -> bool:
        """Whether the run failed of bad input and is repeated unchanged."""
        return self.old.cause_kind == "bad input" and self.spec == from_json(self.old.spec)


@dataclass(frozen=True)
class RelaunchOptions:
    """How runs are repeated: from "checkpoint" or "scratch" (None: as it fits), with which options changed."""

    catalogue: Catalogue
    resume: str | None
    changes: dict[str, str]
    trust: Trust

    def look_up(self, run_ids: Sequence[int]) -> tuple[list[Run], dict[int, int]]:
        """Those of these runs that there are, by id, and the newest relaunch of each run that they need."""
        with self.catalogue.read() as session:
            runs = Runs(session)
            return runs.existing(run_ids), runs.newest_relaunches(runs.needs(*run_ids))

    def of(self, old: Run, newest: Mapping[int, int]) -> Relaunch:
        """The relaunch of one run. Raises UsageError, also where a network's file has changed and isn't trusted."""
        if old.state not in FINISHED:
            raise UsageError(
                f"Run {old.id} is {old.state}: only a run that has ended can be relaunched; cancel it first."
            )
        spec = with_pinned_network(self.catalogue, changed(from_json(old.spec), self.changes), self.trust)
        one = Relaunch(old, spec, _start(self.catalogue, old, spec, self.resume, self.changes))
        return Relaunch(old, one.pointing_at(newest), one.resume)


def ready_in(plan: Sequence[Relaunch], again: Mapping[int, int]) -> list[Relaunch]:
    """What can be enqueued next, when the runs in `again` have been: all that needs nothing of the rest."""
    rest = {one.run_id: one for one in plan if one.run_id not in again}
    return [one for one in rest.values() if rest.keys().isdisjoint(ref.run for ref in inputs_of(one.spec))]


def _start(catalogue: Catalogue, old: Run, spec: RunSpec, resume: str | None, changes: dict[str, str]) -> str:
    """Where a relaunch starts: as asked, by default from a checkpoint where there is one that fits."""
    there = checkpoint(catalogue.files / "runs", old.id) is not None
    bound = _bound(old, spec, changes)
    if resume == "checkpoint" and not there:
        raise UsageError(f"Run {old.id} left no checkpoint: relaunch it with --from scratch.")
    if resume == "checkpoint" and bound:
        raise UsageError(f"Run {old.id} can't resume from its checkpoint with another {bound[0]}: use --from scratch.")
    return resume or ("checkpoint" if there and not bound else "scratch")


def _bound(old: Run, spec: RunSpec, changes: Mapping[str, str]) -> list[str]:
    """Changes that keep a training from resuming from its checkpoint."""
    before = from_json(old.spec)
    if not isinstance(before, Train) or not isinstance(spec, Train):
        return []
    # A model that has reached its goal has left the batch: towards a lower one it would have to come back.
    stopped = before.goal is not None and (before.count > 1 or old.state == "done")
    further = stopped and (spec.goal is None or spec.goal < (before.goal or 0))
    other = before.goal is not None and before.on != spec.on  # the checkpoint has values of the old one
    other_file = before.network != spec.network and "network" not in changes
    other_data = before.data != spec.data and "data" not in changes
    goal = "until_loss" if before.until is None and spec.until is None else "until"
    files = ["network"] * other_file + ["data"] * other_data
    return [name for name in FIXED if name in changes] + files + ["on"] * other + [goal] * further
