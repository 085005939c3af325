"""A run's folder: its log, and a folder for each attempt: what agent and worker say to each other, as files.

    log.txt             what all attempts said for people to read, and what they printed (core.engine.log)
    N/job.json          what to do (written by the agent before the worker starts)
    N/owner             who may act for the attempt: made once, by its worker or by an agent that gave it up
    N/events.jsonl      what the worker says (core.results)
    N/resume.*          where it starts from, if not from scratch
    N/checkpoint.*      where a relaunch can go on
    N/*.safetensors     tensors it made, complete from the moment they have their name

Imports no torch.
"""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

import msgspec
import psutil

from core.input_files import InputModel, InputPath
from core.specs.runs import RunSpec

ABANDONED = "abandoned"
FIRST_SPACE = "pid:[4026531836]"  # of process ids, on every Linux: any other is a container's
GONE = 66  # exit status of a worker whose folder or catalogue was deleted
DISK_FULL = 28  # and of one whose disk is too full to say so
REPLACED = 75  # and of one under which other code was installed before it had loaded its own


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker needs to know.

    `inputs` are the models that the spec names, in its order, then those that `paths` join and it doesn't name.
    """

    run_id: int
    attempt_id: int
    spec: RunSpec
    device: str
    threads: int
    data_root: str | None
    inputs: list[InputModel]
    paths: list[InputPath] = []

    def save(self, folder: Path) -> None:
        write_private(folder / "job.json", msgspec.json.encode(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        return msgspec.json.decode((folder / "job.json").read_bytes(), type=cls)


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The process that acts for an attempt, named so that a reused pid is not mistaken for it."""

    pid: int
    started: float
    boot: str

    @classmethod
    def me(cls) -> Self:
        pid = os.getpid()
        return cls(pid=pid, started=psutil.Process(pid).create_time(), boot=boot_id())

    def alive(self) -> bool:
        """Whether that very process still runs since this start of the machine (a zombie doesn't)."""
        if self.boot != boot_id():
            return False
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def take(folder: Path, owner: Owner | None) -> bool:
    """Become the owner of the attempt in `folder` (None: give it up); False if another process was first."""
    text = ABANDONED.encode() if owner is None else msgspec.json.encode(owner)
    draft = folder / f"owner.{os.getpid()}"
    try:
        write_private(draft, text)
        os.link(draft, folder / "owner")  # complete, and only for the first
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def owner(folder: Path) -> Owner | None:
    """The process that owns the attempt; None if none does yet or it was given up."""
    try:
        text = (folder / "owner").read_bytes()
        return None if text == ABANDONED.encode() else msgspec.json.decode(text, type=Owner)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_private(file: Path, text: bytes) -> None:
    """Write a file that only its owner may read."""
    file.touch(mode=0o600)
    file.write_bytes(text)


def abandon(folder: Path) -> bool:
    """Give the attempt in `folder` up, for good; False if a process owns it."""
    make_folder(folder)
    return take(folder, None) or (folder / "owner").read_text() == ABANDONED


def make_folder(folder: Path) -> None:
    """Make an attempt's folder and its parents, for its owner alone."""
    for one in (folder.parents[1], folder.parent, folder):
        one.mkdir(mode=0o700, exist_ok=True)


def catalogue_of(folder: Path) -> Path:
    """The file of the catalogue that the attempt in `folder` belongs to (see store.catalogue.companion)."""
    files = folder.parents[2]
    return files.with_name(files.name.removesuffix(".files"))


def attempt_folder(runs: Path, run_id: int, number: int) -> Path:
    """Where the attempt `number` of a run lives; `runs` is the catalogue's folder of runs."""
    return runs / str(run_id) / str(number)


def log_of(folder: Path) -> Path:
    """The log of the run whose attempt lives in `folder`."""
    return folder.parent / "log.txt"


def checkpoint(runs: Path, run_id: int) -> Path | None:
    """The newest checkpoint that any attempt of a run left, else the one that it started from."""
    for name in ("checkpoint", "resume"):
        found = (runs / str(run_id)).glob(f"*/{name}.safetensors")
        if newest := max(found, key=lambda file: int(file.parent.name), default=None):
            return newest
    return None


@cache
def boot_id() -> str:
    """Names this start of the machine; in a container that of the container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = f"boot-{psutil.boot_time():.0f}"
    space = ""
    with suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return boot if space in ("", FIRST_SPACE) else f"{boot}/{space}"
