"""Tables of the queue: runs, their attempts, what they need and the devices they hold; and their records."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import NEVER_REUSED, Base

STATES = ("queued", "running", "done", "failed", "stale", "cancelled")
ACTIVE = ("running", "stale")
OUTCOMES = ("finding", "fault")
IN_STATES = f"state IN ({', '.join(map(repr, STATES))})"


@dataclass(frozen=True)
class NewRun:
    """A run to enqueue; `needs` are the runs that must be done first."""

    kind: str
    spec: str  # JSON text
    name: str | None = None
    network: str | None = None
    data: str | None = None
    method: str | None = None
    seed: int | None = None
    device_requested: str | None = None  # "cpu", "cuda", "cuda:1"; None: any
    data_root: str | None = None  # folder of data sets; None: the usual place
    study: str | None = None
    relaunch_of: int | None = None
    resume: str = "scratch"  # or "checkpoint"
    needs: tuple[int, ...] = ()
    git_commit: str | None = None


@dataclass(frozen=True)
class Run:
    """One piece of work; every column of `runs` (meanings and units: RunRow)."""

    id: int
    kind: str
    state: str
    name: str | None
    network: str | None
    data: str | None
    method: str | None
    seed: int | None
    study: str | None
    spec: str
    device_requested: str | None
    data_root: str | None
    resume: str
    relaunch_of: int | None
    fraction: float | None
    eta_seconds: float | None
    message: str | None
    cause: str | None
    cause_kind: str | None
    outcome: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    seconds: float | None
    git_commit: str | None
    starred: bool


@dataclass(frozen=True)
class Machine:
    """A computer: `id` stays when it is renamed or restarted, `boot` names the start that `began` then (aware).

    `host` is its name at the moment, a label.
    """

    id: str
    boot: str
    began: datetime
    host: str


@dataclass(frozen=True)
class Attempt:
    """One try at a run on one device of one machine; every column of `attempts`."""

    id: int
    run_id: int
    number: int
    host: str
    device: str
    agent_pid: int
    pid: int | None
    pid_started: float | None  # the process's start time, seconds since 1970
    boot_id: str | None
    state: str
    started_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None
    offset: int  # bytes of the event file that are in the catalogue
    environment: str | None  # JSON text
    cause: str | None
    exit_signal: int | None
    machine: str | None  # its id; None in rows that know the host's name only
    given_up_at: datetime | None  # set while nobody has heard from a machine whose attempt was given up


class RunRow(Base):
    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(IN_STATES, name="state_known"),
        CheckConstraint("resume IN ('scratch', 'checkpoint')", name="resume_known"),
        Index(None, "state", "created_at"),
        Index(None, "state", "finished_at"),
        Index(None, "state", "seconds"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True, doc="number of the run")
    kind: Mapped[str] = mapped_column(index=True, doc="what the run does: train, connect, bound, …")
    state: Mapped[str] = mapped_column(index=True, doc="queued, running, done, failed, stale or cancelled")
    name: Mapped[str | None] = mapped_column(index=True, doc="name given by a person")
    network: Mapped[str | None] = mapped_column(index=True, doc="network, as requested")
    data: Mapped[str | None] = mapped_column(index=True, doc="data set, as requested")
    method: Mapped[str | None] = mapped_column(index=True, doc="method of a connection, kind of a bound")
    seed: Mapped[int | None] = mapped_column(index=True, doc="seed of all random numbers")
    study: Mapped[str | None] = mapped_column(index=True, doc="study the run belongs to")
    spec: Mapped[str] = mapped_column(doc="the whole request, JSON text")
    device_requested: Mapped[str | None] = mapped_column(doc="cpu, cuda or cuda:N; empty: any")
    data_root: Mapped[str | None] = mapped_column(doc="folder of data sets; empty: the usual place")
    resume: Mapped[str] = mapped_column(doc="where it starts: scratch or checkpoint")
    relaunch_of: Mapped[int | None] = mapped_column(
        ForeignKey("runs.id", ondelete="SET NULL"), index=True, doc="run that this one repeats"
    )
    fraction: Mapped[float | None] = mapped_column(doc="how much is done, 0 to 1")
    eta_seconds: Mapped[float | None] = mapped_column(doc="estimated time left, s")
    message: Mapped[str | None] = mapped_column(doc="what it does just now")
    cause: Mapped[str | None] = mapped_column(doc="why it failed or was cancelled")
    cause_kind: Mapped[str | None] = mapped_column(
        index=True, doc="sort of cause: exception, killed, out of memory, input failed, could not connect, …"
    )
    outcome: Mapped[str | None] = mapped_column(
        index=True, doc="of a failed run: finding (an answer, such as could not connect) or fault; else empty"
    )
    created_at: Mapped[datetime] = mapped_column(index=True, doc="time of enqueueing, UTC")
    started_at: Mapped[datetime | None] = mapped_column(index=True, doc="time of the first attempt's start, UTC")
    finished_at: Mapped[datetime | None] = mapped_column(index=True, doc="time it ended, UTC")
    cancel_requested_at: Mapped[datetime | None] = mapped_column(doc="time a person asked to cancel it, UTC")
    seconds: Mapped[float | None] = mapped_column(index=True, doc="time from started_at to finished_at, s")
    git_commit: Mapped[str | None] = mapped_column(doc="commit of the program's repository, where there is one")
    starred: Mapped[bool] = mapped_column(default=False, server_default="0", doc="marked by a person")


class AttemptRow(Base):
    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("run_id", "number"),
        CheckConstraint(IN_STATES, name="state_known"),
        Index(None, "state", "host"),
        Index(None, "given_up_at", sqlite_where=text("given_up_at IS NOT NULL")),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    number: Mapped[int]
    host: Mapped[str]
    device: Mapped[str]
    agent_pid: Mapped[int]
    pid: Mapped[int | None]
    pid_started: Mapped[float | None]
    boot_id: Mapped[str | None]
    state: Mapped[str]
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    offset: Mapped[int] = mapped_column(default=0)
    environment: Mapped[str | None]
    cause: Mapped[str | None]
    exit_signal: Mapped[int | None]
    machine: Mapped[str | None]
    given_up_at: Mapped[datetime | None]


class DependencyRow(Base):
    __tablename__ = "run_dependencies"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    needs_run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, index=True)


class LeaseRow(Base):
    __tablename__ = "device_leases"
    __table_args__ = (Index(None, "host", "device"),)

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id", ondelete="CASCADE"), primary_key=True)
    host: Mapped[str]
    device: Mapped[str]
    acquired_at: Mapped[datetime]
