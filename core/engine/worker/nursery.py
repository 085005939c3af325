"""`python -m core.engine.worker.nursery`: loads torch, then forks a worker for every folder named on standard input.

It says `ready`, and of every worker its number with its pid, then with its exit status. It ends when nobody is left to
name folders.
"""

import gc
import os
import select
import sys
import traceback
import warnings
from pathlib import Path

import core.engine.worker.jobs  # noqa: F401 - this is what all the workers need
from core.engine.folders import log_beside
from core.engine.launch import log_output
from core.engine.worker.__main__ import main

LOOK_SECONDS = 0.05  # from the end of a worker to what is said of it


def serve() -> None:
    """Fork and reap, until standard input ends."""
    workers: dict[int, int] = {}  # numbers, by pid
    begun, heard = 0, b""
    _say("ready")
    while True:
        if select.select([0], [], [], LOOK_SECONDS if workers else None)[0]:
            said = os.read(0, 65536)
            if not said:
                return
            *folders, heard = (heard + said).split(b"\n")
            for folder in folders:
                begun += 1
                pid = _fork(Path(os.fsdecode(bytes.fromhex(folder.decode()))))
                workers[pid] = begun
                _say(f"begun {begun} {pid}")
        for pid in list(workers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                _say(f"ended {workers.pop(pid)} {os.waitstatus_to_exitcode(status)}")


def _fork(folder: Path) -> int:
    """Its pid. The child leaves by itself, whatever happens: there is only one nursery."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: numpy's, which it makes anew in the child
        pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _settle(folder)
        status = main(folder)
    except BaseException:  # noqa: BLE001 - it has nobody else to tell
        traceback.print_exc()
    finally:
        os._exit(status)


def _settle(folder: Path) -> None:
    """A session of its own, in its folder, its output in the run's log: as if it had been started there."""
    os.setsid()
    os.chdir(folder)
    with Path(os.devnull).open("rb") as nothing, log_output(log_beside(folder)) as log:
        for number, file in ((0, nothing), (1, log), (2, log)):
            os.dup2(file.fileno(), number)


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    gc.freeze()  # what is loaded stays: no worker looks through it, and copies its pages
    serve()
    sys.exit()
