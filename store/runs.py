"""The queue: runs and their attempts, from enqueueing to the end."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from store import claiming
from store.base import among, changed, fetch, fetch_one, iso, now
from store.claiming import ClaimedRun, Device, of_machine
from store.errors import NotFoundError
from store.run_tables import (
    ACTIVE,
    OUTCOMES,
    STATES,
    Attempt,
    AttemptRow,
    DependencyRow,
    LeaseRow,
    Machine,
    NewRun,
    Run,
    RunRow,
)
from store.states import FINISHED

__all__ = ["Attempt", "ClaimedRun", "Device", "Machine", "NewRun", "Run", "Runs"]


class Runs:
    """Reads and writes inside the caller's transaction; it never commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, new: NewRun) -> int:
        """Enqueue a run; its id. NotFoundError when it needs or repeats a run that isn't there."""
        return self.add_all([new])[0]

    def add_all(self, new: Sequence[NewRun]) -> list[int]:
        """Enqueue runs, none of which needs another one of them; their ids, in order. NotFoundError as above."""
        if not new:
            return []
        others = {other for one in new for other in (*one.needs, one.relaunch_of) if other is not None}
        self._require(others)
        queued = {"state": "queued", "created_at": now()}
        rows = [{**{name: value for name, value in vars(one).items() if name != "needs"}, **queued} for one in new]
        ids = list(self._session.scalars(insert(RunRow).returning(RunRow.id, sort_by_parameter_order=True), rows))
        needs = [
            {"run_id": run_id, "needs_run_id": needed}
            for run_id, one in zip(ids, new, strict=True)
            for needed in sorted(set(one.needs))
        ]
        if needs:
            self._session.execute(insert(DependencyRow), needs)
        return ids

    def get(self, run_id: int) -> Run:
        """The run of this id; NotFoundError."""
        return fetch_one(self._session, Run, "run", run_id)

    def existing(self, run_ids: Sequence[int]) -> list[Run]:
        """Those runs of these ids that there are, ascending."""
        return fetch(self._session, Run, "runs", among(RunRow.id, run_ids))

    def several(self, run_ids: Sequence[int]) -> list[Run]:
        """The runs of these ids, in this order; NotFoundError."""
        found = {run.id: run for run in self.existing(run_ids)}
        for missing in set(run_ids) - set(found):
            raise NotFoundError("run", missing)
        return [found[run_id] for run_id in run_ids]

    def of_studies(self) -> list[Run]:
        """All runs that belong to a study, oldest first."""
        return fetch(self._session, Run, "runs", RunRow.study.is_not(None))

    def attempts(self, run_id: int) -> list[Attempt]:
        """The run's attempts, first to last."""
        return fetch(self._session, Attempt, "attempts", AttemptRow.run_id == run_id)

    def claim(self, machine: Machine, agent_pid: int, devices: Sequence[Device]) -> ClaimedRun | None:
        """Take the oldest queued run that can start on a free device of this machine, with a lease; or None."""
        return claiming.claim(self._session, machine, agent_pid, devices)

    def changes_due(self, machine: Machine, devices: Sequence[Device]) -> bool:
        """Whether `claim`, `fail_blocked` or `tell_waiting` has something to do: to read keeps nobody waiting."""
        return claiming.changes_due(self._session, machine, devices)

    def notify_waiting(self, devices: Sequence[Device], owner: str) -> None:
        """Say in the message of queued runs that wait for another device than these, which are `whose`."""
        claiming.notify_waiting(self._session, devices, owner)

    def fail_blocked(self) -> list[int]:
        """Fail queued runs that need a failed or cancelled one, and those that need them; their ids."""
        return claiming.fail_blocked(self._session)

    def started(self, attempt_id: int, pid: int, pid_started: float | None, boot_id: str | None) -> None:
        """Note the worker process; `pid_started` is its start time in seconds since 1970."""
        self._update_attempt(attempt_id, pid=pid, pid_started=pid_started, boot_id=boot_id)

    def beat(
        self,
        attempt_id: int,
        *,
        offset: int,
        at: datetime,
        fraction: float | None = None,
        eta_seconds: float | None = None,
        message: str | None = None,
    ) -> None:
        """Note a sign of life at `at` (aware) and progress; None leaves progress as it was.

        A stale run is running again. Beats of an attempt that has ended only move `offset`.
        """
        self._update_attempt(attempt_id, offset=offset)
        if not self._move_attempt(attempt_id, ACTIVE, state="running", heartbeat_at=iso(at)):
            return
        progress = {"fraction": fraction, "eta_seconds": eta_seconds, "message": message}
        known = {name: value for name, value in progress.items() if value is not None}
        self._move_run(attempt_id, ACTIVE, state="running", **known)

    def environment(self, attempt_id: int, text: str) -> None:
        """Note versions, host and device that the worker found (JSON text)."""
        self._update_attempt(attempt_id, environment=text)

    def stale(self, attempt_id: int) -> None:
        """Note that a running attempt gives no sign of life; otherwise nothing."""
        if self._move_attempt(attempt_id, ("running",), state="stale"):
            self._move_run(attempt_id, ("running",), state="stale", eta_seconds=None)

    def finish(
        self,
        attempt_id: int,
        state: str,
        cause: str | None = None,
        cause_kind: str | None = None,
        exit_signal: int | None = None,
        outcome: str | None = None,
    ) -> bool:
        """End an attempt and its run as done, failed or cancelled; False when it had ended before.

        A failure is a fault unless its `outcome` is "finding". A result or finding of a run that was given up is
        kept: the run ends once more, as that.
        """
        assert state in FINISHED, state
        assert outcome is None or (state == "failed" and outcome in OUTCOMES), outcome
        moment = now()
        ending = {"state": state, "cause": cause, "finished_at": moment}
        late = (state == "done" or outcome == "finding") and self._given_up(attempt_id)
        before = ("cancelled",) if late else ACTIVE
        if not self._move_attempt(attempt_id, before, **ending, exit_signal=exit_signal, given_up_at=None):
            return False
        begun = self._session.scalar(select(RunRow.started_at).where(RunRow.id == self._run_of(attempt_id)))
        seconds = (moment - begun).total_seconds() if begun else None
        progress = {"eta_seconds": None, "message": None, **({"fraction": 1.0} if state == "done" else {})}
        why = {"cause_kind": cause_kind, "outcome": (outcome or "fault") if state == "failed" else None}
        self._move_run(attempt_id, before, **ending, **why, seconds=seconds, **progress)
        return True

    def give_up(self, attempt_id: int, cause: str) -> None:
        """Cancel an attempt that nobody hears of, and its run; see `finish` for a result that comes all the same."""
        run = update(RunRow).where(RunRow.id == self._run_of(attempt_id))
        asked = func.coalesce(RunRow.cancel_requested_at, iso(now()))
        self._session.execute(run.values(cancel_requested_at=asked))
        if self.finish(attempt_id, "cancelled", cause, "cancelled"):
            self._update_attempt(attempt_id, given_up_at=now())

    def given_up(self, machine: Machine) -> list[Attempt]:
        """Attempts of this machine that were given up, and that nobody has seen to since."""
        return fetch(self._session, Attempt, "attempts", AttemptRow.given_up_at.is_not(None), of_machine(machine))

    def seen_to(self, attempt_id: int) -> None:
        """Note that nothing more will come of an attempt that was given up."""
        self._update_attempt(attempt_id, given_up_at=None)

    def requeue(self, attempt_id: int, cause: str) -> bool:
        """End an attempt as failed and queue its run again; False when it had ended before.

        A run somebody asked to cancel meanwhile is cancelled instead.
        """
        run = self.get(self._run_of(attempt_id))
        if run.cancel_requested_at is not None:
            return self.finish(attempt_id, "cancelled", cause, "cancelled")
        if not self._move_attempt(attempt_id, ACTIVE, state="failed", cause=cause, finished_at=now()):
            return False
        self._move_run(attempt_id, ACTIVE, state="queued", fraction=None, eta_seconds=None, message=cause)
        return True

    def request_cancel(self, run_ids: Sequence[int]) -> dict[int, str]:
        """Cancel queued runs at once and ask those at work to stop; the state that each was in. NotFoundError."""
        these = among(RunRow.id, run_ids)
        self._require(run_ids)
        before = dict(self._session.execute(select(RunRow.id, RunRow.state).where(these).order_by(RunRow.id)).all())
        moment = now()
        ending = {"state": "cancelled", "cause": "cancelled while queued", "cause_kind": "cancelled"}
        queued = update(RunRow).where(these, RunRow.state == "queued")
        self._session.execute(queued.values(**ending, cancel_requested_at=moment, finished_at=moment))
        asked = {"cancel_requested_at": func.coalesce(RunRow.cancel_requested_at, iso(moment))}
        self._session.execute(update(RunRow).where(these, RunRow.state.in_(ACTIVE)).values(asked))
        return before

    def active(self, machine: Machine) -> list[Attempt]:
        """Attempts of this machine that have not ended: running or stale."""
        return fetch(self._session, Attempt, "attempts", of_machine(machine), AttemptRow.state.in_(ACTIVE))

    def elsewhere(self, machine: Machine) -> list[Attempt]:
        """Attempts of other machines that have not ended."""
        mine = {attempt.id for attempt in self.active(machine)}
        active = fetch(self._session, Attempt, "attempts", AttemptRow.state.in_(ACTIVE))
        return [attempt for attempt in active if attempt.id not in mine]

    def cancel_requested(self, machine: Machine) -> list[Attempt]:
        """Those of `active` whose run has been asked to cancel."""
        asked = select(RunRow.id).where(RunRow.cancel_requested_at.is_not(None), RunRow.state.in_(ACTIVE))
        mine = of_machine(machine) & AttemptRow.state.in_(ACTIVE)
        return fetch(self._session, Attempt, "attempts", mine, AttemptRow.run_id.in_(asked))

    def any_queued(self) -> bool:
        """Whether a run waits; cheap, however many there are."""
        return self._session.scalar(select(RunRow.id).where(RunRow.state == "queued").limit(1)) is not None

    def counts(self) -> dict[str, int]:
        """How many runs are in each state, states without runs included."""
        rows = self._session.execute(select(RunRow.state, func.count()).group_by(RunRow.state))
        return dict.fromkeys(STATES, 0) | dict(rows.all())

    def findings(self) -> dict[str, int]:
        """How many of the failed runs are findings, by the kind of their cause."""
        query = select(RunRow.cause_kind, func.count()).where(RunRow.outcome == "finding").group_by(RunRow.cause_kind)
        return {str(kind): count for kind, count in self._session.execute(query)}

    def needs(self, *run_ids: int) -> list[int]:
        """Ids of the runs that must be done before one of these, ascending."""
        query = select(DependencyRow.needs_run_id).where(among(DependencyRow.run_id, run_ids)).distinct()
        return sorted(self._session.scalars(query))

    def dependants(self, run_id: int) -> list[int]:
        """Ids of the runs that wait for or used this one, ascending."""
        query = select(DependencyRow.run_id).where(DependencyRow.needs_run_id == run_id)
        return sorted(self._session.scalars(query))

    def relaunches(self, run_id: int) -> list[int]:
        """Ids of the runs that repeat this one, ascending."""
        return list(self._session.scalars(select(RunRow.id).where(RunRow.relaunch_of == run_id).order_by(RunRow.id)))

    def newest_relaunches(self, run_ids: Sequence[int]) -> dict[int, int]:
        """The latest relaunch of each run, of its relaunches and so on; itself when there is none."""
        newest = {run_id: run_id for run_id in run_ids}
        later = select(RunRow.relaunch_of, func.max(RunRow.id)).group_by(RunRow.relaunch_of)
        while found := dict(self._session.execute(later.where(among(RunRow.relaunch_of, newest.values()))).all()):
            newest = {run_id: found.get(last, last) for run_id, last in newest.items()}
        return newest

    def failed_not_relaunched(self) -> list[int]:
        """Ids of failed runs that nobody relaunched yet, ascending."""
        again = aliased(RunRow)
        query = select(RunRow.id).where(RunRow.state == "failed", ~exists().where(again.relaunch_of == RunRow.id))
        return list(self._session.scalars(query.order_by(RunRow.id)))

    def _require(self, run_ids: Collection[int]) -> None:
        there = self._session.scalars(select(RunRow.id).where(among(RunRow.id, run_ids)))
        for missing in sorted(set(run_ids).difference(there)):
            raise NotFoundError("run", missing)

    def _given_up(self, attempt_id: int) -> bool:
        unheard = select(AttemptRow.id).where(AttemptRow.id == attempt_id, AttemptRow.given_up_at.is_not(None))
        return self._session.scalar(unheard) is not None

    def _run_of(self, attempt_id: int) -> int:
        query = select(AttemptRow.run_id).where(AttemptRow.id == attempt_id)
        if (run_id := self._session.scalar(query)) is None:
            raise NotFoundError("attempt", attempt_id)
        return run_id

    def _update_attempt(self, attempt_id: int, **values: object) -> None:
        self._session.execute(update(AttemptRow).where(AttemptRow.id == attempt_id).values(**values))

    def _move_attempt(self, attempt_id: int, from_states: Sequence[str], **values: object) -> bool:
        """Change an attempt only while it is in one of `from_states`; an ended one frees its device."""
        here = (AttemptRow.id == attempt_id) & AttemptRow.state.in_(from_states)
        moved = changed(self._session.execute(update(AttemptRow).where(here).values(**values))) == 1
        if moved and values["state"] in FINISHED:
            self._session.execute(delete(LeaseRow).where(LeaseRow.attempt_id == attempt_id))
        return moved

    def _move_run(self, attempt_id: int, from_states: Sequence[str], **values: object) -> None:
        here = (RunRow.id == self._run_of(attempt_id)) & RunRow.state.in_(from_states)
        self._session.execute(update(RunRow).where(here).values(**values))
