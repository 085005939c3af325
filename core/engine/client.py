"""The engine as the command line and the screen use it: enqueue, follow, cancel, relaunch, verify.

Loads no torch. Jobs belong to the agent and its workers: a client that goes away takes nothing with it.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.orm import Session

import core
from core.data.files import data_root
from core.engine.checks import check, check_device, check_promise, with_settled_inputs
from core.engine.folders import attempt_folder, checkpoint, log_of
from core.engine.launch import start_agent
from core.engine.locks import SILENT_SECONDS, AgentLock
from core.engine.machines import this_machine
from core.engine.model_inputs import as_inputs, find
from core.engine.network_files import Trust, current_network, with_pinned_network
from core.engine.planning import already_begun, is_reusable, renumbered
from core.engine.probe import Ask, ask
from core.engine.relaunching import AS_IT_WAS, Relaunch, RelaunchOptions, ready_in
from core.errors import UsageError, sentence
from core.progress import duration_text
from core.specs.kinds import chosen_options, inputs_of
from core.specs.runs import (
    Making,
    RunSpec,
    Train,
    kind_of,
    name_of_options,
    to_json,
)
from core.studies.plan import Planned
from store import Catalogue, ModelRecord, Models, NewRun, Paths, Run, Runs
from store.errors import NotFoundError, StoreError
from store.states import FINISHED

FOLLOW_SECONDS = 0.2
LOOK_SECONDS = 2.0


class Client:
    """One catalogue's engine, as seen from outside. `data_root` is the folder of data sets (None: the usual one).

    `trust` is asked, with a sentence that says so, whether to go on where a network's file has changed.
    """

    def __init__(self, catalogue: Catalogue, data_root: str | None = None, trust: Trust = lambda _: False) -> None:
        self.catalogue = catalogue
        self.trust = trust
        self.trouble = ""  # why nothing goes on, while runs are followed
        self.data_root = data_root or os.environ.get("THALWEG_DATA")  # the agent's may differ: kept with each run
        self._ask: Ask = ask

    def with_probe(self, ask: Ask) -> "Client":
        """The same engine, with a probe that is kept: see core.engine.probe."""
        other = copy(self)
        other._ask = ask
        return other

    def enqueue(self, spec: RunSpec, *, device: str | None = None) -> int:
        """Check a request, enqueue it as a run and make sure that an agent is alive; the run's id.

        Raises UsageError, NotFoundError or ArtifactError, with nothing written.
        """
        (run_id,) = self.enqueue_all([spec], device=device)
        return run_id

    def enqueue_all(self, specs: Sequence[RunSpec], *, device: str | None = None) -> list[int]:
        """Enqueue requests that don't read each other's results, in one transaction; their ids. Raises as `enqueue`."""
        check_device(device)
        specs = [with_pinned_network(self.catalogue, spec, self.trust) for spec in specs]
        for spec in specs:
            check(self.catalogue, with_settled_inputs(self.catalogue, spec), self.data_root, self._ask)
        with self.catalogue.write() as session:
            ids = Runs(session).add_all([self._new_run(session, spec, device=device) for spec in specs])
        self.ensure_agent()
        return ids

    def rehearse(self, spec: RunSpec, *, device: str | None = None) -> None:
        """Raise what `enqueue` would raise; nothing is written, and no question about a network's file is asked."""
        check_device(device)
        check(self.catalogue, with_settled_inputs(self.catalogue, spec), self.data_root, self._ask)

    def enqueue_plan(
        self, plan: Sequence[Planned], *, device: str | None = None, study: str, go_on: bool = False
    ) -> list[int]:
        """Enqueue a study's runs in one transaction; their ids. In a plan `ModelRef.run` counts its runs from 0.

        With `go_on`, runs of the catalogue take the place of new ones that would do the same, unless they were
        cancelled or a fault ended them: these are begun again, from their checkpoint where there is one.
        """
        check_device(device)
        plan = [  # the others count runs that aren't there yet
            replace(one, spec=with_pinned_network(self.catalogue, one.spec, self.trust))
            if isinstance(one.spec, Train)
            else one
            for one in plan
        ]
        for planned in plan:
            check(self.catalogue, planned.spec, self.data_root, self._ask)
        ids: list[int] = []
        with self.catalogue.write() as session:
            olds = already_begun(session, plan) if go_on else [None] * len(plan)
            for planned, old in zip(plan, olds, strict=True):
                reads = [ref.run for ref in inputs_of(planned.spec) if ref.run is not None]
                same = all((one := olds[i]) is not None and ids[i] == one.id for i in reads)
                if old is not None and same and is_reusable(old):
                    ids.append(old.id)
                    continue
                new = self._new_run(session, renumbered(planned.spec, ids.__getitem__), device=device, study=study)
                if old is not None:
                    there = same and checkpoint(self.catalogue.files / "runs", old.id) is not None
                    new = replace(new, relaunch_of=old.id, resume="checkpoint" if there else "scratch")
                ids.append(Runs(session).add(new))
        self.ensure_agent()
        return ids

    def runs_begun(self, plan: Sequence[Planned]) -> list[Run | None]:
        """A study's runs that exist already; nothing is enqueued."""
        with self.catalogue.read() as session:
            return already_begun(session, plan)

    def ensure_agent(self) -> None:
        """Start an agent where there is work for this machine and no agent is alive. Costs two short reads."""
        if self.catalogue.readonly or AgentLock(self.catalogue.files, this_machine()).is_held():
            return
        with self.catalogue.read() as session:
            runs = Runs(session)
            work = runs.any_queued() or runs.active(this_machine()) or runs.given_up(this_machine())
        if work:
            start_agent(self.catalogue.path.absolute(), self.catalogue.files / "agent.log")

    def agent_status(self) -> str:
        """The state of this machine's agent: "works", "none", or why it is stuck, as a part of a sentence."""
        lock = AgentLock(self.catalogue.files, this_machine())
        if not lock.is_held():
            return "none"
        if (silent := lock.silent_seconds()) > SILENT_SECONDS:
            return f"the agent has been silent for {duration_text(silent)}"
        return lock.trouble() or "works"

    def follow(self, run_ids: Sequence[int]) -> Iterator[list[Run]]:
        """The runs' records, several times a second, until all have ended; the last ones yielded are final.

        Meanwhile `trouble` says why nothing goes on, where something is wrong with this machine's agent.
        """
        looked = 0.0
        while True:
            if time.monotonic() - looked > LOOK_SECONDS:
                self.ensure_agent()
                how = self.agent_status()
                self.trouble = "" if how in ("none", "works") else sentence(how[0].upper() + how[1:])
                looked = time.monotonic()
            with self.catalogue.read() as session:
                runs = Runs(session).several(run_ids)
            yield runs
            if all(run.state in FINISHED for run in runs):
                return
            time.sleep(FOLLOW_SECONDS)

    def cancel(self, run_ids: Sequence[int]) -> dict[int, str]:
        """Cancel queued runs and ask those at work to stop; the state that each was in. Raises NotFoundError."""
        with self.catalogue.write() as session:
            before = Runs(session).request_cancel(run_ids)
        self.ensure_agent()
        return before

    def plan_relaunch(
        self, run_ids: Sequence[int], *, resume: str | None = None, changes: dict[str, str]
    ) -> list[Relaunch]:
        """What a relaunch would enqueue, by the old runs' ids, so that what others need comes first.

        Nothing is written. Raises NotFoundError, UsageError.
        """
        how = RelaunchOptions(self.catalogue, resume, changes, self.trust)
        olds, newest = how.look_up(run_ids)
        for missing in sorted(set(run_ids).difference(old.id for old in olds)):
            raise NotFoundError("run", missing)
        return [how.of(old, newest) for old in olds]

    def rehearse_relaunch(
        self, run_ids: Sequence[int], *, resume: str | None = None, changes: dict[str, str], named: bool = True
    ) -> tuple[list[Relaunch], dict[int, str]]:
        """What a relaunch would enqueue, and why the other runs can't be repeated; nothing is written.

        A run that nobody `named` is not repeated in vain, as it was refused for bad input.
        """
        how = RelaunchOptions(self.catalogue, resume, changes, self.trust)
        olds, newest = how.look_up(run_ids)
        gone = sorted(set(run_ids).difference(old.id for old in olds))
        plan: list[Relaunch] = []
        refused = {run_id: str(NotFoundError("run", run_id)) for run_id in gone}
        for old in olds:
            try:
                one = how.of(old, newest)
                check(self.catalogue, one.spec, old.data_root, self._ask)
                self._check_needed(one, plan)
                if one.is_hopeless and not named:
                    raise UsageError(AS_IT_WAS)
            except (UsageError, StoreError) as error:
                refused[old.id] = str(error)
            else:
                plan.append(one)
        return plan, refused

    def failed(self) -> list[int]:
        """Ids of failed runs that nobody relaunched yet."""
        with self.catalogue.read() as session:
            return Runs(session).failed_not_relaunched()

    def _check_needed(self, one: Relaunch, before: Sequence[Relaunch]) -> None:
        """Raise UsageError where a relaunch needs a run that has failed and isn't repeated before it."""
        for ref in inputs_of(one.spec):
            if ref.run is not None and all(other.run_id != ref.run for other in before):
                with self.catalogue.read() as session:
                    needed = Runs(session).get(ref.run)
                check_promise(needed, ref)

    def relaunch(self, plan: Sequence[Relaunch], *, device: str | None = None) -> list[int]:
        """Enqueue planned relaunches in one transaction; references to relaunched runs follow them."""
        check_device(device)
        for one in plan:
            check(self.catalogue, one.spec, one.old.data_root, self._ask)
        again: dict[int, int] = {}
        with self.catalogue.write() as session:
            while ready := ready_in(plan, again):
                new = [self._enqueue_relaunch(session, one, one.pointing_at(again), device) for one in ready]
                again |= zip((one.run_id for one in ready), Runs(session).add_all(new), strict=True)
        self.ensure_agent()
        return [again[one.run_id] for one in plan]

    def _enqueue_relaunch(self, session: Session, one: Relaunch, spec: RunSpec, device: str | None) -> NewRun:
        new = self._new_run(session, spec, device=device or one.old.device_requested, study=one.old.study)
        return replace(new, relaunch_of=one.run_id, resume=one.resume, data_root=one.old.data_root)

    def log_file(self, run_id: int) -> Path | None:
        """The log of all attempts of a run; None where it never started. Raises NotFoundError."""
        with self.catalogue.read() as session:
            Runs(session).get(run_id)
            attempts = Runs(session).attempts(run_id)
        if not attempts:
            return None
        newest = attempt_folder(self.catalogue.files / "runs", run_id, attempts[-1].number)
        logs = (log_of(newest), newest / "log.txt")  # the first edition had one for each attempt
        return next((file for file in logs if file.exists()), None)

    def verify(self, path_id: int) -> dict[str, Any]:
        """Check a path's certificate again, from its tensors, network and data, in float64."""
        return ask({"question": "verify", **self._path_question(path_id)})

    def points(self, path_id: int, count: int, to: Path) -> dict[str, Any]:
        """Write `count` parameter vectors along a path into one safetensors file."""
        return ask({"question": "points", **self._path_question(path_id), "count": count, "to": str(to.absolute())})

    def knots(self, path_id: int, to: Path) -> dict[str, Any]:
        """Write the knots of a path, with the pieces that it is proven on, into one safetensors file."""
        return ask({"question": "knots", **self._path_question(path_id), "to": str(to.absolute())})

    def export_model(self, model_id: int, to: Path) -> dict[str, Any]:
        """Write a model as a state dict, under the names of the file that it is from."""
        with self.catalogue.read() as session:
            model = Models(session).get(model_id)
        file = self.catalogue.artifacts.verified(model.artifact or "")
        asked: dict[str, Any] = {"question": "state", "model": str(file), "sha256": model.artifact, "data": model.data}
        asked |= {"network": current_network(model.network or "", self.trust), "root": str(data_root(self.data_root))}
        return ask({**asked, "source": source_of(model), "to": str(to.absolute())})

    def export_point(self, path_id: int, t: float, to: Path) -> dict[str, Any]:
        """Write the point of a path at t, as `export_model` does a model; names and buffers are those of its start."""
        with self.catalogue.read() as session:
            path = Paths(session).get(path_id)
            start = Models(session).get(path.model_a)
        asked = {"question": "point", "t": t, "source": source_of(start), "to": str(to.absolute())}
        return ask(self._path_question(path_id) | asked)

    def facts(self) -> dict[str, Any]:
        """The environment of jobs on this machine: versions, devices, memory."""
        return ask({"question": "facts"})

    def _path_question(self, path_id: int) -> dict[str, Any]:
        with self.catalogue.read() as session:
            path = Paths(session).get(path_id)
        network = None if path.network is None else current_network(path.network, self.trust)
        models, known = as_inputs(self.catalogue, path, network)
        asked: dict[str, Any] = {"path": known.file, "sha256": known.sha256, "pieces": known.pieces}
        asked |= {"path_id": known.id, "certificate": known.certificate, "level": known.level, "root": self.data_root}
        return {**asked, "models": msgspec.to_builtins(models)}

    def _new_run(self, session: Session, spec: RunSpec, *, device: str | None, study: str | None = None) -> NewRun:
        network, data, seed = self._columns_of(session, spec)
        return NewRun(
            kind=kind_of(spec),
            spec=to_json(spec),
            name=spec.name,
            network=network,
            data=data,
            method=method_of(spec),
            seed=seed,
            device_requested=device,
            study=study,
            needs=tuple(ref.run for ref in inputs_of(spec) if ref.run is not None),
            git_commit=git_commit(),
            data_root=self.data_root,
        )

    def _columns_of(self, session: Session, spec: RunSpec) -> tuple[str | None, str | None, int | None]:
        """Network, data and seed of a run, for lists; network and data are those of the first thing that it reads."""
        if isinstance(spec, Making):
            return spec.network, spec.data, getattr(spec, "seed", None)
        ref = inputs_of(spec)[0]
        first = Runs(session).get(ref.run) if ref.run is not None else find(session, ref)
        return spec.network or first.network, first.data, getattr(spec, "seed", None)


def source_of(model: ModelRecord) -> dict[str, Any]:
    """The file that a model was imported from, and how; empty for others."""
    found: dict[str, Any] = {} if model.source is None else msgspec.json.decode(model.source)
    return found


def method_of(spec: RunSpec) -> str | None:
    """The name of a run's method or bound."""
    options = chosen_options(spec)
    return None if options is None else name_of_options(options)


@cache
def git_commit() -> str | None:
    """The commit this program was run from, where it is a checkout."""
    home = Path(core.__file__).parents[1]
    if not (home / ".git").exists():
        return None
    said = subprocess.run(["git", "-C", str(home), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return said.stdout.strip() or None
