"""The identity of this computer, which separates attempts, leases and agents where several share a catalogue.

A name changes with the network, so it is a label only. A machine is known by /etc/machine-id or, without one
(containers, other systems), by an id of ours in a folder of this machine alone: no home folder, and nothing on a
network file system, where other machines would find it too. Machines made from one image may have one id all the
same; their starts differ, and so do those of containers on one machine, whose processes are not each other's.
"""

import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from platform import node

import psutil

from core.engine.folders import boot_id
from store import Machine
from store.filesystems import NETWORK, file_system

SYSTEM_ID = Path("/etc/machine-id")
KNOWN = re.compile(r"[0-9a-f]{32}")  # images hold none, or "uninitialized", until their first start


@cache
def this_machine() -> Machine:
    """The machine that this process runs on."""
    return Machine(id=machine_id(), boot=boot_id(), began=_start_time(), host=node() or "localhost")


def machine_id(system: Path = SYSTEM_ID) -> str:
    """An id that stays when the machine is renamed or restarted; a digest, since the system's own is confidential."""
    known = _read(system) or next(filter(None, map(_id_in, _folders())), None) or boot_id()
    return sha256(f"thalweg {known}".encode()).hexdigest()[:32]


def _start_time() -> datetime:
    """When this start of the machine, or of the container, began."""
    try:
        moment = psutil.Process(1).create_time()
    except psutil.Error:
        moment = psutil.boot_time()
    return datetime.fromtimestamp(moment, UTC)


def _read(file: Path) -> str | None:
    try:
        text = file.read_text(errors="replace").strip()
    except OSError:
        return None
    return text if KNOWN.fullmatch(text) else None


def _folders() -> Iterator[Path]:
    """Where an id can be kept: first what outlives a restart, last what ends with the session."""
    for folder in ("/var/tmp", tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR")):  # noqa: S108 - no name is guessed
        if folder and Path(folder).is_dir() and file_system(Path(folder)) not in NETWORK:
            yield Path(folder)


def _id_in(folder: Path) -> str | None:
    """The id kept in a folder, made there if need be; None if that is impossible or another user made it."""
    file = folder / f".thalweg-machine-{os.getuid()}"
    with suppress(OSError):
        if not file.exists():
            _make(file)
        found = file.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid():
            os.utime(file)  # in use: systems tidy these folders
            return _read(file)
    return None


def _make(file: Path) -> None:
    handle, name = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    try:
        with os.fdopen(handle, "w") as draft:
            draft.write(secrets.token_hex(16))
        with suppress(FileExistsError):
            os.link(name, file)  # complete, and only for the first
    finally:
        Path(name).unlink()
