"""Which queued run starts next, on which device; and which can never start."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from store.base import changed, fetch_one, insert_row, iso, now
from store.run_tables import Attempt, AttemptRow, DependencyRow, LeaseRow, Machine, Run, RunRow

WAITS = "waits for "  # so begins the message of a run for a device that an agent hasn't got


@dataclass(frozen=True)
class Device:
    """A device of a machine ("cpu", "cuda:0") and how many runs it takes at once."""

    name: str
    slots: int = 1


@dataclass(frozen=True)
class ClaimedRun:
    """A run that is the caller's to start, and the attempt to report on."""

    run: Run
    attempt: Attempt


def of_machine(machine: Machine) -> ColumnElement[bool]:
    """Whether an attempt is one of this machine, of this start or an earlier one.

    An attempt of another start that was heard of since this one began is of another machine with the same id.
    Attempts from before machines were known are told apart by the host's name.
    """
    earlier = AttemptRow.heartbeat_at < iso(machine.began)
    known = (AttemptRow.machine == machine.id) & ((AttemptRow.boot_id == machine.boot) | earlier)
    return known | (AttemptRow.machine.is_(None) & (AttemptRow.host == machine.host))


def claim(session: Session, machine: Machine, agent_pid: int, devices: Sequence[Device]) -> ClaimedRun | None:
    """See Runs.claim."""
    free = _free(session, machine, devices)
    while free and (candidate := _oldest_ready(session, free)) is not None:
        run_id, wanted = candidate
        device = next(name for name in free if _matches(wanted, name))
        # Compare and set: whatever the transaction's mode, a run is claimed once.
        mine = (RunRow.id == run_id) & (RunRow.state == "queued")
        start = {"state": "running", "started_at": func.coalesce(RunRow.started_at, iso(now()))}
        taken = session.execute(update(RunRow).where(mine).values(**start, message=None))
        if changed(taken) == 1:
            attempt_id = _begin(session, run_id, machine, device, agent_pid)
            return ClaimedRun(
                fetch_one(session, Run, "run", run_id), fetch_one(session, Attempt, "attempt", attempt_id)
            )
    return None


def changes_due(session: Session, machine: Machine, devices: Sequence[Device]) -> bool:
    """See Runs.changes_due."""
    free = _free(session, machine, devices)
    if free and _oldest_ready(session, free) is not None:
        return True
    untold = select(RunRow.id).where(_unnotified(devices)).limit(1)
    return session.execute(_blocked().limit(1)).first() is not None or session.scalar(untold) is not None


def notify_waiting(session: Session, devices: Sequence[Device], owner: str) -> None:
    """See Runs.tell_waiting."""
    text = literal(WAITS) + RunRow.device_requested + f": {owner}"
    session.execute(update(RunRow).where(_unnotified(devices)).values(message=text))


def _unnotified(devices: Sequence[Device]) -> ColumnElement[bool]:
    """Queued runs for none of these devices, which don't say so yet."""
    said = RunRow.message.is_not(None) & RunRow.message.startswith(WAITS)
    return (RunRow.state == "queued") & ~_fits([device.name for device in devices]) & ~said


def _blocked() -> "Select[int, int, str, str | None, str | None]":
    needed = aliased(RunRow)
    return (
        select(RunRow.id, needed.id, needed.state, needed.cause, needed.cause_kind)
        .join(DependencyRow, DependencyRow.run_id == RunRow.id)
        .join(needed, needed.id == DependencyRow.needs_run_id)
        .where(RunRow.state == "queued", needed.state.in_(("failed", "cancelled")))
        .order_by(RunRow.id, needed.id)
    )


def fail_blocked(session: Session) -> list[int]:
    """See Runs.fail_blocked."""
    failed: dict[int, None] = {}
    while blocked := session.execute(_blocked()).all():
        for run_id, needed_id, state, cause, cause_kind in blocked:
            if run_id in failed:
                continue  # the first input that failed is cause enough
            # Down a chain of runs, the one that failed by itself is the news.
            inherited = cause_kind == "input failed" and cause
            text = cause if inherited else f"input failed: run {needed_id} ({cause or state})"
            ending = {"state": "failed", "cause": text, "cause_kind": "input failed", "outcome": "fault"}
            session.execute(update(RunRow).where(RunRow.id == run_id).values(**ending, finished_at=now()))
            failed[run_id] = None
    return list(failed)


def _free(session: Session, machine: Machine, devices: Sequence[Device]) -> list[str]:
    query = select(LeaseRow.device, func.count()).join(AttemptRow).where(of_machine(machine)).group_by(LeaseRow.device)
    leased = dict(session.execute(query).all())
    return [device.name for device in devices if leased.get(device.name, 0) < device.slots]


def _matches(wanted: str | None, device: str) -> bool:
    return wanted is None or wanted == device or (wanted == "cuda" and device.startswith("cuda"))


def _fits(names: Sequence[str]) -> ColumnElement[bool]:
    """Whether a run asks for one of these devices, or for any."""
    fits: ColumnElement[bool] = or_(RunRow.device_requested.is_(None), RunRow.device_requested.in_(names))
    if any(_matches("cuda", name) for name in names):
        fits = or_(fits, RunRow.device_requested == "cuda")
    return fits


def _oldest_ready(session: Session, free: Sequence[str]) -> tuple[int, str | None] | None:
    needed = aliased(RunRow)
    waits = exists().where(
        DependencyRow.run_id == RunRow.id, needed.id == DependencyRow.needs_run_id, needed.state != "done"
    )
    ready = select(RunRow.id, RunRow.device_requested).where(RunRow.state == "queued", _fits(free), ~waits)
    row = session.execute(ready.order_by(RunRow.id).limit(1)).first()
    return None if row is None else (row[0], row[1])


def _begin(session: Session, run_id: int, machine: Machine, device: str, agent_pid: int) -> int:
    moment = now()
    last = session.scalar(select(func.max(AttemptRow.number)).where(AttemptRow.run_id == run_id))
    attempt = {
        "run_id": run_id,
        "number": (last or 0) + 1,
        "host": machine.host,
        "machine": machine.id,
        "boot_id": machine.boot,
        "device": device,
        "agent_pid": agent_pid,
    }
    begun = {**attempt, "state": "running", "started_at": moment, "heartbeat_at": moment}
    attempt_id = insert_row(session, "attempts", begun)
    lease = {"attempt_id": attempt_id, "host": machine.host, "device": device, "acquired_at": moment}
    session.execute(insert(LeaseRow).values(lease))
    return attempt_id
