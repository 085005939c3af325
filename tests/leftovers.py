"""Processes that a test started and left: found by a mark in their environment, and ended."""

import os
import time
from collections.abc import Iterator

import psutil

MARK = "THALWEG_TESTS"
PATIENCE = 2.0  # seconds: what was told to end is given these


def mark() -> None:
    """Whatever this process starts from now on bears its mark, however far it goes away from it."""
    os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"


def marked(older: set[int]) -> list[psutil.Process]:
    """Living processes that bear our mark, except those with an `older` id."""
    return list(_marked(set(psutil.pids()) - older - {os.getpid()}))


def _marked(pids: set[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        try:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE and _bears_mark(process):
                yield process
        except (psutil.Error, OSError):  # gone by now, or somebody else's
            continue


def _bears_mark(process: psutil.Process) -> bool:
    """Whether it is ours: by its mark, or as a child so young that the kernel has not laid out its environment yet."""
    environment = process.environ()
    return environment.get(MARK) == os.environ[MARK] if environment else process.ppid() == os.getpid()


def end(older: set[int]) -> list[str]:
    """End all marked processes without an `older` id that don't end by themselves; what they were."""
    until = time.monotonic() + PATIENCE
    while (left := marked(older)) and time.monotonic() < until:
        time.sleep(0.02)
    told = [_described(one) for one in left]
    while left:  # one of them may just be starting another
        for one in left:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=PATIENCE)
        left = marked(older)
    return told


def _described(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())}"
    except psutil.Error:
        return f"{process.pid}: gone by now"
