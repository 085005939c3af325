"""Starting workers and signalling them; only ever their own process groups."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from core.engine.folders import Owner, log_of

#: Variables that would let a caller's own `core/` or settings reach into our processes.
DROPPED = ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME")

#: Threads that wait for each other sleep (two that spin, beside another busy program, were measured ten times
#: slower than one alone); freed memory is kept (fresh pages cost a training step 8 to 20 %).
QUICK = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TOP_PAD_": "67108864",
}

#: Sets have one order in all processes: a network file that goes through one makes its layers alike in each.
ALIKE = {"PYTHONHASHSEED": "0"}


def environment() -> dict[str, str]:
    """The caller's environment without what changes where Python looks for modules, with what makes torch quick."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return {**QUICK, **kept, **ALIKE}


def start_worker(folder: Path) -> subprocess.Popen[bytes]:
    """A fresh interpreter in a session of its own, working in its run folder, its output in the run's log."""
    with _output(log_of(folder)) as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-u", "-m", "core.engine.worker", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment(),
            start_new_session=True,
        )


def _output(log: Path) -> BinaryIO:
    """The log to write on, or nowhere where that is impossible: no run fails for want of a log."""
    try:
        log.touch(mode=0o600)
        return log.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def start_agent(catalogue: Path, log: Path, cpu_jobs: int = 1) -> None:
    """An agent for this catalogue that outlives its caller and its terminal.

    A shell starts it and goes at once, so that the agent belongs to init and no caller has to wait for it.
    """
    options = ["--catalogue", str(catalogue), "--cpu-jobs", str(cpu_jobs)]
    agent = [sys.executable, "-P", "-m", "core.engine.agent", *options]
    log.touch(mode=0o600)
    with log.open("ab") as output:
        subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" &', "sh", *agent],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env=environment(),
            start_new_session=True,
            check=True,
        )


def signal_group(owner: Owner, number: signal.Signals) -> None:
    """Signal the process group of a worker that is known to be alive (it leads its own group)."""
    if owner.alive():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(owner.pid, number)
