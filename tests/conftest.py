"""Shared by all tests: what hypothesis does, one thread for each process, and no process that outlives its test."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import settings

from tests import leftovers

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: threads that wait for each other spin

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # from a script, behind `&`: what tests start would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("thalweg", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("thalweg")

leftovers.mark()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: half of the time a test waits, for a process or for a screen."""
    return 2 * (psutil.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def none_left_at_all() -> Iterator[None]:
    """What whole modules share ends with them."""
    older = set(psutil.pids())
    yield
    left = leftovers.end(older)
    assert not left, f"processes were left: {left}"


@pytest.fixture(autouse=True)
def none_left(none_left_at_all: None) -> Iterator[None]:
    """Ends every process that a test started and left, and fails the test; comes first, so that it goes last."""
    older = set(psutil.pids())
    yield
    left = leftovers.end(older)
    assert not left, f"processes were left: {left}"
